"""Small SQLite databases that are made once, whole, and never made anew: they remember what must not be forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


def content(schema: str, insert: str, row: Sequence[Any]) -> bytes:
    """The bytes of a database with a schema and one row."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(schema)
        connection.execute(insert, row)
        return connection.serialize()


@contextmanager
def opened(path: Path, *, busy_s: float) -> Iterator[sqlite3.Connection]:
    """A connection to one that is there; what is committed outlives a loss of power.

    Args:
        busy_s: how long to wait for others that write.

    Raises:
        sqlite3.OperationalError: it is not there.
    """
    # ``rw``: a file that went away meanwhile is not made anew.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=EXTRA")
        yield connection
