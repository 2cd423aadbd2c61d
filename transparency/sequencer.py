"""The one place that gives events their position and time.

From a draft to a published checkpoint:

1. ``append`` leaves drafts, in the transaction of whoever decided.
2. ``sequence`` takes what waits, replays each unit with all evidence at hand, and commits events, map, trees
   and the new root in one transaction. What does not replay is refused and raises an alarm.
3. ``checkpoints.sign_newest`` signs that root.
4. ``countersigning.countersign`` asks the witnesses.
5. ``publisher.publish`` writes the files, the checkpoint last, once enough of them signed; ``snapshots`` follow.

A crash within a step leaves nothing of it, or nothing that anybody reads; a crash between two steps leaves
the next one undone. Each begins from what the database says, so whoever comes next does it: the next
request, or ``sweep``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from priorconsent import events as ev
from priorconsent import replay, times
from priorconsent.errors import PriorConsentError, RuleError, SigningError
from transparency import drafts, last_signed, publisher, snapshots, witnesses
from transparency.alarms import NOT_SIGNED, UNIT_REFUSED, DatabaseChangedError, raise_alarm
from transparency.anchors import check_anchor
from transparency.archive import DatabaseArchive
from transparency.bulk import chunks
from transparency.checkpoints import sign_newest
from transparency.countersigning import countersign
from transparency.models import Attachment, Blob, Checkpoint, Event, EvidenceItem, Head, Pending
from transparency.overlay import Overlay
from transparency.store import DatabaseLedger
from transparency.storing import store_log, store_map
from transparency.trees import log_nodes

# A batch holds the write lock of the database for about a millisecond per event.
MAX_BATCH_EVENTS = 500
# Each takes several parameters of the statement.
ROWS_PER_UPDATE = 250
# How often an idle log says that it is alive, within the time that its checkpoints stay fresh.
HEARTBEATS_PER_FRESHNESS = 3
# This project's advisory lock among those of a PostgreSQL database.
LOCK = int.from_bytes(b"pc-log", "big")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one run of the sequencer did.

    Args:
        size: of the log afterwards.
        time: shared by the events of the batch.
        logged: units, in order.
        refused: units, in order; each has its reason and an alarm.
    """

    size: int
    time: str
    logged: tuple[UUID, ...] = ()
    refused: tuple[UUID, ...] = ()


def sequence(now: str) -> Batch | None:
    """Log what waits, ``MAX_BATCH_EVENTS`` at most; nothing is signed or published yet.

    Returns:
        ``None`` if nothing waited.

    Raises:
        DatabaseChangedError: the rows do not lead to what was signed; nothing was done, and an alarm tells.
    """
    with _turn(now):
        units = _waiting()
        return _sequence(units, now) if units else None


def heartbeat(now: str, *, at_once: bool = False) -> Batch | None:
    """Append a map-root if the last one has lived a third of its time.

    Args:
        at_once: whenever that was, since its witnesses came too late for it.

    Returns:
        ``None`` if it has not, or there is no log yet.
    """
    with _turn(now):
        newest = Checkpoint.newest()
        if newest is None:
            return None
        # Also where nothing is due: that an old copy of the database is back shows at once, and not hours later.
        ledger = _open_ledger()
        every_s = 0 if at_once else settings.PRIORCONSENT_FRESH_FOR_S // HEARTBEATS_PER_FRESHNESS
        if now < times.plus(newest.time, every_s):
            return None
        return Batch(_close(Overlay(ledger), ledger, DatabaseArchive(), now), now)


def finish(now: str) -> bool:
    """Sign and publish what is sequenced, whoever sequenced it.

    Returns:
        Whether witnesses answered too late for the newest checkpoint, so that another one is needed.
    """
    with _alarmed(now):
        outdated = False
        witnesses.check_not_restored()
        if witnesses.may_sign():
            # A crash before this line leaves a row without a note: nobody has seen the root, and the next
            # ``finish`` signs that same row.
            sign_newest(now)
            # A crash here: witnesses are asked again, and sign again.
            outdated = countersign(now)
        # A crash here leaves a signed checkpoint in the database alone: the next ``finish`` publishes it.
        publisher.publish()
        publisher.watch(now)
        snapshots.write_if_small()
        return outdated


def write_snapshot(now: str) -> None:
    """Write the snapshot of a map that is large, where one is due."""
    with _alarmed(now):
        snapshots.write_due(now)


def run(now: str) -> bool:
    """Sequence until nothing waits; sign and publish each batch, so that none waits for a backlog.

    Returns:
        As ``finish``.
    """
    while sequence(now) is not None:
        finish(now)
    return finish(now)


def sweep(now: str) -> None:
    """Do whatever is due. Safe at any time, in any number of processes."""
    outdated = run(now)
    if heartbeat(now, at_once=outdated) is not None:
        finish(now)


@contextmanager
def _alarmed(now: str) -> Iterator[None]:
    try:
        yield
    except DatabaseChangedError as changed:
        # Outside the transaction that found it, which is rolled back.
        raise_alarm(now, changed.code, str(changed))
        raise
    except SigningError as error:
        raise_alarm(now, NOT_SIGNED, str(error))
        raise


@contextmanager
def _turn(now: str) -> Iterator[None]:
    """A transaction in which no other sequencer runs."""
    with _alarmed(now):
        # Outside the transaction: witnesses take their time, and others want to write.
        witnesses.check_not_restored()
        with transaction.atomic(durable=True):
            _take_turn()
            yield


def _take_turn() -> None:
    """Wait until no other sequencer runs. On SQLite the IMMEDIATE transaction has seen to that already.

    The lock spares work; what forbids a fork are the head row and the primary keys of events.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _open_ledger() -> DatabaseLedger:
    ledger = DatabaseLedger()
    # What the public and monitors have seen: a database restored from an old copy must not sign another future.
    for shown in publisher.read_all_shown():
        check_anchor(shown, log_nodes(ledger.size))
    # Nor go on from where it signed something else.
    last_signed.check(log_nodes(ledger.size))
    beyond = Event.objects.filter(pos__gte=ledger.size).exists()
    if beyond and Head.objects.filter(size=ledger.size).exists():
        raise DatabaseChangedError(f"there are rows of events beyond the {ledger.size} that were logged")
    return ledger


def _waiting() -> list[list[Pending]]:
    """Whole units in order of submission, as many as fit into a batch, at least one."""
    rows = Pending.objects.filter(state=Pending.State.PENDING).order_by("id")[: MAX_BATCH_EVENTS + 1]
    waiting = list(dict.fromkeys(row.unit for row in rows))
    if len(rows) > MAX_BATCH_EVENTS and len(waiting) > 1:
        # The last one may be cut off.
        waiting.pop()
    found = Pending.objects.filter(unit__in=waiting).order_by("unit", "place")
    units = {unit: list(drafts) for unit, drafts in groupby(found, key=lambda row: row.unit)}
    return [units[unit] for unit in waiting]


def _sequence(units: list[list[Pending]], now: str) -> Batch:
    ledger, archive = _open_ledger(), DatabaseArchive()
    batch = Overlay(ledger)
    # Time never goes back, and runs ahead of the clock only as far as the last event already did.
    time = max(now, ledger.last_time or now)
    attached = _attachments(units)
    digests = {digest for some in attached.values() for digest in some}
    archive.load(digests)
    ledger.load_spent(digests)
    ledger.load_tied(drafts.mentioned(bytes(row.draft) for unit in units for row in unit))
    logged, refused, used = [], [], set[str]()
    for unit in units:
        archive.used = set(attached.get(unit[0].unit, ()))
        reason = _try(unit, batch, archive, time)
        if reason is None:
            logged.append(unit)
            used |= archive.used
        else:
            refused.append(_refuse(unit[0].unit, reason, now))
    if logged:
        _mark_logged([row for unit in logged for row in unit], used, ledger.size)
        _close(batch, ledger, archive, time)
    return Batch(batch.size, time, tuple(unit[0].unit for unit in logged), tuple(refused))


def _attachments(units: list[list[Pending]]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    rows = Attachment.objects.filter(unit__in=[unit[0].unit for unit in units])
    for unit, digest in rows.values_list("unit", "digest"):
        found.setdefault(unit, []).append(digest)
    return found


def _try(unit: list[Pending], batch: Overlay, archive: DatabaseArchive, time: str) -> str | None:
    """Replay a unit on top of the batch.

    Returns:
        Why it cannot be logged, and then the batch is as before; ``None`` if the batch now holds it.
    """
    scratch = Overlay(batch)
    try:
        drafts.check_seals(unit)
        for row in unit:
            drafts.take(bytes(row.draft), time, scratch, archive)
    except DatabaseChangedError:
        # Not this unit's fault: nothing may be logged on such ground.
        raise
    except PriorConsentError as error:
        return str(error)
    batch.take(scratch)
    return None


def _refuse(unit: UUID, reason: str, now: str) -> UUID:
    Pending.objects.filter(unit=unit).update(state=Pending.State.REFUSED, reason=reason)
    raise_alarm(now, UNIT_REFUSED, reason, unit)
    return unit


def _mark_logged(rows: list[Pending], used: set[str], begin: int) -> None:
    for pos, row in enumerate(rows, begin):
        row.state, row.pos = Pending.State.LOGGED, pos
    Pending.objects.bulk_update(rows, ["state", "pos"], batch_size=ROWS_PER_UPDATE)
    for some in chunks(used):
        for model in (Blob, EvidenceItem):
            model.objects.filter(digest__in=some, pos__isnull=True).update(pos=begin)


def _close(batch: Overlay, ledger: DatabaseLedger, archive: DatabaseArchive, time: str) -> int:
    """End a batch with its map-root and store it; the new size.

    All rows come with one commit: a crash before it leaves the drafts waiting, as if nothing had been.
    """
    map_root, leaves = store_map(batch, ledger)
    root_event = ev.MapRoot(
        time=time,
        map=1,
        size=batch.size,
        root=f"sha256:{map_root.hex()}",
        n=leaves,
        fresh_for_s=settings.PRIORCONSENT_FRESH_FOR_S,
    )
    effect = replay.apply(root_event, batch, archive)
    if effect.alarm is not None:
        raise RuleError(effect.alarm)
    store_log(batch, ledger, leaves)
    return batch.size
