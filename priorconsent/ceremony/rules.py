"""What a keyset must hold to before anybody signs it: a signature by the roots cannot be taken back.

Replay asks less: it takes what the roots signed. These rules keep people from signing what they would regret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from priorconsent.errors import PriorConsentError, RuleError
from priorconsent.keys import Keyset, PrivateKey, RegistryKey, payload_of, read_keyset, sign_keyset
from priorconsent.records import in_order

USES = ("log", "grant", "receipt", "account")


def check_keyset(keyset: Keyset, previous: Keyset | None) -> None:
    """Refuse a keyset that nobody should sign; every reason at once.

    Args:
        previous: the keyset in force; ``None`` for the first one.

    Raises:
        RuleError: it breaks a rule.
    """
    faults = [*_roots(keyset), *_keys(keyset), *(_changes(keyset, previous) if previous else ())]
    if faults:
        raise RuleError("; ".join(faults))
    _rehearse(keyset, previous)


def check_follows(keyset: Keyset, previous: Keyset | None) -> None:
    """Refuse to compare a keyset with another one than that which it follows: what is new would look known.

    Args:
        previous: what is shown as the one before; ``None``: nothing is compared.

    Raises:
        RuleError: it follows another one.
    """
    faults = [*_follows(keyset, previous)] if previous else []
    if faults:
        raise RuleError("; ".join(faults))


def _follows(keyset: Keyset, previous: Keyset) -> Iterator[str]:
    if (keyset.version, keyset.previous, keyset.registry) != (
        previous.version + 1,
        previous.digest,
        previous.registry_id,
    ):
        yield f"it follows the keyset {keyset.previous}, and beside it lies {previous.digest}"


def _roots(keyset: Keyset) -> Iterator[str]:
    distinct = {jwk.thumbprint for jwk in keyset.roots}
    if len(distinct) != len(keyset.roots):
        yield "two roots are the same key"
    if keyset.threshold > len(distinct):
        yield f"{keyset.threshold} roots would have to sign, and there are {len(distinct)}"


def _keys(keyset: Keyset) -> Iterator[str]:
    uses = Counter(key.jwk.thumbprint for key in keyset.keys)
    roots = {jwk.thumbprint for jwk in keyset.roots}
    for kid, times in uses.items():
        if times > 1:
            yield f"key {kid} stands there {times} times; each use has a key of its own"
        if kid in roots:
            yield f"key {kid} is a root; roots sign keysets and nothing else"
    for jwk in (*keyset.roots, *(key.jwk for key in keyset.keys)):
        try:
            jwk.check()
        except PriorConsentError as error:
            yield f"key {jwk.thumbprint}: {error.detail}"
    for key in keyset.keys:
        if key.until is not None and key.until <= key.from_:
            yield f"{key.use} key {key.jwk.thumbprint} would end before it begins"
    for use in USES:
        if not any(key.use == use and key.until is None for key in keyset.keys):
            yield f"no {use} key goes on without end, so one day the registry would stand still"


def _changes(keyset: Keyset, previous: Keyset) -> Iterator[str]:
    yield from _follows(keyset, previous)
    now = {(key.use, key.jwk): key for key in keyset.keys}
    for before in previous.keys:
        key = now.get((before.use, before.jwk))
        if key is None:
            yield f"{before.use} key {before.jwk.thumbprint} is left out; it ends by `until`, for all to see when"
        elif key.from_ != before.from_:
            yield f"{before.use} key {before.jwk.thumbprint} would begin at another time than it did"
        elif _prolonged(key, before):
            yield f"{before.use} key {before.jwk.thumbprint} had an end, which is put off"


def _prolonged(key: RegistryKey, before: RegistryKey) -> bool:
    return before.until is not None and (key.until is None or key.until > before.until)


def _rehearse(keyset: Keyset, previous: Keyset | None) -> None:
    """Sign and read the keyset with roots that are thrown away, so that its form fails before the real ones sign."""
    old, new = ([PrivateKey.generate() for _ in one.roots] if one else [] for one in (previous, keyset))
    before = _with_roots(previous, old) if previous else None
    shown = _with_roots(keyset, new)
    if before is not None:
        shown = replace(shown, previous=before.digest, registry=before.registry_id)
    raw = sign_keyset(shown, [*old, *new])
    if read_keyset(raw, before) != shown or payload_of(raw).encode() != shown.encode():
        raise RuleError("the keyset does not read as it was written")


def _with_roots(keyset: Keyset, roots: list[PrivateKey]) -> Keyset:
    return replace(keyset, roots=in_order(root.jwk for root in roots))
