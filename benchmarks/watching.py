"""A whole log checked, and followed: time an entry against that of one Ed25519 verification, and memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import invented_log
from benchmarks.measuring import Table, in_a_child, once, progress, times, unit
from priorconsent.court.findings import Findings
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.monitor.interests import of_work
from priorconsent.monitor.memory import Memory
from priorconsent.monitor.rounds import Monitor, Round

VERIFIED = 2_000
MIB = 1 << 20


def run(sizes: Sequence[int]) -> Table:
    """Two rows for each size: the check, and the first round of a monitor that watches the film."""
    table = Table(
        "watching: processor time of one run; two entries of three cite a signed statement",
        "act",
        "entries",
        "signatures",
        "time",
        "an entry",
        "one Ed25519 verification",
        "ratio",
        "peak RSS",
        "state file",
        "a round with nothing new",
    )
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            progress(f"watching: writing a log of {size:,}")
            statements, _ = in_a_child(invented_log.publish, folder / "public", size)
            verification = _verification()
            for act, measure in (("log fsck", _check), ("log monitor", _follow)):
                progress(f"watching: {act} of {size:,}")
                (entries, seconds, file, idle), peak = in_a_child(measure, folder)
                table.add(
                    act,
                    f"{entries:,}",
                    f"{statements:,}",
                    f"{seconds:.1f} s",
                    unit(seconds / entries),
                    unit(verification),
                    times(seconds / entries / verification),
                    f"{peak:.0f} MiB",
                    f"{file / MIB:.0f} MiB" if file else "",
                    unit(idle) if idle else "",
                )
    return table


def _check(folder: Path) -> tuple[int, float, int, float]:
    found: list[Findings] = []
    seconds = once(lambda: found.append(fsck(Folder(folder / "public"), invented_log.trust())))
    assert found[0].exit_code == Exit.PERMITTED, found[0].to_json()
    return found[0].size, seconds, 0, 0.0


def _follow(folder: Path) -> tuple[int, float, int, float]:
    path, trust = folder / "state.sqlite", invented_log.trust()
    seen: list[Round] = []
    with Memory(path, trust) as memory:

        def tell() -> None:
            while untold := memory.untold("printed"):
                memory.told("printed", [one.number for one in untold])

        monitor = Monitor(memory, trust, of_work(invented_log.FILM), tell)
        public, now = Folder(folder / "public"), invented_log.BEGAN
        seconds = once(lambda: seen.append(monitor.follow(public, now)))
        idle = once(lambda: seen.append(monitor.follow(public, now)))
    assert (seen[0].problem, seen[0].fraud, seen[1].reported) == (None, None, 0)
    return seen[0].size, seconds, path.stat().st_size, idle


def _verification() -> float:
    """One verification, in seconds."""
    message = b"yardstick"
    signature = invented_log.PARTY.sign(message)
    start = time.process_time()
    for _ in range(VERIFIED):
        invented_log.PARTY.jwk.verify(signature, message)
    return (time.process_time() - start) / VERIFIED
