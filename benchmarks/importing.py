"""Works imported per second, against bare COPY or executemany of the same rows, on both engines."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from benchmarks import invented_works
from benchmarks.engines import ENGINES, database
from benchmarks.measuring import KIB, Table, in_a_child, progress, times

MIB = 2**20
ROWS_AT_ONCE = 50_000
NOW = "2026-12-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one import took."""

    rows: int
    reading_s: float
    import_s: float
    again_s: float
    peak_kib: int
    database_bytes: int


def run(sizes: tuple[int, ...]) -> Table:
    """One row for each engine and size, once with the search and once without."""
    table = Table(
        "works imported, whole file in one transaction; wall clock",
        *("engine", "search", "works", "rows", "read and checked", "import", "bare rows", "import ÷ bare"),
        *("again, unchanged", "peak RSS", "database"),
    )
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            progress(f"{size:,} works")
            path = Path(folder) / "catalogue.csv"
            invented_works.write_csv(path, size)
            for engine, finds in product(ENGINES, (True, False)):
                progress(f"{engine}: {size:,} works, search {'at once' if finds else 'later'}")
                seen, _ = in_a_child(measure, engine, path, finds=finds)
                bare_s, _ = in_a_child(measure_bare, engine, path)
                table.add(
                    *(engine, "at once" if finds else "later", f"{size:,}", f"{seen.rows:,}"),
                    *(f"{size / seconds:,.0f}/s" for seconds in (seen.reading_s, seen.import_s, bare_s)),
                    *(times(seen.import_s / bare_s), f"{size / seen.again_s:,.0f}/s"),
                    *(f"{seen.peak_kib / KIB:.0f} MiB", f"{seen.database_bytes / MIB:,.0f} MiB"),
                )
    return table


def measure(engine: str, path: Path, *, finds: bool) -> Measured:
    """Import a file; every row that comes of it goes into files beside it."""
    with database(engine) as folder:
        return _import(folder, path, finds=finds)


def measure_bare(engine: str, path: Path) -> float:
    """Seconds for the same rows in an empty database; reading them back is not counted."""
    with database(engine):
        return _bare(path.parent)


def _import(folder: Path, path: Path, *, finds: bool) -> Measured:
    import resource

    from registry import ids
    from registry.actor import Actor
    from registry.imports.batches import checked
    from registry.imports.importing import BATCH_WORKS, Options, import_works
    from registry.imports.mapping import read_map
    from registry.models import Party

    (folder / "map.toml").write_text(invented_works.MAP, encoding="utf-8")
    chart, options = read_map(folder / "map.toml"), Options(finds=finds)
    party = Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=NOW).urn
    actor = Actor(party=None, role="operator", proof="operator")

    def read() -> None:
        for _ in checked(path, chart, BATCH_WORKS):
            pass

    def bring() -> None:
        import_works(actor, party, path, chart, options, lambda _: None, lambda _done, _total: None, NOW)

    import_s, again_s = _timed(bring), _timed(bring)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    database_bytes = _database_bytes()
    return Measured(_set_aside(path.parent), _timed(read), import_s, again_s, peak_kib, database_bytes)


def _database_bytes() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


def _tables() -> list[Any]:
    from registry.imports.updating import MEMBERS
    from registry.models import CatalogueEntry, Party, SearchEntry, Work

    return [Party, Work, CatalogueEntry, SearchEntry, *(member.model for member in MEMBERS.values())]


def _columns(model: Any) -> tuple[str, ...]:
    return tuple(field.column for field in model._meta.concrete_fields)  # noqa: SLF001 - documented by Django


def _set_aside(folder: Path) -> int:
    count = 0
    for model in _tables():
        with (folder / model.__name__).open("wb") as file:
            found = model.objects.order_by("pk").values_list(*_columns(model)).iterator(ROWS_AT_ONCE)
            while some := [_plain(row) for row in islice(found, ROWS_AT_ONCE)]:
                pickle.dump(some, file)
                count += len(some)
    return count


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def _bare(folder: Path) -> float:
    from django.db import transaction

    from transparency.bulk import insert

    taken = 0.0

    def timed(act: Callable[[], object]) -> None:
        nonlocal taken
        taken += _timed(act)

    block = transaction.atomic()
    block.__enter__()
    for model in _tables():
        for rows in _set_aside_of(folder, model):
            timed(lambda model=model, rows=rows: insert(model, _columns(model), rows))  # type: ignore[misc]
    timed(lambda: block.__exit__(None, None, None))
    return taken


def _set_aside_of(folder: Path, model: Any) -> Iterator[list[tuple[Any, ...]]]:
    with (folder / model.__name__).open("rb") as file:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301 - written a moment ago
            except EOFError:
                return


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
