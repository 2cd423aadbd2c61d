"""The first page of a search among many works, on both engines, against comparing every title.

The catalogue is invented, and its words are few: each is in one work of thirty, which is common for a word.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import invented_works
from benchmarks.engines import ENGINES, database
from benchmarks.measuring import Table, in_a_child, progress, times, unit

RUNS = 10
PAGE = 100


def questions(size: int) -> dict[str, str]:
    """What people type, by what is special about it."""
    somewhere = invented_works.titles(size // 2)
    return {
        "common word, two kanji": "物語",
        "common word, romaji": "sekai",
        "common word, kana": "ともだち",
        "beginning of titles": "赤い",
        "particle": "の",
        "one kanji": "夢",
        "one letter": "k",
        "rare beginning": somewhere.ja[:4],
        "whole title": somewhere.ja,
        "whole title, kana": somewhere.kana,
        "whole title, romaji": somewhere.romaji,
        "part of a title, English": "little witch",
        "long vowels": "toukyou no yume",
        "three words anywhere": "夢 王女 ドラゴン",
        "nothing found, kanji": "皆無存在",
        "nothing found, romaji": "qwzxyw",
        "nothing found, common pieces": "kasataranahamayu",
    }


def run(sizes: tuple[int, ...]) -> Table:
    """A row for each question, engine and size, and one for all questions together."""
    table = Table(
        f"first page of a search, at most {PAGE} works; processor time",
        *("engine", "works", "question", "found", "find, first time", "find, again", "whole page"),
        *("comparing all", "comparing ÷ find"),
    )
    for engine in ENGINES:
        for size in sizes:
            progress(f"{engine}: {size:,} works")
            for row in in_a_child(_measure, engine, size)[0]:
                table.add(engine, f"{size:,}", *row)
    return table


def _measure(engine: str, size: int) -> list[tuple[str, ...]]:
    with database(engine) as folder:
        _bring(folder, size)
        return _ask(size)


def _bring(folder: Path, size: int) -> None:
    from registry import ids
    from registry.actor import Actor
    from registry.imports.importing import Options, import_works
    from registry.imports.mapping import read_map
    from registry.models import Party

    path, chart = folder / "catalogue.csv", folder / "map.toml"
    chart.write_text(invented_works.MAP, encoding="utf-8")
    invented_works.write_csv(path, size)
    now = "2026-12-01T00:00:00Z"
    party = Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=now).urn
    actor = Actor(party=None, role="operator", proof="operator")
    import_works(actor, party, path, read_map(chart), Options(), lambda _: None, lambda _done, _total: None, now)


def _ask(size: int) -> list[tuple[str, ...]]:
    from registry import search

    # What the import left behind is not to be walked over again and again here.
    gc.freeze()
    timed = _Stopwatch()
    rows, every = [], []
    for name, text in questions(size).items():
        first, *again = [timed(search.find, text, PAGE) for _ in range(RUNS + 1)]
        page = [timed(_whole_page, text) for _ in range(RUNS)]
        compared = timed(_compare_all, text)
        every += [(first, middle, whole) for middle, whole in zip(again, page, strict=True)]
        middle, count = statistics.median(again), len(search.find(text, PAGE))
        said = (unit(first), unit(middle), unit(statistics.median(page)), unit(compared), times(compared / middle))
        rows.append((name, f"{count}{'+' if count == PAGE else ''}", *said))
    late = [unit(statistics.quantiles(column, n=20)[-1]) for column in zip(*every, strict=True)]
    return [*rows, ("all of them, 95 of 100 within", "", *late, "", "")]


def _whole_page(text: str) -> None:
    from registry import queries, search

    queries.works_of([hit.work for hit in search.find(text, PAGE)])


def _compare_all(text: str) -> None:
    from django.db import connection

    from registry.search_keys import fold

    position = "strpos" if connection.vendor == "postgresql" else "instr"
    with connection.cursor() as cursor:
        counted = f"SELECT count(*) FROM registry_searchentry WHERE {position}(keys, %s) > 0"  # noqa: S608
        cursor.execute(counted, [fold(text)])


class _Stopwatch:
    """Time on the processor, of this process and of the server's that answers it."""

    def __init__(self) -> None:
        from django.db import connection

        self._server: Path | None = None
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # One process searches: what a worker beside it did would be missed.
                cursor.execute("SET max_parallel_workers_per_gather = 0")
                cursor.execute("SELECT pg_backend_pid()")
                self._server = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def __call__(self, act: Callable[..., object], *arguments: object) -> float:
        start = self._now()
        act(*arguments)
        return self._now() - start

    def _now(self) -> float:
        served_ns = int(self._server.read_text().split()[0]) if self._server else 0
        return time.process_time() + served_ns / 1e9
