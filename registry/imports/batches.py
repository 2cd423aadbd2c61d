"""Rows read and checked, batch by batch: here, or ahead of the database by a process of its own.

Nothing below this knows Django, so that the second process starts at once and takes little memory.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

import msgspec

from priorconsent.errors import PriorConsentError
from registry.imports.mapping import Map
from registry.imports.problems import Problem, UnreadableError
from registry.imports.reading import Row, rows
from registry.imports.telling import Said, Teller
from registry.search_keys import Entry, entry_of

# Below it, a second process costs more time than it saves.
AHEAD_FROM_BYTES = 8 * 2**20


class Told(NamedTuple):
    """One row.

    Args:
        number: the identifier by which the work is found again.
        said: ``telling.Said`` in MessagePack: the same bytes as long as the row says the same.
        entry: where the work is found; ``None``: nobody has worked it out yet.
    """

    line: int
    number: str
    said: bytes
    entry: Entry | None


class Batch(NamedTuple):
    """What became of some rows.

    Args:
        rows: how many were read, those with errors too.
    """

    rows: int
    told: list[Told]
    problems: list[Problem]


class Batches:
    """Batches as they come.

    Args:
        wanted: set: another process works out entries beforehand; ``None``: there is none.
    """

    def __init__(self, found: Iterator[Batch], wanted: Event | None = None) -> None:
        self._found, self._wanted = found, wanted

    def __iter__(self) -> Iterator[Batch]:
        return self._found

    def want_entries(self, *, is_wanted: bool) -> None:
        """Ask for entries from the next batches, or save the time."""
        if self._wanted is not None:
            (self._wanted.set if is_wanted else self._wanted.clear)()


@contextmanager
def batches(path: Path, chart: Map, size: int) -> Iterator[Batches]:
    """The rows of a catalogue, ``size`` at a time.

    Raises:
        UnreadableError: when a batch is asked for, and the file cannot be read on.
    """
    if path.stat().st_size < AHEAD_FROM_BYTES:
        yield Batches(checked(path, chart, size))
        return
    # A new process rather than a fork: this one has connections, locks and threads.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    wanted = context.Event()
    process = context.Process(target=_send, args=(there, path, chart, size, wanted), daemon=True)
    process.start()
    there.close()
    try:
        yield Batches(_received(here), wanted)
    finally:
        here.close()
        process.terminate()
        process.join()
        process.close()


def checked(path: Path, chart: Map, size: int, wants_entries: Callable[[], bool] = lambda: False) -> Iterator[Batch]:
    """The same by this process.

    Args:
        wants_entries: asked before each batch.
    """
    problems: list[Problem] = []
    encode = msgspec.msgpack.Encoder().encode
    teller = Teller(chart, problems.append)
    column = chart.identifiers[0].column

    def told(row: Row, *, with_entry: bool) -> Told | None:
        said = teller.tell(row)
        if said is None:
            return None
        number = said.identifiers[0][1]
        first = seen.first_line(number, row[0])
        if first == row[0]:
            return Told(first, number, encode(said), search_entry(said) if with_entry else None)
        problem = f"line {first} has this identifier too"
        problems.append(Problem("error", row[0], column, problem, "number each work once"))
        return None

    with closing(_Seen()) as seen:
        found = rows(path, chart)
        while some := list(islice(found, size)):
            with_entry = wants_entries()
            found_told = [one for row in some if (one := told(row, with_entry=with_entry))]
            yield Batch(len(some), found_told, list(problems))
            problems.clear()


def search_entry(said: Said) -> Entry:
    """Where a work is found of which this is said."""
    return entry_of((form, text) for _, form, text in said.titles)


def _received(pipe: Connection) -> Iterator[Batch]:
    """What another process has checked, while the last batch was stored."""
    while True:
        try:
            found = pipe.recv()
        except EOFError:
            raise PriorConsentError("the process that read the catalogue was ended: run the import again") from None
        if found is None:
            return
        if isinstance(found, UnreadableError):
            raise found
        yield found


def _send(pipe: Connection, path: Path, chart: Map, size: int, wanted: Event) -> None:
    # Ctrl-C is for whoever stores, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    with suppress(BrokenPipeError):
        try:
            for batch in checked(path, chart, size, wanted.is_set):
                pipe.send(batch)
            pipe.send(None)
        except UnreadableError as error:
            pipe.send(error)


class _Seen:
    """Which line had an identifier first, on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        # The empty name: a database of its own that SQLite takes away by itself.
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE seen (value TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def first_line(self, value: str, line: int) -> int:
        """The line that had the value first; this one, if none had."""
        if self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (value, line)).rowcount:
            return line
        return int(self._rows.execute("SELECT line FROM seen WHERE value = ?", (value,)).fetchone()[0])

    def close(self) -> None:
        """Give the space back."""
        self._rows.close()
