"""The rows beside a log that was taken over: what entries and evidence tell of parties, keys, works and refusals.

Names, titles and documents were never there, and parties give them anew. An operator's check is told by the level
that the log shows: that of a name counts for what is claimed next, as that operator's word; those of a share set
stand in the map, where the next set finds them, and a proposal that was not logged yet is checked anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from priorconsent import events as ev
from priorconsent.errors import NotTrustedError
from registry import evidence
from registry.models import Check, Party, PartyKeyRecord, RefusalRecord, ShareSet, Work
from transparency.adopting import logged_events
from transparency.archive import DatabaseArchive

BY = "the operator before"


def make_rows() -> None:
    """Make the rows; within the transaction that takes over the log."""
    archive = DatabaseArchive()
    for pos, event in logged_events():
        make = _ROWS.get(type(event))
        if make is not None:
            make(event, pos, archive)


def _party(event: ev.PartyAdd, pos: int, archive: DatabaseArchive) -> None:
    del pos, archive
    row = Party.objects.create(urn=event.party, kind=event.kind, added_at=event.time)
    row.members.set(Party.objects.filter(urn__in=event.members or ()))


def _key(event: ev.PartyKey, pos: int, archive: DatabaseArchive) -> None:
    del pos
    PartyKeyRecord.objects.create(
        key=event.key,
        party=Party.objects.get(urn=event.party),
        record=archive.evidence(event.key),
        bound_by=event.bound_by or "",
        received_at=event.time,
    )


def _work(event: ev.WorkAdd, pos: int, archive: DatabaseArchive) -> None:
    del pos, archive
    registrant = Party.objects.get(urn=event.party)
    Work.objects.create(
        urn=event.work, kind=event.kind, registrant=registrant, added_at=event.time, claim=event.statement
    )


def _alias(event: ev.Alias, pos: int, archive: DatabaseArchive) -> None:
    del archive
    if event.level == evidence.CHECKED and not event.ended:
        Check.objects.create(
            party=Party.objects.get(urn=event.party),
            work=Work.objects.get(urn=event.work),
            name=event.name,
            seen=f"entry {pos} of the log",
            by=BY,
            at=event.time,
        )


def _share_set(event: ev.ShareSetChange, pos: int, archive: DatabaseArchive) -> None:
    del pos
    document = archive.evidence(event.digest)
    if document is None:
        raise NotTrustedError(f"the share set {event.digest} is missing: nobody could follow it by another")
    ShareSet.objects.create(
        work=Work.objects.get(urn=event.work),
        version=event.version,
        digest=event.digest,
        document=document,
        state=ShareSet.State.LOGGED,
        proposed_at=event.time,
    )


def _refusal(event: ev.Refuse, pos: int, archive: DatabaseArchive) -> None:
    del pos, archive
    RefusalRecord.objects.create(
        urn=event.refusal,
        party=event.party,
        vendors=list(event.vendors),
        works=list(event.works),
        uses=list(event.uses),
        received_at=event.time,
    )


def _refusal_end(event: ev.RefuseEnd, pos: int, archive: DatabaseArchive) -> None:
    del pos, archive
    RefusalRecord.objects.filter(urn=event.refusal).update(ended_at=event.time)


_ROWS: dict[type[ev.Event], Callable[[Any, int, DatabaseArchive], None]] = {
    ev.PartyAdd: _party,
    ev.PartyKey: _key,
    ev.WorkAdd: _work,
    ev.Alias: _alias,
    ev.ShareSetChange: _share_set,
    ev.Refuse: _refusal,
    ev.RefuseEnd: _refusal_end,
}
