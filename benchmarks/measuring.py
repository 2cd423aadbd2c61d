"""Clocks, memory, tables."""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

KIB = 1024


def wall_seconds(runs: int, action: Callable[[], object]) -> float:
    """Median of the wall time of several runs."""
    return statistics.median(_timed(time.perf_counter, action) for _ in range(runs))


def cpu_seconds(runs: int, action: Callable[[], object]) -> float:
    """Median of this process's time on the processor: wall time would also measure the neighbours."""
    return statistics.median(once(action) for _ in range(runs))


def once(action: Callable[[], object]) -> float:
    """Time of one run on the processor, in seconds."""
    return _timed(time.process_time, action)


def _timed(clock: Callable[[], float], action: Callable[[], object]) -> float:
    start = clock()
    action()
    return clock() - start


def in_a_child(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What a fresh process works out, and the peak of its memory in MiB.

    Args:
        work: a function of a module, since the process is started anew.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, work, args, kwargs).result()


def _with_peak(work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[T, float]:
    result = work(*args, **kwargs)
    return result, _peak_kib() / KIB


def _peak_kib() -> int:
    """The peak of this process's memory."""
    status = Path("/proc/self/status")
    if status.exists():
        # ``getrusage`` would include the memory of the process that started this one.
        members = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return int(members["VmHWM"].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def machine() -> str:
    """What the figures were seen on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


class Table:
    """Rows under a header, printed at once.

    Args:
        title: what was measured.
        columns: of the header; the first is flush left, the others are flush right.
    """

    def __init__(self, title: str, *columns: str) -> None:
        self.title = title
        self.rows: list[Sequence[str]] = [columns]

    def add(self, *cells: str) -> None:
        """One more row."""
        self.rows.append(cells)

    def text(self) -> str:
        """As Markdown."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [self._line(row, widths) for row in self.rows]
        rule = "| " + " | ".join("-" * width for width in widths[:1]) + " | "
        rule += " | ".join("-" * (width - 1) + ":" for width in widths[1:]) + " |"
        return "\n".join([f"### {self.title}", "", lines[0], rule, *lines[1:], ""])

    @staticmethod
    def _line(row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join(cells) + " |"


def progress(text: str) -> None:
    """Say what is measured now, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text} …", end="", file=sys.stderr, flush=True)


def times(figure: float) -> str:
    """A ratio."""
    return f"{figure:,.1f} ×"


def unit(figure_s: float) -> str:
    """A duration, in the unit that suits it."""
    for scale, name in ((1, "s"), (1e-3, "ms")):
        if figure_s >= scale:
            return f"{figure_s / scale:.3g} {name}"
    return f"{figure_s * 1e6:.3g} µs"
