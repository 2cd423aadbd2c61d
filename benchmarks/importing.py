"""Works imported per second, against bare COPY or executemany of the same rows, on both engines.

An invented catalogue in the shape of a real one: three titles, two holders and mostly a source for each work.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import invented_works
from benchmarks.measuring import KIB, Table, in_a_child, progress, times


def run(sizes: tuple[int, ...]) -> Table:
    """One row for each engine and size."""
    table = Table(
        "works imported, whole file in one transaction; wall clock",
        "engine",
        "works",
        "rows",
        "read and checked",
        "import",
        "bare rows",
        "import ÷ bare",
        "again, unchanged",
        "peak RSS",
    )
    for engine in ("sqlite", "postgresql"):
        for size in sizes:
            progress(f"{engine}: {size:,} works")
            (rows, reading_s, import_s, bare_s, again_s, peak_kib), _ = in_a_child(_measure, engine, size)
            rates = (f"{size / seconds:,.0f}/s" for seconds in (reading_s, import_s))
            bare = (f"{size / bare_s:,.0f}/s", times(import_s / bare_s))
            again = (f"{size / again_s:,.0f}/s", f"{peak_kib / KIB:.0f} MiB")
            table.add(engine, f"{size:,}", f"{rows:,}", *rates, *bare, *again)
    return table


def _measure(engine: str, size: int) -> tuple[int, float, float, float, float, int]:
    """Rows, seconds for each act, and the peak of memory before the yardstick takes its own."""
    from tests.realservers import Servers

    servers = Servers()
    try:
        with tempfile.TemporaryDirectory() as folder:
            if engine == "postgresql":
                os.environ["DATABASE_URL"] = servers.start_postgresql()
            os.environ |= {"PRIORCONSENT_DATA": folder, "SECRET_KEY": "of a benchmark" * 4}
            import django

            from config.env import use_settings

            use_settings()
            django.setup()
            return _import(Path(folder), size)
    finally:
        servers.stop()


def _import(folder: Path, size: int) -> tuple[int, float, float, float, float, int]:
    import resource

    from django.core.management import call_command
    from django.db import connection

    from registry import ids
    from registry.actor import Actor
    from registry.imports.importing import Options, import_works
    from registry.imports.mapping import read_map
    from registry.imports.reading import rows
    from registry.imports.telling import Teller
    from registry.models import Party

    call_command("migrate", verbosity=0, interactive=False)
    path, chart_path = folder / "catalogue.csv", folder / "map.toml"
    chart_path.write_text(invented_works.MAP, encoding="utf-8")
    invented_works.write_csv(path, size)
    chart, now = read_map(chart_path), "2026-12-01T00:00:00Z"
    party = Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=now).urn
    actor = Actor(party=None, role="operator", proof="operator")

    def read() -> None:
        teller = Teller(chart, lambda _: None)
        for row in rows(path, chart):
            teller.tell(row)

    def bring() -> None:
        import_works(actor, party, path, chart, Options(), lambda _: None, lambda _done, _total: None, now)

    seconds = [_timed(act) for act in (read, bring, bring)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tables = _rows_stored()
    connection.close()
    bare = _timed(lambda: _bare(tables))
    return sum(len(found) for _, _, found in tables), seconds[0], seconds[1], bare, seconds[2], peak


def _rows_stored() -> list[tuple[Any, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Table, columns and rows, as they were imported; the tables are empty after that."""
    from django.db import connection

    from registry.imports.updating import MEMBERS
    from registry.models import CatalogueEntry, Import, Work

    models: list[Any] = [Work, CatalogueEntry, *(member.model for member in MEMBERS.values())]
    tables = []
    for model in models:
        columns = tuple(field.column for field in model._meta.concrete_fields)  # noqa: SLF001 - documented by Django
        tables.append((model, columns, list(model.objects.values_list(*columns))))
    for model in (*reversed(models), Import):
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608, SLF001 - a table of ours
    return tables


def _bare(tables: list[tuple[Any, tuple[str, ...], list[tuple[Any, ...]]]]) -> None:
    from django.db import transaction

    from registry.imports.bulk import insert

    with transaction.atomic():
        for model, columns, rows in tables:
            insert(model, columns, rows)


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
