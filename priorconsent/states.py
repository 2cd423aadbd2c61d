"""The states that the map keeps, one record per kind of name (docs/spec/map.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from priorconsent import names
from priorconsent.errors import MalformedError
from priorconsent.offers import Offer
from priorconsent.records import Code, Count, Digest, Record, Time, Urn, UrnOrAny
from priorconsent.shares import Link


class Holder(Record, frozen=True):
    """A holder of one right, with the evidence level that the registry gave it."""

    right: Code
    party: Urn
    level: Code


class Claim(Record, frozen=True):
    """A party says that a name stands for a work."""

    work: Urn
    party: Urn
    level: Code


class BoundKey(Record, frozen=True, rename={"from_": "from"}):
    """A key of a party by its key id; times are those of the events that bound and ended it."""

    key: Digest
    method: Code
    from_: Time
    until: Time | None
    counts_from: Time

    def fault(self, time: str, *, widening: bool) -> str | None:
        """Why what is signed with this key does not count at a time; ``None`` if it does."""
        if time < self.from_:
            return f"the key is bound only from {self.from_}"
        if self.until is not None and self.until <= time:
            return f"the key ended at {self.until}"
        if widening and time < self.counts_from:
            return f"a first key may refuse and withdraw at once; what widens waits until {self.counts_from}"
        return None


class Refusal(Record, frozen=True):
    """A holder's standing no. ``["*"]`` means all."""

    refusal: Urn
    vendors: tuple[UrnOrAny, ...]
    works: tuple[UrnOrAny, ...]
    uses: tuple[Code, ...]


LifeState = Literal["active", "suspended", "withdrawn", "superseded"]


class LifeEntry(Record, frozen=True):
    """One step in the life of a grant; ``s`` is the state after it."""

    s: LifeState
    pos: Count
    time: Time
    ends_at: Time | None
    cause: Code | None


class WorkState(Record, frozen=True):
    """A work: who registered it, who holds rights in it, what it links to, which grants name it."""

    kind: Code
    party: Urn
    holders: tuple[Holder, ...]
    links: tuple[Link, ...]
    complete: bool
    share_set: Digest | None
    disputes: tuple[Urn, ...]
    grants: tuple[Urn, ...]
    since: Time
    pos: Count

    def speaks(self, party: str) -> bool:
        """Whether a party's claims on names count for this work."""
        if self.share_set is None:
            return party == self.party
        return any(holder.party == party for holder in self.holders)


class AliasState(Record, frozen=True):
    """What a name stands for. ``since`` null: nothing but claims below E1 was ever made."""

    claims: tuple[Claim, ...]
    since: Time | None
    pos: Count


class QueryState(Record, frozen=True):
    """Since when a URL of this path was claimed with a query, so that queries there tell works apart."""

    since: Time
    pos: Count


class PartyState(Record, frozen=True):
    """A party by its pseudonym; ``members`` only of a committee."""

    kind: Code
    members: tuple[Urn, ...] | None
    keys: tuple[BoundKey, ...]
    refusals: tuple[Refusal, ...]
    since: Time
    pos: Count

    def key(self, key_id: str) -> BoundKey | None:
        """The key with this id, in force or not."""
        return next((key for key in self.keys if key.key == key_id), None)


class GrantState(Record, frozen=True):
    """A logged grant: its whole terms, and its life as an entry per event."""

    digest: Digest
    offer_digest: Digest
    terms: Offer
    method: Code
    level: Code
    valid_from: Time | None
    valid_until: Time
    life: Annotated[tuple[LifeEntry, ...], Meta(min_length=1)]
    pos: Count


class KeysetState(Record, frozen=True):
    """The keyset in force."""

    version: Count
    digest: Digest
    pos: Count


class RightsTableState(Record, frozen=True):
    """The rights table in force."""

    version: Count
    digest: Digest
    pos: Count


State = WorkState | AliasState | QueryState | PartyState | GrantState | KeysetState | RightsTableState

KINDS: dict[str, type[State]] = {
    "work": WorkState,
    "party": PartyState,
    "grant": GrantState,
    "query": QueryState,
    **dict.fromkeys(names.ALIASES, AliasState),
}
_REGISTRY: dict[str, type[State]] = {names.KEYSET: KeysetState, names.RIGHTS_TABLE: RightsTableState}


def kind_of_state(name: str) -> type[State]:
    """The record that stands under a name.

    Raises:
        MalformedError: no such kind of name.
    """
    kind = _REGISTRY.get(name) or KINDS.get(names.kind_of(name))
    if kind is None:
        raise MalformedError(f"the map keeps nothing under {name[:80]!r}")
    return kind


def read_state(name: str, raw: bytes) -> State:
    """Read the state of a name from its canonical bytes."""
    return kind_of_state(name).parse(raw)
