"""A registry goes on elsewhere: its published files become the database of another operator.

1. The database is empty, and nothing has been published from it.
2. ``fsck`` finds the folder clean: every signature, every map-root, every file. What evidence is missing is named;
   only what the new operator lists as erased may be.
3. This process's keys verify the log's newest checkpoint: those that were handed over, or their public halves beside
   new ones.
4. In one transaction: blobs and evidence, then batch by batch the entries, replayed anew on the database; each
   map-root is compared with the map as the database holds it.
5. The files are published from the database, and are the same.

Registry, origin and trust file stay what they were. Where the keys were not handed over, a ceremony makes the
next keyset (docs/guides/rehost.md). Names, accounts and whatever else was never in the log do not come with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from django.conf import settings
from django.db import transaction

from priorconsent import events as ev
from priorconsent import replay
from priorconsent.contents import is_content
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import counted
from priorconsent.errors import ConflictError, NotTrustedError, ProofError, SigningError, UnknownSignerError
from priorconsent.log.checkpoint import Checkpoint as LogCheckpoint
from priorconsent.log.opening import open_checkpoint, open_signed
from priorconsent.log.tiles import directory_reader, read_entries
from priorconsent.trust import Trust
from transparency import last_signed, publisher, signers, snapshots, timestamps
from transparency.archive import DatabaseArchive
from transparency.bulk import ROWS_IN_MEMORY, chunks
from transparency.keysets import write_trust
from transparency.models import Blob, Checkpoint, Event, EvidenceItem, Head, Pending, Stored
from transparency.overlay import Overlay
from transparency.policies import log_policy
from transparency.store import DatabaseLedger
from transparency.storing import store_log, store_map

FOLDERS: tuple[tuple[type[Stored], str], ...] = ((Blob, "blob"), (EvidenceItem, "evidence"))
# Of those missing, so many are named.
MAX_TOLD = 20
NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over.

    Args:
        missing: evidence that is erased, so that the log's word stands alone.
        alarms: entries that broke a rule, and have no effect here either.
    """

    registry: str
    size: int
    states: int
    missing: frozenset[str]
    alarms: tuple[str, ...]


def adopt(folder: Path, trust: Trust, rows: Callable[[], None], erased: Collection[str] = ()) -> Adopted:
    """Take a published log over into an empty database, by the procedure above.

    Args:
        folder: holds log/, blob/, evidence/, snapshots/, and timestamps/ if there are any.
        trust: of the registry as it was; a file that its readers have.
        rows: makes, within the transaction, what other apps keep beside the log.
        erased: digests of evidence that may be missing.

    Raises:
        ConflictError: the database is not empty, or is set up for another origin.
        NotTrustedError: the folder is not clean, or evidence is missing; says what.
        SigningError: the keys at hand do not verify the log's checkpoint.
    """
    # 1.
    _check_empty(trust)
    # 2.
    found = fsck(Folder(folder), trust)
    missing = frozenset(found.unchecked)
    _require_clean([str(one) for one in (*found.wrong, *found.unable)], missing - set(erased))
    # 3.
    signers.make_keys(root=False)
    note = (folder / "log" / "checkpoint").read_bytes()
    newest = _open_own(note)
    size = newest.size
    # 4.
    with transaction.atomic(durable=True):
        _store_contents(folder)
        for batch in _batches(read_entries(directory_reader(folder / "log"), size)):
            _take_batch(batch, missing)
        _put_notes(chain([(size, note)], _kept_notes(folder)))
        timestamps.take_over(folder / "timestamps")
        for model, _ in FOLDERS:
            # What no entry asks for, such as texts that offers pin, was published all the same.
            model.objects.filter(pos=None).update(pos=0)
        rows()
    # 5. A crash before this line: the log is there, and refuses to sign until this file is (docs/guides/restoring.md).
    last_signed.remember(last_signed.Signed(size, newest.root))
    write_trust()
    publisher.publish(everything=True)
    timestamps.publish_all()
    snapshots.write()
    return Adopted(trust.registry, size, DatabaseLedger().leaves, missing, tuple(map(str, found.alarms)))


def logged_events() -> Iterator[tuple[int, ev.Event]]:
    """Every entry of the log with its position, for whoever makes rows of their own from them."""
    for pos, raw in Event.objects.order_by("pos").values_list("pos", "raw").iterator(ROWS_IN_MEMORY):
        yield pos, ev.read_event(bytes(raw))


def _check_empty(trust: Trust) -> None:
    for model in (Head, Event, Pending, Checkpoint, Blob, EvidenceItem):
        if model._default_manager.exists():  # noqa: SLF001 (any model's manager)
            raise ConflictError("the database holds a registry already: only an empty one can take over another")
    if publisher.read_checkpoint() is not None or last_signed.read() is not None:
        raise ConflictError(f"{settings.PRIORCONSENT_DATA} holds the files of a registry already")
    if trust.policy.origin != settings.PRIORCONSENT_ORIGIN:
        raise ConflictError(
            f"the log's origin is {trust.policy.origin}: set PRIORCONSENT_ORIGIN to it, it never changes"
        )


def _require_clean(problems: list[str], missing: frozenset[str]) -> None:
    if missing:
        told = ", ".join(sorted(missing)[:MAX_TOLD])
        problems.append(f"{counted(len(missing), 'piece')} of evidence missing: {told}")
    if problems:
        raise NotTrustedError("the folder is not taken over: " + "; ".join(problems[:MAX_TOLD]))


def _open_own(note: bytes) -> LogCheckpoint:
    try:
        return open_checkpoint(note, log_policy()).checkpoint
    except NotTrustedError as error:
        raise SigningError(
            f"the keys at hand do not verify the log's checkpoint ({error}): name the old ones too in "
            "PRIORCONSENT_LOG_KEY and PRIORCONSENT_LOG_MLDSA_KEY, by public: if only their public halves are here"
        ) from error


def _store_contents(folder: Path) -> None:
    for model, kind in FOLDERS:
        files = (folder / kind / "sha256").glob("*")
        for some in chunks(path for path in files if not path.name.startswith(".")):
            rows = [model(digest=f"sha256:{path.name}", raw=path.read_bytes()) for path in some]
            for row in rows:
                if not is_content(row.digest, bytes(row.raw)):
                    raise ProofError(f"{kind} {row.digest} has changed while it was read")
            model.objects.bulk_create(rows)


def _batches(entries: Iterable[bytes]) -> Iterator[list[ev.Event]]:
    batch: list[ev.Event] = []
    for raw in entries:
        batch.append(ev.read_event(raw))
        if isinstance(batch[-1], ev.MapRoot):
            yield batch
            batch = []
    if batch:
        raise ProofError("the log does not end in a map-root")


def _take_batch(events: list[ev.Event], missing: frozenset[str]) -> None:
    ledger, archive = DatabaseLedger(), DatabaseArchive()
    archive.load(digest for event in events for digest in ev.cited(event))
    ledger.load_spent(digest for event in events for digest in ev.cited(event))
    batch = Overlay(ledger)
    for event in events:
        if isinstance(event, ev.MapRoot):
            map_root, leaves = store_map(batch, ledger)
            if (event.root, event.n) != (f"sha256:{map_root.hex()}", leaves):
                raise ProofError(f"the map after {batch.size} entries is not the one that the log committed to")
        effect = replay.apply(event, batch, archive)
        if not missing.issuperset(effect.unchecked):
            raise ProofError(f"evidence has gone while it was read: {', '.join(effect.unchecked)}")
    # What counted before is in the rows of its first batch.
    batch.spent = {digest: pos for digest, pos in batch.spent.items() if not ledger.is_spent(digest)}
    for some in chunks(archive.used):
        for model, _ in FOLDERS:
            model.objects.filter(digest__in=some, pos=None).update(pos=ledger.size)
    store_log(batch, ledger, leaves)


def _kept_notes(folder: Path) -> Iterator[tuple[int, bytes]]:
    for path in (folder / "log" / "checkpoints").glob("*"):
        # Not what a crash left half written, nor what somebody else put there.
        if NUMBER.fullmatch(path.name) is not None:
            yield int(path.name), path.read_bytes()


def _put_notes(notes: Iterable[tuple[int, bytes]]) -> None:
    """Keep the signed checkpoints that are at hand; of the others the log itself tells size, root and time."""
    for size, note in notes:
        try:
            opened = open_signed(note, log_policy()).checkpoint
        except UnknownSignerError:
            # By a key that was given up long ago: no reader of today's trust file opens it.
            continue
        row = Checkpoint.objects.filter(size=size, root=opened.root)
        if row.update(note=note, published=True) != 1:
            raise ProofError(f"the checkpoint of {size} entries is not one of this log")
