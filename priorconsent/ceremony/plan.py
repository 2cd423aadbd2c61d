"""The plan of a ceremony, a file in TOML, and the keyset that it leads to.

::

    title = "First keyset of the example registry"
    threshold = 2
    key_delay_s = 259200

    [[root]]
    holder = "Association Example"
    key = "public:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"

    [[key]]
    use = "grant"
    key = "pkcs11:token=registry;object=grant?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin"
    from = "2026-12-01T00:00:00Z"
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from priorconsent.errors import MalformedError
from priorconsent.keys import MAX_KEYSET_SIGNATURES, Jwk, Keyset, RegistryKey, jwk_of
from priorconsent.records import Count, Record, Text, Time, convert, in_order
from priorconsent.signing.uris import ED25519_BYTES, KeyUri, PublicUri, read_uri

MAX_PLAN_BYTES = 1 << 18
MAX_KEYS = 256


class _Root(Record, frozen=True):
    holder: Text
    key: Text


class _Key(Record, frozen=True, rename={"from_": "from"}):
    use: Literal["log", "grant", "receipt", "account"]
    key: Text
    from_: Time
    until: Time | None = None


class _Plan(Record, frozen=True):
    title: Text
    threshold: Annotated[int, Meta(ge=1, le=MAX_KEYSET_SIGNATURES)]
    key_delay_s: Count
    root: Annotated[tuple[_Root, ...], Meta(min_length=1, max_length=MAX_KEYSET_SIGNATURES)]
    key: Annotated[tuple[_Key, ...], Meta(min_length=1, max_length=MAX_KEYS)]


@dataclass(frozen=True, slots=True)
class RootHolder:
    """Somebody who keeps a root key, and its public half."""

    holder: str
    jwk: Jwk


@dataclass(frozen=True, slots=True)
class PlannedKey:
    """An online key, and where the registry's processes find it."""

    use: Literal["log", "grant", "receipt", "account"]
    uri: KeyUri
    from_: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the root holders agreed on."""

    title: str
    threshold: int
    key_delay_s: int
    roots: tuple[RootHolder, ...]
    keys: tuple[PlannedKey, ...]


def read_plan(raw: bytes) -> Plan:
    """Read a plan.

    Raises:
        MalformedError: not TOML, or not a plan; the pointer says where.
    """
    if len(raw) > MAX_PLAN_BYTES:
        raise MalformedError(f"a plan of {len(raw)} bytes; at most {MAX_PLAN_BYTES} are read")
    try:
        value = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the plan is not TOML: {str(error)[:200]}") from None
    told = convert(value, _Plan)
    return Plan(
        title=told.title,
        threshold=told.threshold,
        key_delay_s=told.key_delay_s,
        roots=tuple(_root(place, one) for place, one in enumerate(told.root)),
        keys=tuple(PlannedKey(one.use, read_uri(one.key), one.from_, one.until) for one in told.key),
    )


def keyset_of(plan: Plan, public_half: Callable[[PlannedKey], Jwk], previous: Keyset | None) -> Keyset:
    """The keyset that a plan leads to; ``rules.check_keyset`` judges it.

    Args:
        public_half: finds out the public key of an online key.
        previous: the keyset in force; ``None`` for the first one.
    """
    keys = (RegistryKey(jwk=public_half(one), use=one.use, from_=one.from_, until=one.until) for one in plan.keys)
    return Keyset(
        v=1,
        registry=previous.registry_id if previous else None,
        version=previous.version + 1 if previous else 1,
        previous=previous.digest if previous else None,
        threshold=plan.threshold,
        roots=in_order(root.jwk for root in plan.roots),
        keys=in_order(keys),
        key_delay_s=plan.key_delay_s,
    )


def _root(place: int, told: _Root) -> RootHolder:
    uri = read_uri(told.key)
    # The key itself stays with its holder; a plan that knew where it lies would say too much.
    if not isinstance(uri, PublicUri) or len(uri.key) != ED25519_BYTES:
        pointer = "/".join(("", "root", str(place), "key"))
        raise MalformedError("a root is named by the public half of an Ed25519 key, public:…", pointer=pointer)
    return RootHolder(told.holder, jwk_of(uri.key))
