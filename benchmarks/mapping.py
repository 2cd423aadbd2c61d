"""The map where a server keeps it: what a change costs, and what happens until everybody sees it.

A founded registry on either engine, whose map is filled with invented names under a map-root of its own log.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.deciding import questions
from benchmarks.engines import ENGINES, database, set_up
from benchmarks.invented_map import FILES_A_WORK, NAMES_A_WORK, InventedMap, file_name, urn
from benchmarks.measuring import Table, in_a_child, once, progress, times, unit
from priorconsent import merkle_map, names
from priorconsent.leaf_file import Leaf
from priorconsent.merkle_buckets import TOP, bucket_of, nodes_over

ROWS_AT_ONCE = 10_000
RUNS = 15
BATCH = 1000
EVENTS = 500
BLOCK_BYTES = 4096

# act, time, yardstick, its time; seconds by the wall clock
Figure = tuple[str, float, str, float]


def run(sizes: Sequence[int]) -> Table:
    """Rows for each engine and size."""
    table = Table(
        f"map in the database: wall time, the best of {RUNS} runs; of what reads the whole map, processor time of one",
        "engine",
        "names",
        "act",
        "time",
        "yardstick",
        "its time",
        "ratio",
    )
    for engine in ENGINES:
        for size in sizes:
            progress(f"map: {engine}, {size:,} names")
            (count, figures), _ = in_a_child(_measure, engine, size)
            for act, took, yardstick, other in figures:
                table.add(engine, f"{count:,}", act, unit(took), yardstick, unit(other), times(took / other))
    return table


def _measure(engine: str, size: int) -> tuple[int, list[Figure]]:
    with database(engine) as folder:
        from transparency.append import sequenced_by_caller
        from transparency.models import Head

        with sequenced_by_caller():
            _fill(size)
            count = Head.objects.get().leaves
            figures = [*_snapshot(folder), *_publish(folder, InventedMap(size).works), *_prove(count), *_update(count)]
        return count, figures


# --- an invented map under a true log ----------------------------------------------------------------


def _fill(size: int) -> None:
    """Found a registry, and log one map-root over as many invented names as wanted."""
    from django.db import connection, transaction

    from priorconsent import events as ev
    from priorconsent import replay, times
    from transparency import sequencer, snapshots
    from transparency.archive import DatabaseArchive
    from transparency.bulk import insert
    from transparency.keysets import found_registry
    from transparency.models import MapLeaf
    from transparency.overlay import Overlay
    from transparency.store import DatabaseLedger
    from transparency.storing import store_log
    from transparency.trees import write_nodes

    now = times.now()
    found_registry(now)
    ledger, archive = DatabaseLedger(), DatabaseArchive()
    batch = Overlay(ledger)
    with InventedMap(size).ascending() as invented:
        rows = _rows(invented())
        while some := list(islice(rows, ROWS_AT_ONCE)):
            with transaction.atomic():
                insert(MapLeaf, ("key", "name", "bucket", "state", "value", "pos"), some)
    leaves = MapLeaf.objects.order_by("key").values_list("key", "value").iterator(ROWS_AT_ONCE)
    nodes = nodes_over((bytes(key), bytes(value)) for key, value in leaves)
    write_nodes(nodes)
    count = MapLeaf.objects.count()
    root = f"sha256:{nodes[TOP].hash.hex()}"
    event = ev.MapRoot(time=now, map=1, size=batch.size, root=root, n=count, fresh_for_s=86_400)
    replay.apply(event, batch, archive)
    with transaction.atomic():
        store_log(batch, ledger, count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    sequencer.finish(now)
    snapshots.write()


def _rows(leaves: Iterable[Leaf]) -> Iterator[tuple[object, ...]]:
    for name, state in leaves:
        # The registry has a table in force already.
        if name != names.RIGHTS_TABLE:
            key = merkle_map.map_key(name)
            yield key, name, bucket_of(key), state, merkle_map.value_hash(state), 1


# --- the snapshot ------------------------------------------------------------------------------------


def _snapshot(folder: Path) -> Iterator[Figure]:
    """Written once more, in a process of its own."""
    (took, length), peak = in_a_child(_write_snapshot)
    path = max((folder / "public" / "snapshots").glob("*.sqlite"), key=lambda one: int(one.stem))
    assert path.stat().st_size == length
    yield f"snapshot written and verified, peak RSS {peak:.0f} MiB", took, "SHA-256 of the file", _hash(path)


def _write_snapshot() -> tuple[float, int]:
    set_up()
    from transparency import snapshots
    from transparency.files import public_folder

    took = once(lambda: snapshots.write(again=True))
    newest = max((public_folder() / "snapshots").glob("*.sqlite"), key=lambda one: int(one.stem))
    return took, newest.stat().st_size


def _hash(path: Path) -> float:
    with path.open("rb") as file:
        return once(lambda: hashlib.file_digest(file, "sha256"))


# --- from a draft to an answer -----------------------------------------------------------------------


def _publish(folder: Path, works: int) -> Iterator[Figure]:
    from priorconsent import query
    from priorconsent.current_map import CurrentMap
    from priorconsent.decision import decide
    from transparency.store import own_trust

    snapshot = max((folder / "public" / "snapshots").glob("*.sqlite"), key=lambda one: int(one.stem))
    fsync = _fsync(folder)
    opened: list[CurrentMap] = []
    opening = once(lambda: opened.append(CurrentMap(snapshot, own_trust())))
    (current,) = opened
    opening += once(lambda: current.nodes)
    with current:
        yield "a server begins: snapshot and tree verified", opening, "SHA-256 of the file", _hash(snapshot)
        for events in (1, EVENTS):
            runs = RUNS if events == 1 else 5
            published, followed = zip(*(_one_publication(current, events, run) for run in range(runs)), strict=True)
            many = "one event" if events == 1 else f"{events} events"
            yield f"{many}: from draft to public checkpoint", min(published), "fsync of 4 KiB", fsync
            yield f"{many}: a server follows", min(followed), "fsync of 4 KiB", fsync
        for kind in ("file, unknown", "file, licensed"):
            now = current.head.map_root.time
            asked = [query.parse(one, now=now) for one in questions(kind, works)[:BATCH]]
            keys = [f"sha256:{one.key}" for one in asked]
            took = once(lambda asked=asked: [decide(one, current) for one in asked]) / BATCH  # type: ignore[misc]
            raw = once(lambda keys=keys: [current._base.state_bytes(key) for key in keys]) / BATCH  # type: ignore[misc] # noqa: SLF001
            yield f"a server decides, first time: {kind}", took, "raw read of its key", raw


def _one_publication(current: Any, events: int, run: int) -> tuple[float, float]:
    from django.db import transaction

    from priorconsent import times
    from transparency import sequencer
    from transparency.append import append
    from transparency.models import Head
    from transparency.steps import next_step

    def publish() -> None:
        with transaction.atomic():
            for number in range(events):
                party = urn(f"vendor {events} {run} {number}")
                append({"t": "party", "party": party, "kind": "ai_vendor", "members": None})
        sequencer.run(times.now())

    published = _timed(publish)
    size = Head.objects.get().size
    step = next_step(current.head.checkpoint.size, size)
    assert step is not None
    followed = _timed(lambda: current.advance(step))
    assert current.head.checkpoint.size == size
    return published, followed


# --- proofs and changes in the database --------------------------------------------------------------


def _prove(count: int) -> Iterator[Figure]:
    from transparency import proofs
    from transparency.models import MapLeaf

    newest = proofs.published()
    chosen = iter(_some_names(count, RUNS))
    took = min(_timed(lambda: proofs.state_at(next(chosen), newest)) for _ in range(RUNS))
    read = min(
        _timed(lambda name=name: MapLeaf.objects.get(key=merkle_map.map_key(name)))  # type: ignore[misc]
        for name in _some_names(count, RUNS)
    )
    yield "a name proved from rows, and the proof checked", took, "read of its row", read
    absent = iter(range(RUNS))
    took = min(_timed(lambda: proofs.state_at(f"host:{next(absent)}.example", newest)) for _ in range(RUNS))
    yield "an absence proved from rows, and the proof checked", took, "read of its row", read


def _update(count: int) -> Iterator[Figure]:
    from transparency.models import Head

    pos = Head.objects.get().size
    for many in (1, BATCH):
        act = "one name changed" if many == 1 else f"{many:,} names changed at once"
        yardstick = "UPDATE of the row" if many == 1 else "UPDATE of the rows"
        changed, bare = [], []
        for run in range(RUNS):
            some, pos = _some_names(count, many, run), pos + 1
            changed.append(_timed(lambda some=some, pos=pos: _change(some, pos)))  # type: ignore[misc]
            bare.append(_timed(lambda some=some, pos=pos: _change_bare(some, pos)))  # type: ignore[misc]
        yield f"{act}, in one transaction", min(changed), yardstick, min(bare)


def _change(some: Sequence[str], pos: int) -> None:
    """As the sequencer does it: read whole buckets, compare their root, hash anew, store."""
    from django.db import transaction

    from transparency.trees import read_slice, write_leaves, write_nodes

    with transaction.atomic():
        part = read_slice(some)
        # Reading slices, nothing is believed that does not lead to the root.
        assert part.root == part.nodes[TOP].hash
        states = {name: (_state(name, pos), pos) for name in some}
        for name, (state, _) in states.items():
            key = merkle_map.map_key(name)
            part.items[bucket_of(key)][key] = merkle_map.value_hash(state)
        write_nodes(part.updated())
        write_leaves(states)


def _change_bare(some: Sequence[str], pos: int) -> None:
    """The same rows once more, and nothing else."""
    from django.db import connection, transaction

    states = {name: _state(name, pos) for name in some}
    rows = [(state, merkle_map.value_hash(state), pos, merkle_map.map_key(name)) for name, state in states.items()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany("UPDATE transparency_mapleaf SET state = %s, value = %s, pos = %s WHERE key = %s", rows)


def _state(name: str, pos: int) -> bytes:
    return b'{"claims":[],"name":"%s","pos":%d}' % (name.encode(), pos)


def _some_names(count: int, many: int, seed: int = 0) -> list[str]:
    """Names of invented files, all of which the map holds."""
    chance = random.Random(seed)  # noqa: S311 (the same names in every run)
    chosen = chance.sample(range(count // (NAMES_A_WORK + 1) * FILES_A_WORK), many)
    return [file_name(*divmod(number, FILES_A_WORK)) for number in chosen]


def _fsync(folder: Path) -> float:
    with (folder / "fsync").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(bytes(BLOCK_BYTES))
            os.fsync(file.fileno())

        return sorted(_timed(write) for _ in range(101))[50]


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
