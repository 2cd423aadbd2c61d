"""A ledger in a SQLite file, for whoever replays a log that does not fit into memory, or goes on with it another day.

Memory holds the states that were asked for last and the nodes above the buckets of the map; all else is in the
file, which nobody else writes. What changed is written by ``save``, within the transaction of whoever replays:
after a crash the file is as it was at the last commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from priorconsent import canonical, leaf_file, merkle_buckets, merkle_map
from priorconsent import events as ev
from priorconsent.merkle_buckets import BUCKET_BITS, TOP, Position
from priorconsent.merkle_map import EMPTY, Node
from priorconsent.states import State

# Decoded states kept in memory, some kilobytes each.
KEPT_STATES = 1 << 14
# Of these replay asks again: the first, and those in the life of a grant.
_KEPT_EVENTS = (ev.LogOpen, ev.GrantAdd, ev.Suspend, ev.Resume, ev.Withdraw, ev.Supersede)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replayed(id INTEGER PRIMARY KEY, size INTEGER, leaves INTEGER, last_time TEXT);
CREATE TABLE IF NOT EXISTS leaves(key BLOB PRIMARY KEY, value BLOB, name TEXT, state BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nodes(depth INTEGER, prefix INTEGER, hash BLOB, leaf_key BLOB, leaf_value BLOB,
    PRIMARY KEY(depth, prefix)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent(digest BLOB PRIMARY KEY, pos INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events(pos INTEGER PRIMARY KEY, raw BLOB);
"""


class FileLedger:
    """Implements ``Ledger``, whose methods are described there.

    Args:
        connection: of a file that belongs to this ledger, alone or beside other tables of its owner.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        self.reload()

    @classmethod
    def temporary(cls) -> FileLedger:
        """An empty ledger in a file without a name, which ends with it."""
        connection = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        return cls(connection)

    def reload(self) -> None:
        """Forget what was not saved, or was saved and rolled back."""
        row = self._connection.execute("SELECT size, leaves, last_time FROM replayed").fetchone()
        told: tuple[int, int, str | None] = row or (0, 0, None)
        self._size, self._leaves, self._last_time = told
        self._known: dict[str, State | None] = {}
        self._changed: dict[str, State] = {}
        # Every statement is held against the registry that it names.
        self._first: ev.Event | None = None
        rows = self._connection.execute("SELECT depth, prefix, hash, leaf_key, leaf_value FROM nodes")
        self._nodes: dict[Position, Node] = {
            (depth, prefix): Node(found, (key, value) if key is not None else None)
            for depth, prefix, found, key, value in rows
        }

    @property
    def size(self) -> int:  # noqa: D102
        return self._size

    @property
    def last_time(self) -> str | None:  # noqa: D102
        return self._last_time

    @property
    def leaves(self) -> int:
        """Number of names with a state, as of the last ``save``."""
        return self._leaves

    def leaves_of_map(self) -> Iterator[tuple[str, bytes]]:
        """Name and canonical state of every leaf, ascending by key, as of the last ``save``."""
        yield from self._connection.execute("SELECT name, state FROM leaves ORDER BY key")

    def state(self, name: str) -> State | None:  # noqa: D102
        changed = self._changed.get(name)
        if changed is not None:
            return changed
        if name not in self._known:
            if len(self._known) >= KEPT_STATES:
                self._known.clear()
            row = self._connection.execute(
                "SELECT state FROM leaves WHERE key = ?", (merkle_map.map_key(name),)
            ).fetchone()
            self._known[name] = None if row is None else leaf_file.decode_state(name, row[0])
        return self._known[name]

    def put(self, name: str, state: State) -> None:  # noqa: D102
        self._changed[name] = state

    def event(self, pos: int) -> ev.Event:  # noqa: D102
        if pos == 0 and self._first is not None:
            return self._first
        [raw] = self._connection.execute("SELECT raw FROM events WHERE pos = ?", (pos,)).fetchone()
        event = ev.read_event(raw)
        if pos == 0:
            self._first = event
        return event

    def is_spent(self, digest: str) -> bool:  # noqa: D102
        found = self._connection.execute("SELECT 1 FROM spent WHERE digest = ?", (_short(digest),))
        return found.fetchone() is not None

    def spend(self, digest: str, pos: int) -> None:  # noqa: D102
        self._connection.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (_short(digest), pos))

    def record(self, event: ev.Event) -> None:  # noqa: D102
        if isinstance(event, _KEPT_EVENTS):
            self._connection.execute("INSERT INTO events VALUES (?, ?)", (self._size, event.encode()))
        self._size += 1
        self._last_time = max(self._last_time or "", event.time)

    def save(self) -> bytes:
        """Write what changed; the root of the map so far, 32 bytes. Costs what the changed buckets hold."""
        buckets = {self._write(name, state) for name, state in self._changed.items()}
        self._known.update(self._changed)
        self._changed.clear()
        self._connection.execute(
            "INSERT OR REPLACE INTO replayed VALUES (1, ?, ?, ?)", (self._size, self._leaves, self._last_time)
        )
        if buckets:
            nodes = merkle_buckets.update(self._nodes, {bucket: self._subtree(bucket) for bucket in buckets})
            self._nodes.update(nodes)
            self._connection.executemany(
                "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?)",
                ((*position, node.hash, *(node.leaf or (None, None))) for position, node in nodes.items()),
            )
        return self._nodes.get(TOP, EMPTY).hash

    def _write(self, name: str, state: State) -> int:
        """Write one state; its bucket."""
        raw, key = state.encode(), merkle_map.map_key(name)
        if self._connection.execute("SELECT 1 FROM leaves WHERE key = ?", (key,)).fetchone() is None:
            self._leaves += 1
        self._connection.execute(
            "INSERT OR REPLACE INTO leaves VALUES (?, ?, ?, ?)", (key, merkle_map.value_hash(raw), name, raw)
        )
        return merkle_buckets.bucket_of(key)

    def _subtree(self, bucket: int) -> Node:
        rows = self._connection.execute(
            "SELECT key, value FROM leaves WHERE key BETWEEN ? AND ? ORDER BY key", merkle_buckets.bucket_range(bucket)
        )
        return merkle_map.subtree(rows, BUCKET_BITS)


def _short(digest: str) -> bytes:
    """32 bytes instead of a text; what is no digest, such as the mark of a closed log, stays a text's bytes."""
    return canonical.digest_bytes(digest) if digest.startswith("sha256:") else digest.encode()
