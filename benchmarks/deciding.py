"""``decide`` against raw reads of the same keys, in one read transaction."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks import invented_map
from benchmarks.invented_map import InventedMap
from benchmarks.measuring import Table, cpu_seconds, in_a_child, once, progress, times, unit
from priorconsent import merkle_map, query
from priorconsent.decision import decide
from priorconsent.query import Query
from priorconsent.reasons import Verdict
from priorconsent.snapshot import Snapshot, open_verified
from priorconsent.states import State

QUESTIONS = 2000
RUNS = 5
KINDS = ("file, licensed", "file, not licensed", "file, unknown", "URL, licensed", "URL, unknown")


class Listening:
    """States that note which names were asked for."""

    def __init__(self, states: Snapshot) -> None:
        self.states = states
        self.asked: list[str] = []

    def state(self, name: str) -> State | None:
        """As ``consent.States``."""
        self.asked.append(name)
        return self.states.state(name)


def run(sizes: Sequence[int], runs: int) -> Table:
    """One row for each kind of question and size."""
    table = Table(
        f"decide: processor time a question, {QUESTIONS:,} questions, median of {runs} runs",
        "question",
        "names in the map",
        "look-ups",
        "raw reads",
        "parse",
        "decide, first time",
        "decide, again",
        "first ÷ raw",
        "again ÷ raw",
        "peak RSS",
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.sqlite"
            progress(f"decide: a map of {size} names")
            in_a_child(_build, path, size)
            for kind in KINDS:
                progress(f"decide: {kind}, {size} names")
                (lookups, raw, parse, cold, warm), peak = in_a_child(_measure, path, size, kind, runs)
                per = [unit(figure / QUESTIONS) for figure in (raw, parse, cold, warm)]
                ratios = (times(cold / raw), times(warm / raw))
                table.add(kind, f"{size:,}", f"{lookups:.1f}", *per, *ratios, f"{peak:.0f} MiB")
    return table


def _build(path: Path, size: int) -> None:
    InventedMap(size).write(path)


def _measure(path: Path, size: int, kind: str, runs: int) -> tuple[float, float, float, float, float]:
    asked = questions(kind, InventedMap(size).works)
    parsed = [query.parse(one, now=invented_map.NOW) for one in asked]
    parse = cpu_seconds(runs, lambda: [query.parse(one, now=invented_map.NOW) for one in asked])
    expected = Verdict.PERMITTED if kind.endswith(", licensed") else Verdict.NOT_PERMITTED
    with open_verified(path, invented_map.trust(), None) as snapshot:
        listening = Listening(snapshot)
        assert {decide(one, listening).verdict for one in parsed} == {expected}
    keys = [merkle_map.map_key(name) for name in listening.asked]
    colds, warms = zip(*(_decide_twice(path, parsed) for _ in range(runs)), strict=True)
    raw = _raw_reads(path, keys, runs)
    middle = runs // 2
    return len(keys) / QUESTIONS, raw, parse, sorted(colds)[middle], sorted(warms)[middle]


def _decide_twice(path: Path, parsed: list[Query]) -> tuple[float, float]:
    """With nothing decoded yet, and again with what the snapshot keeps decoded."""
    with open_verified(path, invented_map.trust(), None) as snapshot, snapshot.in_one_read():
        cold = once(lambda: [decide(one, snapshot) for one in parsed])
        warm = once(lambda: [decide(one, snapshot) for one in parsed])
    return cold, warm


def _raw_reads(path: Path, keys: list[bytes], runs: int) -> float:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)) as raw:
        raw.execute("BEGIN")
        read = "SELECT state FROM leaves WHERE key = ?"
        return cpu_seconds(runs, lambda: [raw.execute(read, (key,)).fetchone() for key in keys])


def questions(kind: str, works: int) -> list[dict[str, str]]:
    """``QUESTIONS`` of one kind, the same in every run."""
    chance = random.Random(1)  # noqa: S311 (the same questions in every run)
    usual = {
        "use": "train.generative.pretrain",
        "vendor": invented_map.VENDOR,
        "territory": "JP",
        "modality": "video",
        "model": "Model-1",
        "distribution": "internal",
    }
    twenties = range(0, works, invented_map.WORKS_A_GRANT)
    licensed = [one for start in twenties[::2] for one in range(start, min(start + invented_map.WORKS_A_GRANT, works))]
    others = [one for start in twenties[1::2] for one in range(start, min(start + invented_map.WORKS_A_GRANT, works))]
    found = []
    for number in range(QUESTIONS):
        work = chance.choice(others if kind == "file, not licensed" else licensed)
        key = {
            "file, licensed": ("sha256", invented_map.file_name(work, number % invented_map.FILES_A_WORK)),
            "file, not licensed": ("sha256", invented_map.file_name(work, number % invented_map.FILES_A_WORK)),
            "file, unknown": ("sha256", invented_map.file_name(-1 - number, 0)),
            "URL, licensed": ("url", f"https://host-{work}.example/a/b/{number}.mp4"),
            "URL, unknown": ("url", f"https://elsewhere-{number}.example/a/b/{number}.mp4"),
        }[kind]
        found.append({key[0]: key[1], **usual})
    return found
