"""Somebody brings a whole catalogue. Rows only: nothing is logged, and no consent becomes wider."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.db import transaction

from priorconsent.errors import MalformedError, NotFoundError, RuleError
from registry.actor import Actor
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.reading import count, rows
from registry.imports.storing import Seen, Store
from registry.imports.telling import Teller, Told
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
    """

    whole: bool = True
    dry: bool = False
    batch: int = BATCH_WORKS


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
    """
    permit(actor, RULES["add_work"], [registrant])
    party = _registrant(registrant)
    summary = Summary(rows=count(rows(path, chart)))

    def counted(problem: Problem) -> None:
        summary.errors += problem.level == "error"
        summary.notes += problem.level == "note"
        remark(problem)

    origin = Import(registrant=party, by=actor.label, file=path.name[:255], sha256=_digest(path), started_at=now)
    store = Store(origin, chart, counted, writes=not options.dry)
    with transaction.atomic() if options.whole and not options.dry else nullcontext():
        _store(store, _told(path, chart, counted), options, lambda done: progress(done, summary.rows))
        store.finish(now)
        summary.stored = not (options.dry or (options.whole and summary.errors))
        if not (summary.stored or options.dry):
            transaction.set_rollback(True)
    summary.added, summary.changed, summary.unchanged = store.added, store.changed, store.unchanged
    return summary


def _registrant(urn: str) -> Party:
    party = Party.objects.filter(urn=urn).first()
    if party is None:
        raise NotFoundError("no such party", pointer="/registrant")
    if party.kind == "committee":
        raise RuleError("a committee never signs, so a member of it registers the works", pointer="/registrant")
    return party


def _store(store: Store, told: Iterator[Told | None], options: Options, progress: Callable[[int], None]) -> None:
    if options.batch < 1:
        raise MalformedError("a batch has one work at least", pointer="/batch")
    done = 0
    while batch := list(islice(told, options.batch)):
        store.batch([one for one in batch if one is not None])
        done += len(batch)
        progress(done)


def _told(path: Path, chart: Map, remark: Callable[[Problem], None]) -> Iterator[Told | None]:
    teller = Teller(chart, remark)
    column = chart.identifiers[0].column
    with closing(Seen()) as seen:
        for row in rows(path, chart):
            told = teller.tell(row)
            if told is not None:
                first = seen.first_line(told.identifiers[0][1], told.line)
                if first != told.line:
                    problem = f"line {first} has this identifier too"
                    remark(Problem("error", told.line, column, problem, "number each work once"))
                    told = None
            yield told


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
