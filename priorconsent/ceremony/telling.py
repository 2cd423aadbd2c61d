"""A keyset in plain words, for those who are about to sign it: what it names, and what changes by it."""

from __future__ import annotations

from collections.abc import Iterator

from priorconsent.canonical import digest_bytes
from priorconsent.keys import Keyset, RegistryKey

DAY_S = 86400
GROUP = 4


def tell(keyset: Keyset, previous: Keyset | None) -> list[str]:
    """The lines to read before signing.

    Args:
        previous: the keyset that it follows; ``None``: of a first one, or unknown.
    """
    return [*_head(keyset, previous), *_roots(keyset, previous), *_keys(keyset, previous), _delay(keyset, previous)]


def spoken(digest: str) -> str:
    """A digest in groups of four, to be read out and compared."""
    text = digest_bytes(digest).hex()
    return " ".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))


def _head(keyset: Keyset, previous: Keyset | None) -> Iterator[str]:
    if keyset.version == 1:
        yield "Keyset 1: it founds a registry, whose name for good is the digest of this keyset."
    else:
        yield f"Keyset {keyset.version} of registry {keyset.registry_id}"
        yield f"  follows keyset {keyset.version - 1}, digest {keyset.previous}"
        if previous is None:
            yield "  which was not given: nothing here says what changes (--previous FILE)"
    yield f"Digest: {keyset.digest}"
    yield f"  to read out: {spoken(keyset.digest)}"


def _roots(keyset: Keyset, previous: Keyset | None) -> Iterator[str]:
    yield f"Roots: {keyset.threshold} of these {len(keyset.roots)} must sign a keyset that follows"
    before = {jwk.thumbprint for jwk in previous.roots} if previous else None
    for jwk in keyset.roots:
        yield f"  {jwk.thumbprint}{_mark(None if before is None else jwk.thumbprint in before)}"
    for kid in sorted((before or set()) - {jwk.thumbprint for jwk in keyset.roots}):
        yield f"  {kid}  NO LONGER A ROOT"
    if previous is not None and previous.threshold != keyset.threshold:
        yield f"  THE THRESHOLD CHANGES from {previous.threshold} to {keyset.threshold}"


def _keys(keyset: Keyset, previous: Keyset | None) -> Iterator[str]:
    yield "Keys of the registry:"
    before = {(key.use, key.jwk): key for key in previous.keys} if previous else None
    for key in keyset.keys:
        period = f"from {key.from_} until {key.until or 'further notice'}"
        known = None if before is None else before.get((key.use, key.jwk))
        yield f"  {key.use:<7}  {key.jwk.thumbprint}  {period}{_change(key, known, compared=before is not None)}"
    here = {(key.use, key.jwk) for key in keyset.keys}
    for key in previous.keys if previous else ():
        if (key.use, key.jwk) not in here:
            yield f"  {key.use:<7}  {key.jwk.thumbprint}  LEFT OUT"


def _change(key: RegistryKey, known: RegistryKey | None, *, compared: bool) -> str:
    if not compared:
        return ""
    if known is None:
        return "  NEW"
    if known == key:
        return "  as before"
    return f"  CHANGED: it was from {known.from_} until {known.until or 'further notice'}"


def _mark(known: bool | None) -> str:  # noqa: FBT001 (three answers: yes, no, nobody knows)
    return "" if known is None else "  as before" if known else "  NEW"


def _delay(keyset: Keyset, previous: Keyset | None) -> str:
    told = f"A party's first key counts after {keyset.key_delay_s} s ({keyset.key_delay_s / DAY_S:g} days)"
    if previous is None or previous.key_delay_s == keyset.key_delay_s:
        return told
    return f"{told}  CHANGED from {previous.key_delay_s} s"
