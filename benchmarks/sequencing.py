"""Events sequenced per second, from drafts that wait to rows that are committed, against fsync and bare rows.

Each event is the claim of a new work, with its signed statement: it is verified, replayed, put into log and map.
*Bare rows* are the very rows that sequencing added, in one transaction, by COPY (PostgreSQL) or ``executemany``
(SQLite), into empty tables of the same form. Both databases tell the disk, as in production.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.engines import ENGINES, database
from benchmarks.measuring import Table, in_a_child, progress, times

BLOCK_BYTES = 4096
FSYNCS = 500
# That of the statements that the cast signs.
CLOCK = "2026-12-01T00:00:00Z"

Rows = dict[Any, list[tuple[Any, ...]]]


class Figures(NamedTuple):
    """Per second by the wall clock; ``processor_s``: of this process, an event."""

    sequenced: float
    processor_s: float
    published: float
    bare: float


def run(batches: dict[int, int]) -> Table:
    """One row for each engine and batch.

    Args:
        batches: size → how many of them.
    """
    table = Table(
        "events sequenced; wall clock",
        "engine",
        "batch",
        "sequenced",
        "fsync of 4 KiB",
        "sequenced ÷ fsync",
        "bare rows of as many",
        "bare ÷ sequenced",
        "processor, an event",
        "sequenced, signed, published",
    )
    for engine in ENGINES:
        progress(f"{engine}: sequencing")
        (fsyncs, measured), _ = in_a_child(_measure, engine, batches)
        for size, found in measured.items():
            rates = (f"{found.sequenced:,.0f}/s", f"{fsyncs:,.0f}/s", times(found.sequenced / fsyncs))
            bare = (f"{found.bare:,.0f}/s", times(found.bare / found.sequenced))
            table.add(
                engine, f"{size:,}", *rates, *bare, f"{found.processor_s * 1e3:.2f} ms", f"{found.published:,.0f}/s"
            )
    return table


def _measure(engine: str, batches: dict[int, int]) -> tuple[float, dict[int, Figures]]:
    os.environ["PRIORCONSENT_KEY_DELAY_S"] = "0"
    with database(engine, durable=True) as folder:
        from tests.transparency.cast import STUDIO, Cast
        from transparency import sequencer
        from transparency.append import sequenced_by_caller
        from transparency.keysets import found_registry
        from transparency.models import Alarm

        with sequenced_by_caller():
            cast = Cast(found_registry(CLOCK))
            for unit in (cast.party(STUDIO), cast.key(STUDIO)):
                unit.append()
            sequencer.run(CLOCK)
            logged = {size: _batches(cast, size, count) for size, count in batches.items()}
        assert not Alarm.objects.exists()
        bare = _bare({size: rows for size, (_, rows) in logged.items()}, batches)
        return _fsyncs(folder), {size: figures(bare[size]) for size, (figures, _) in logged.items()}


def _batches(cast: Any, size: int, count: int) -> tuple[Callable[[float], Figures], Rows]:
    from transparency import sequencer
    from transparency.models import Head

    begin = Head.objects.get().size
    sequence_s = processor_s = finish_s = 0.0
    for _ in range(count):
        _leave(cast, size)
        start = time.perf_counter(), time.process_time()
        while sequencer.sequence(CLOCK) is not None:
            pass
        sequence_s += time.perf_counter() - start[0]
        processor_s += time.process_time() - start[1]
        finish_s += _timed(lambda: sequencer.finish(CLOCK))
    events = size * count
    rates = (events / sequence_s, processor_s / events, events / (sequence_s + finish_s))
    return partial(Figures, *rates), _added(begin)


def _leave(cast: Any, size: int) -> None:
    from uuid import uuid4

    from django.db import transaction

    from tests.transparency.cast import STUDIO
    from transparency.append import gathered

    with transaction.atomic(), gathered():
        for _ in range(size):
            cast.work(f"urn:uuid:{uuid4()}", "image", STUDIO).append()


def _added(begin: int) -> Rows:
    """What the events since ``begin`` added, by table."""
    from transparency.models import Event, MapLeaf, Spent

    found = {}
    for model in (Event, MapLeaf, Spent):
        columns = _columns(model)
        rows = model._default_manager.filter(pos__gte=begin).order_by("pos").values_list(*columns)  # noqa: SLF001
        found[model] = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows]
    return found


def _bare(added: dict[int, Rows], batches: dict[int, int]) -> dict[int, float]:
    """Events a second whose bare rows go into the emptied tables, as many at once as a batch has."""
    from django.db import transaction

    from transparency.bulk import insert

    for model in next(iter(added.values())):
        model._default_manager.all().delete()  # noqa: SLF001 (any model's manager)
    found = {}
    for size, rows in added.items():
        count, taken = batches[size], 0.0
        for number in range(count):
            parts = {model: some[number * len(some) // count : (number + 1) * len(some) // count]
                     for model, some in rows.items()}  # fmt: skip

            def store(parts: Rows = parts) -> None:
                with transaction.atomic():
                    for model, part in parts.items():
                        insert(model, _columns(model), part)

            taken += _timed(store)
        found[size] = size * count / taken
    return found


def _columns(model: Any) -> tuple[str, ...]:
    return tuple(field.column for field in model._meta.concrete_fields)  # noqa: SLF001 - documented by Django


def _fsyncs(folder: Path) -> float:
    block = b"\0" * BLOCK_BYTES
    with (folder / "fsync").open("wb", buffering=0) as file:

        def confirm() -> None:
            for _ in range(FSYNCS):
                file.write(block)
                os.fsync(file.fileno())

        return FSYNCS / _timed(confirm)


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
