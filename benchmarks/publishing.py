"""How long an event waits, from the commit of who handed it in until the public checkpoint holds it.

A registry of its own on SQLite, writers that append at a steady rate, one process that sequences, and three witnesses,
all of them programs of their own on this machine. The yardstick is the same without witnesses.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.measuring import Table, in_a_child, progress, unit
from priorconsent.log.note import Verifier
from priorconsent.signing import Secrets
from priorconsent.witness import config

WITNESSES = 3
NEEDED = 2
# Between two looks at the public checkpoint, and of the sequencer between two runs.
LOOK_S, REST_S = 0.01, 0.05
SETTLE_S = 30.0


@dataclass(frozen=True)
class Load:
    """What the writers do."""

    writers: int
    each_per_s: float
    seconds: float


@dataclass(frozen=True)
class Seen:
    """What came of it; delays in seconds, ascending."""

    delays: tuple[float, ...]
    checkpoints: int


class _Plain:
    """Keys of a benchmark need no passphrase."""

    def passphrase(self, what: str) -> None:
        del what

    def pin(self, what: str) -> bytes:
        raise AssertionError(what)

    def plain(self, what: str) -> None:
        del what


def run(loads: tuple[Load, ...]) -> Table:
    """Two rows for each load: without witnesses and with them."""
    table = Table(
        f"publication: from the commit of an event to a public checkpoint with it; {NEEDED} of {WITNESSES} witnesses",
        "witnesses",
        "writers",
        "events",
        "events/s",
        "checkpoints",
        "median",
        "95 of 100",
        "longest",
    )
    for load in loads:
        for witnesses in (0, WITNESSES):
            progress(f"publication: {load.writers} writers, {witnesses} witnesses")
            seen, _ = in_a_child(_measure, load, witnesses)
            delays = seen.delays
            table.add(
                str(witnesses),
                str(load.writers),
                f"{len(delays):,}",
                f"{len(delays) / load.seconds:.0f}",
                str(seen.checkpoints),
                unit(statistics.median(delays)),
                unit(delays[len(delays) * 95 // 100]),
                unit(delays[-1]),
            )
    return table


def _measure(load: Load, witnesses: int) -> Seen:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        running = [stack.enter_context(_witness(folder / f"w{number}", number)) for number in range(witnesses)]
        lines = [f"witness {number} {key} {url}\n" for number, (key, url) in enumerate(running)]
        # Before Django reads its settings; this process was made for it.
        os.environ |= {"PRIORCONSENT_DATA": str(folder / "var"), "SECRET_KEY": "of a benchmark" * 4}
        os.environ |= {"PRIORCONSENT_LOG_LEVEL": "error"}
        if running:
            members = " ".join(map(str, range(witnesses)))
            os.environ["PRIORCONSENT_WITNESS_POLICY"] = f"{''.join(lines)}group g {NEEDED} {members}\nquorum g\n"
        _start_django()
        return _publish(folder, load, witnesses)


def _publish(folder: Path, load: Load, witnesses: int) -> Seen:
    from django.core.management import call_command

    from priorconsent import times
    from transparency import publisher, sequencer
    from transparency.append import sequenced_by_caller
    from transparency.keysets import found_registry
    from transparency.models import Alarm, Pending
    from transparency.policies import verifiers
    from transparency.signers import make_keys

    call_command("migrate", verbosity=0, interactive=False)
    make_keys(root=True)
    for number in range(witnesses):
        config.state(folder / f"w{number}").add_key(Verifier.parse(verifiers()[0].vkey()))
    with sequenced_by_caller():
        found_registry(times.now())
    assert publisher.read_checkpoint() is not None
    watch = _Watch(folder / "var" / "public" / "log" / "checkpoint")
    with ProcessPoolExecutor(load.writers, get_context("spawn")) as pool:
        writing = [pool.submit(_write, load.each_per_s, load.seconds) for _ in range(load.writers)]
        while not all(one.done() for one in writing):
            sequencer.run(times.now())
            time.sleep(REST_S)
        sequencer.run(times.now())
        committed = {unit: at for one in writing for unit, at in one.result().items()}
    sizes = watch.end()
    assert not Alarm.objects.exists(), list(Alarm.objects.values_list("detail", flat=True))
    rows = [(row.unit, row.pos or 0) for row in Pending.objects.filter(pos__isnull=False)]
    delays = [next(at for at, size in sizes if size > pos) - committed[unit] for unit, pos in rows if unit in committed]
    assert len(delays) == len(committed)
    return Seen(tuple(sorted(delays)), len(sizes))


class _Watch:
    """Looks at the public checkpoint all the time."""

    def __init__(self, path: Path) -> None:
        self._path, self._seen, self._over = path, list[tuple[float, int]](), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> list[tuple[float, int]]:
        """When each size was seen first."""
        time.sleep(10 * LOOK_S)
        self._over.set()
        self._thread.join()
        return self._seen

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            size = int(self._path.read_bytes().split(b"\n")[1])
            if not self._seen or size != self._seen[-1][1]:
                self._seen.append((time.time(), size))


def _write(per_s: float, seconds: float) -> dict[object, float]:
    """Append events at a steady rate; when each was committed, by its unit."""
    _start_django()
    import uuid

    from django.db import transaction

    from transparency.append import append, sequenced_by_caller

    committed: dict[object, float] = {}
    begin = time.time()
    with sequenced_by_caller():
        while (gone := time.time() - begin) < seconds:
            time.sleep(max(0.0, len(committed) / per_s - gone))
            draft = {"t": "party", "party": uuid.uuid4().urn, "kind": "organisation", "members": None}
            with transaction.atomic():
                row = append(draft)
            committed[row.unit] = time.time()
    return committed


@contextmanager
def _witness(folder: Path, number: int) -> Iterator[tuple[str, str]]:
    """A witness that knows no log yet; its key and where it listens."""
    secrets: Secrets = _Plain()
    made = config.make(folder, f"witness.example/{number}", {"ed25519": "ed25519.pem"}, secrets)
    command = [sys.executable, "-m", "priorconsent.cli", "log", "witness", "serve", str(folder), "--plain"]
    process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"listens on (\S+),", line)))
        yield made.keys[0].vkey, url
    finally:
        process.terminate()
        process.communicate(timeout=SETTLE_S)


def _start_django() -> None:
    import django

    from config.env import use_settings

    use_settings()
    django.setup()
