"""The events of the log: a closed list, told apart by ``t`` (docs/spec/events.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from priorconsent import canonical
from priorconsent.errors import MalformedError, NotAvailableError
from priorconsent.records import Code, Count, Digest, Name, Record, Text, Time, Urn, UrnOrAny, convert
from priorconsent.shares import Link
from priorconsent.states import Holder

MAX_EVENT_BYTES = 65_535

Version = Annotated[int, Meta(ge=1)]
Statements = tuple[Digest, ...]


class Event(Record, frozen=True, tag_field="t"):
    """One leaf of the log. Events of one batch share one ``time``."""

    time: Time


class LogOpen(Event, frozen=True, tag="log-open"):
    """The first leaf."""

    format: Literal[1]
    origin: Text
    registry: Digest
    keyset: Digest


class KeysetChange(Event, frozen=True, tag="keyset"):
    """A keyset comes into force. Widening."""

    version: Version
    digest: Digest


class RightsTableChange(Event, frozen=True, tag="rights-table"):
    """A rights table comes into force. Widening."""

    version: Version
    digest: Digest


class PartyAdd(Event, frozen=True, tag="party"):
    """A party comes to exist."""

    party: Urn
    kind: Code
    members: tuple[Urn, ...] | None


class PartyKey(Event, frozen=True, tag="party-key"):
    """A key is bound to a party. Widening from ``counts_from``."""

    party: Urn
    key: Digest
    method: Code
    bound_by: Digest | None
    counts_from: Time
    statements: Statements


class PartyKeyEnd(Event, frozen=True, tag="party-key-end"):
    """A key ends; ``suspect_from``: since when it may have been in other hands."""

    party: Urn
    key: Digest
    reason: Code
    suspect_from: Time | None
    statement: Digest | None


class WorkAdd(Event, frozen=True, tag="work"):
    """A work comes to exist; ``party`` is its registrant. Widening."""

    work: Urn
    kind: Code
    party: Urn
    statement: Digest


class Alias(Event, frozen=True, tag="alias"):
    """A name stands for a work, says a party; or no longer, if ``ended``. Widening."""

    name: Name
    work: Urn
    party: Urn
    level: Code
    ended: bool
    statement: Digest


class ShareSetChange(Event, frozen=True, tag="share-set"):
    """A version of a work's holders and links. Widening."""

    work: Urn
    version: Version
    previous: Digest | None
    digest: Digest
    holders: tuple[Holder, ...]
    links: tuple[Link, ...]
    complete: bool
    statements: Statements


class Refuse(Event, frozen=True, tag="refuse"):
    """A standing no."""

    refusal: Urn
    party: Urn
    vendors: tuple[UrnOrAny, ...]
    works: tuple[UrnOrAny, ...]
    uses: tuple[Code, ...]
    statement: Digest


class RefuseEnd(Event, frozen=True, tag="refuse-end"):
    """A standing no ends. Widening."""

    refusal: Urn
    party: Urn
    statement: Digest


class GrantAdd(Event, frozen=True, tag="grant"):
    """A grant comes into force with its inclusion. Widening."""

    grant: Urn
    digest: Digest
    offer: Digest
    works: tuple[Urn, ...]
    valid_from: Time | None
    valid_until: Time
    method: Code
    level: Code


class Suspend(Event, frozen=True, tag="suspend"):
    """A grant pauses."""

    grant: Urn
    cause: Literal["holder", "dispute", "court", "key"]
    party: Urn | None
    statement: Digest | None


class Resume(Event, frozen=True, tag="resume"):
    """The suspension at position ``ends`` is over. Widening."""

    grant: Urn
    ends: Count
    party: Urn | None
    statement: Digest | None


class Withdraw(Event, frozen=True, tag="withdraw"):
    """A grant ends by its holders, after the notice that it names."""

    grant: Urn
    parties: tuple[Urn, ...]
    statements: Statements
    ends_at: Time


class Supersede(Event, frozen=True, tag="supersede"):
    """A grant ends because a later one takes its place."""

    grant: Urn
    next: Urn


class Anchor(Event, frozen=True, tag="anchor"):
    """The log commits to something that lies outside it; it changes no state.

    Args:
        kind: ``receipts``: ``digest`` is the root over a list of receipt digests, which is a blob.
        party, statement: of the party whose it is; ``None``: the registry's own.
    """

    kind: Literal["receipts"]
    digest: Digest
    party: Urn | None
    statement: Digest | None


class MapRoot(Event, frozen=True, tag="map-root"):
    """The root of the map of the ``size`` events before this one; the last leaf of a checkpoint."""

    map: Literal[1]
    size: Count
    root: Digest
    n: Count
    fresh_for_s: Count


class LogClose(Event, frozen=True, tag="log-close"):
    """The last leaf of a log that goes on elsewhere."""

    reason: Code
    next: Text | None


TYPES: tuple[type[Event], ...] = (
    LogOpen,
    KeysetChange,
    RightsTableChange,
    PartyAdd,
    PartyKey,
    PartyKeyEnd,
    WorkAdd,
    Alias,
    ShareSetChange,
    Refuse,
    RefuseEnd,
    GrantAdd,
    Suspend,
    Resume,
    Withdraw,
    Supersede,
    Anchor,
    MapRoot,
    LogClose,
)
_BY_TAG: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in TYPES}
ANCHOR = str(Anchor.__struct_config__.tag)
# What anchors will commit to one day.
LATER_ANCHORS = frozenset({"snapshots", "runs", "enquiries", "notices"})


def read_event(raw: bytes) -> Event:
    """Read one leaf of the log.

    Raises:
        MalformedError: not canonical, or no event of the list; replay stops at it.
        NotAvailableError: an anchor of a kind that comes later.
    """
    return event_of(canonical.parse_canonical(raw, max_bytes=MAX_EVENT_BYTES))


def event_of(value: canonical.Json) -> Event:
    """As ``read_event``, from plain JSON values."""
    tag = value.get("t") if isinstance(value, dict) else None
    if not isinstance(tag, str) or tag not in _BY_TAG:
        raise MalformedError("no event of the list", pointer="/t")
    kind = value.get("kind") if tag == ANCHOR else None
    if isinstance(kind, str) and kind in LATER_ANCHORS:
        raise NotAvailableError(f"anchors of {kind} are not available yet", pointer="/kind")
    return convert(value, _BY_TAG[tag])


def tag_of(event: Event | type[Event]) -> str:
    """The value of ``t``."""
    return str(event.__struct_config__.tag)


def cited(event: Event) -> tuple[str, ...]:
    """Evidence digests that the event itself names (a grant names its own in the token)."""
    members: dict[str, Any] = msgspec.structs.asdict(event)
    one = members.get("statement")
    return (*members.get("statements", ()), *((one,) if one is not None else ()))
