"""Building and verifying a snapshot, against SHA-256 of the same bytes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import invented_map
from benchmarks.invented_map import InventedMap
from benchmarks.measuring import KIB, Table, cpu_seconds, in_a_child, progress, times, unit
from priorconsent.snapshot import open_verified


def run(sizes: Sequence[int], runs: int) -> Table:
    """One row for each size and act."""
    table = Table(
        f"snapshot: processor time, median of {runs} runs",
        "act",
        "names",
        "file",
        "time",
        "a name",
        "SHA-256 of the file",
        "ratio",
        "peak RSS",
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            for act, measure in (("build", _build), ("verify", _verify)):
                progress(f"snapshot: {act}, {size} names")
                path = Path(folder) / f"{size}.sqlite"
                (count, took), peak = in_a_child(measure, path, size, runs)
                raw = path.read_bytes()
                yardstick = cpu_seconds(runs, lambda raw=raw: hashlib.sha256(raw).digest())  # type: ignore[misc]
                table.add(
                    act,
                    f"{count:,}",
                    f"{len(raw) / KIB / KIB:.1f} MiB",
                    unit(took),
                    unit(took / count),
                    unit(yardstick),
                    times(took / yardstick),
                    f"{peak:.0f} MiB",
                )
    return table


def _build(path: Path, size: int, runs: int) -> tuple[int, float]:
    """From leaves in memory; their memory counts in the peak."""
    whole = InventedMap(size)
    leaves = whole.encoded()
    return len(leaves), cpu_seconds(runs, lambda: whole.write(path, leaves))


def _verify(path: Path, size: int, runs: int) -> tuple[int, float]:
    del size
    with open_verified(path, invented_map.trust(), None) as snapshot:
        count = snapshot.head.map_root.n
    return count, cpu_seconds(runs, lambda: open_verified(path, invented_map.trust(), None).close())
