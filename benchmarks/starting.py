"""``priorconsent check`` from a shell, against ``python -c pass``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import invented_map
from benchmarks.invented_map import InventedMap
from benchmarks.measuring import Table, progress, times, unit, wall_seconds

PERMITTED, COULD_NOT_CHECK = 0, 4


def run(sizes: Sequence[int], runs: int) -> Table:
    """One row for each command."""
    table = Table(f"start-up: wall time, median of {runs} runs", "command", "time", "÷ python -c pass")
    with tempfile.TemporaryDirectory() as folder:
        commands = _commands(Path(folder), sizes)
        taken = []
        for label, words, code in commands:
            progress(label)
            taken.append((label, wall_seconds(runs, lambda words=words, code=code: _start(words, code))))  # type: ignore[misc]
    for label, took in taken:
        table.add(label, unit(took), times(took / taken[0][1]))
    return table


def _commands(folder: Path, sizes: Sequence[int]) -> list[tuple[str, list[str], int]]:
    trust = folder / "trust.json"
    trust.write_bytes(invented_map.trust().encode())
    program = [sys.executable, "-m", "priorconsent.cli"]
    asked = ["check", invented_map.file_name(0, 0), "--use", "train.generative", "--vendor", invented_map.VENDOR]
    asked += ["--territory", "JP", "--modality", "video", "--model", "Model-1", "--distribution", "internal"]
    commands = [
        ("python -c pass", [sys.executable, "-c", "pass"], PERMITTED),
        ("priorconsent --help", [*program, "--help"], PERMITTED),
        (
            "check, no snapshot there: start-up alone",
            [*program, *asked, "--snapshot", str(folder / "none"), "--trust", str(trust)],
            COULD_NOT_CHECK,
        ),
    ]
    for size in sizes:
        path = folder / f"{size}.sqlite"
        InventedMap(size).write(path)
        words = [*program, *asked, "--snapshot", str(path), "--trust", str(trust)]
        commands.append((f"check, {size:,} names", words, PERMITTED))
    return commands


def _start(words: list[str], code: int) -> None:
    # A memory of its own each time: the maps of this benchmark are forks of each other, which ``check`` notices.
    with tempfile.TemporaryDirectory() as memory:
        environment = {**os.environ, "XDG_STATE_HOME": memory}
        done = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
