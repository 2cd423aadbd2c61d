"""Building and verifying a snapshot, against SHA-256 of the same bytes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import invented_map
from benchmarks.invented_map import InventedMap
from benchmarks.measuring import KIB, Table, cpu_seconds, in_a_child, progress, times, unit
from priorconsent import snapshot
from priorconsent.leaf_file import LeafFile
from priorconsent.snapshot import open_verified

MANY = 1_000_000


def run(sizes: Sequence[int], runs: int) -> Table:
    """One row for each size and act."""
    table = Table(
        f"snapshot: processor time, median of {runs} runs (of one from {MANY:,} names)",
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
            path = Path(folder) / f"{size}.sqlite"
            often = runs if size < MANY else 1
            for act, measure in (("build", _build), ("verify", _verify)):
                progress(f"snapshot: {act}, {size} names")
                (count, took), peak = in_a_child(measure, path, size, often)
                length = path.stat().st_size
                yardstick = cpu_seconds(often, lambda path=path: _digest(path))  # type: ignore[misc]
                table.add(
                    act,
                    f"{count:,}",
                    f"{length / KIB / KIB:.1f} MiB",
                    unit(took),
                    unit(took / count),
                    unit(yardstick),
                    times(took / yardstick),
                    f"{peak:.0f} MiB",
                )
            path.unlink()
    return table


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _build(path: Path, size: int, runs: int) -> tuple[int, float]:
    """From leaves on the disk, ascending by key, as the publisher reads them from its database."""
    with InventedMap(size).ascending() as leaves:
        head = invented_map.head(leaves())
        took = cpu_seconds(runs, lambda: snapshot.build(path, leaves(), registry=invented_map.REGISTRY, **head))
    return _count(path), took


def _verify(path: Path, size: int, runs: int) -> tuple[int, float]:
    del size
    took = cpu_seconds(runs, lambda: open_verified(path, invented_map.trust(), None).close())
    return _count(path), took


def _count(path: Path) -> int:
    with LeafFile(path, invented_map.trust()) as file:
        return file.head.map_root.n
