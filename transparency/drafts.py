"""Drafts: sealed when they are left, checked against their seals, completed into events and replayed."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from priorconsent import canonical, keys, names, replay, times
from priorconsent import events as ev
from priorconsent.errors import MalformedError, NotTrustedError, RuleError
from priorconsent.log.tiles import check_entry
from priorconsent.replay import Archive
from priorconsent.states import GrantState, KeysetState
from transparency import signers
from transparency.models import Pending
from transparency.overlay import Overlay

MAP_ROOT = ev.tag_of(ev.MapRoot)


def seal_of(unit: UUID, place: int, length: int, draft: bytes) -> bytes:
    """What ties a draft to its place in a unit of ``length`` drafts."""
    return signers.seal(unit.bytes + place.to_bytes(4, "big") + length.to_bytes(4, "big") + draft)


def check_seals(unit: list[Pending]) -> None:
    """Check that a unit is whole and as it was left.

    Raises:
        NotTrustedError: a draft was changed, moved, added or taken away.
    """
    for row in unit:
        expected = seal_of(row.unit, row.place, len(unit), bytes(row.draft))
        if not hmac.compare_digest(expected, bytes(row.seal)):
            raise NotTrustedError(f"draft {row.place} of the unit is not as it was left: the database was changed")


def complete(draft: bytes, time: str, ledger: Overlay, archive: Archive) -> ev.Event:
    """The event that a draft becomes at ``time``.

    Raises:
        MalformedError: no event.
        RuleError: what it builds on does not exist.
    """
    members = canonical.parse_canonical(draft)
    if not isinstance(members, dict) or members.get("t") == MAP_ROOT:
        raise MalformedError("not a draft of an event")
    fill = _FILL.get(str(members.get("t")))
    filled = fill(members, time, ledger, archive) if fill else {}
    return ev.event_of({**members, **filled, "time": time})


def take(draft: bytes, time: str, ledger: Overlay, archive: Archive) -> None:
    """Take the event that a draft becomes into a ledger, with all evidence at hand.

    Raises:
        RuleError: it breaks a rule. Of any error the ledger is of no use afterwards.
        NotTrustedError: evidence or a blob is missing, or proved invalid.
        MalformedError: no event, or one longer than an entry may be.
    """
    event = complete(draft, time, ledger, archive)
    check_entry(event.encode())
    effect = replay.apply(event, ledger, archive)
    if effect.alarm is not None:
        raise RuleError(effect.alarm)
    if effect.unchecked:
        raise NotTrustedError(f"evidence is missing: {', '.join(effect.unchecked)}")


def mentioned(drafts: Iterable[bytes]) -> list[str]:
    """Names of states that these drafts will be held against, as far as they show."""
    found = [names.KEYSET, names.RIGHTS_TABLE]
    for draft in drafts:
        try:
            members = canonical.parse_canonical(draft)
        except MalformedError:
            # Its own unit is refused for it, later.
            continue
        for text in _texts(members):
            if text.startswith("urn:uuid:"):
                found += [names.work(text), names.party(text), names.grant(text)]
        if isinstance(members, dict) and isinstance(members.get("name"), str):
            found.append(members["name"])
    return list(dict.fromkeys(found))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for item in value.values() for text in _texts(item))
        case list():
            yield from (text for item in value for text in _texts(item))


def _ends_at(members: dict[str, Any], time: str, ledger: Overlay, archive: Archive) -> dict[str, str]:
    del archive
    grant = ledger.state(names.grant(str(members.get("grant"))))
    if not isinstance(grant, GrantState):
        raise RuleError("there is no such grant to withdraw")
    return {"ends_at": times.plus(time, grant.terms.withdrawal.notice_s)}


def _counts_from(members: dict[str, Any], time: str, ledger: Overlay, archive: Archive) -> dict[str, str]:
    if members.get("bound_by") is not None:
        return {"counts_from": time}
    state = ledger.state(names.KEYSET)
    if not isinstance(state, KeysetState):
        raise RuleError("there is no keyset yet")
    return {"counts_from": times.plus(time, keys.payload_of(archive.keyset(state.digest)).key_delay_s)}


_FILL: dict[str, Callable[[dict[str, Any], str, Overlay, Archive], dict[str, str]]] = {
    ev.tag_of(ev.Withdraw): _ends_at,
    ev.tag_of(ev.PartyKey): _counts_from,
}
