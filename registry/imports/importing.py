"""Somebody brings a whole catalogue. Rows only: nothing is logged, and no consent becomes wider."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from priorconsent.errors import ConflictError, MalformedError, NotFoundError, RuleError
from registry.actor import Actor
from registry.imports.batches import Batches, batches
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.reading import count, rows
from registry.imports.storing import Store
from registry.models import Import, Party
from registry.policy import RULES, permit

BATCH_WORKS = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """How a catalogue is stored.

    Args:
        whole: all of the file or nothing; else whole batches, and rows with errors are left out.
        dry: only say what would happen.
        batch: works in one batch.
        finds: let the works be found at once; else search is to be made anew afterwards.
    """

    whole: bool = True
    dry: bool = False
    batch: int = BATCH_WORKS
    finds: bool = True


@dataclass(slots=True)
class Summary:
    """What became of a file; ``stored`` is false for a dry run, and for a whole file with an error in it."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0
    notes: int = 0
    stored: bool = False


def import_works(
    actor: Actor,
    registrant: str,
    path: Path,
    chart: Map,
    options: Options,
    remark: Callable[[Problem], None],
    progress: Callable[[int, int], None],
    now: str,
) -> Summary:
    """Add the works of a catalogue, and update those that an earlier version of it brought.

    Args:
        remark: takes each error and note, in the order of the file within each batch.
        progress: rows done, and rows there are.

    Raises:
        UnreadableError: the file cannot be read to its end; nothing of it was stored.
        ConflictError: the file changed meanwhile; whole batches of it may have been stored, if that was asked for.
    """
    permit(actor, RULES["add_work"], [registrant])
    party = _registrant(registrant)
    if options.batch < 1:
        raise MalformedError("a batch has one work at least", pointer="/batch")
    summary = Summary()
    origin = _origin(actor, party, path, chart, now)
    store = Store(origin, chart, _counted(summary, remark), writes=not options.dry, finds=options.finds)
    in_one = options.whole and not options.dry
    with _settled_memory(), batches(path, chart, options.batch) as found:
        summary.rows = count(rows(path, chart))
        with transaction.atomic() if in_one else nullcontext():
            for done in _stored(store, found):
                progress(done, summary.rows)
            _check_unchanged(path, origin)
            store.finish(now)
            summary.stored = not (options.dry or (in_one and summary.errors))
            if in_one and not summary.stored:
                transaction.set_rollback(True)
    summary.added, summary.changed, summary.unchanged = store.added, store.changed, store.unchanged
    return summary


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Keep the garbage collector from walking over all that was loaded before, again and again for each batch."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _registrant(urn: str) -> Party:
    party = Party.objects.filter(urn=urn).first()
    if party is None:
        raise NotFoundError(f"no party is {urn}: take the id that it was given when it came in", pointer="/registrant")
    if party.kind == "committee":
        raise RuleError("a committee never signs, so a member of it registers the works", pointer="/registrant")
    return party


def _origin(actor: Actor, party: Party, path: Path, chart: Map, now: str) -> Import:
    return Import(
        registrant=party,
        by=actor.label,
        catalogue=chart.catalogue,
        file=path.name[:255],
        sha256=_digest(path),
        started_at=now,
    )


def _counted(summary: Summary, remark: Callable[[Problem], None]) -> Callable[[Problem], None]:
    def counted(problem: Problem) -> None:
        summary.errors += problem.level == "error"
        summary.notes += problem.level == "note"
        remark(problem)

    return counted


def _stored(store: Store, found: Batches) -> Iterator[int]:
    """Rows done, after each batch."""
    done = 0
    found.want_entries(is_wanted=store.writes and store.finds)
    for batch in found:
        added = store.added
        for problem in batch.problems:
            store.remark(problem)
        store.batch(batch.told)
        # Where works are there already, entries would mostly be worked out for nothing.
        found.want_entries(is_wanted=store.writes and store.finds and store.added > added)
        done += batch.rows
        yield done


def _check_unchanged(path: Path, origin: Import) -> None:
    """Refuse a file that is not the one any more whose digest the history keeps."""
    if _digest(path) != origin.sha256:
        raise ConflictError("the file changed while it was read: run the import again")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
