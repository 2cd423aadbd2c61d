"""What a witness must never forget: of each log the largest checkpoint that it cosigned.

A database of its own, made once. A witness that lost it could be led to cosign another history of the same log,
so a missing one is never made anew: whoever lost it begins again under another name and key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from priorconsent import made_once
from priorconsent.errors import MalformedError, NotFoundError
from priorconsent.files import write_new
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.tree import EMPTY_ROOT

FORMAT = "prior-consent-witness/1"
# How long a request waits for others that write.
BUSY_S = 10
# Whoever signs a thousand checkpoints that do not fit together has proved enough.
MAX_EVIDENCE_PER_LOG = 1000

_SCHEMA = """
CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE keys(vkey TEXT PRIMARY KEY, origin TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE logs(origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB) WITHOUT ROWID;
CREATE TABLE evidence(
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, held BLOB NOT NULL, shown BLOB NOT NULL,
    UNIQUE(origin, size, root)
);
"""

# What was shown before, and could not be proved, may turn out to be a fork.
_KEEP = """
INSERT INTO evidence(at, kind, origin, size, root, held, shown) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(origin, size, root) DO UPDATE SET
    at = excluded.at, kind = excluded.kind, held = excluded.held, shown = excluded.shown
WHERE evidence.kind = 'unproved' AND excluded.kind = 'fork'
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The largest checkpoint of a log that this witness cosigned.

    Args:
        size, root: of an empty log before the first one.
        note: as cosigned; ``None`` before the first one.
    """

    size: int
    root: bytes
    note: bytes | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two checkpoints that a log signed and that were not shown to fit together.

    Args:
        kind: ``fork``: one size, two roots, which proves it; ``unproved``: the proof shown did not lead from one to
            the other, which an honest log may still do.
        held: the note that this witness had cosigned.
        shown: the request that it refused.
    """

    at: str
    kind: str
    origin: str
    size: int
    held: bytes
    shown: bytes


class State:
    """The database of a witness; safe to use from many threads and processes.

    Args:
        path: made by ``create``.

    Raises:
        NotFoundError: there is none; it is not made anew.
        MalformedError: it is no database of a witness.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with self._connected() as connection:
                found = connection.execute("SELECT v FROM meta WHERE k = 'format'").fetchone()
        except sqlite3.DatabaseError as error:
            raise MalformedError(f"{path} is no database of a witness: {error}") from None
        if found != (FORMAT,):
            raise MalformedError(f"{path} is no database of a witness in the form {FORMAT}")

    @classmethod
    def create(cls, path: Path) -> State:
        """Make an empty one.

        Raises:
            ConflictError: there is one; what a witness has seen is never thrown away.
        """
        write_new(path, made_once.content(_SCHEMA, "INSERT INTO meta VALUES ('format', ?)", (FORMAT,)))
        return cls(path)

    def add_key(self, key: Verifier) -> None:
        """Trust a key of a log; the second key of a log does not make it another one."""
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key.vkey(), key.name))
            connection.execute("INSERT OR IGNORE INTO logs VALUES (?, 0, ?, NULL)", (key.name, EMPTY_ROOT))

    def keys(self, origin: str) -> tuple[Verifier, ...]:
        """The keys that are trusted for a log; none if it is not known here."""
        with self._connected() as connection:
            rows = connection.execute("SELECT vkey FROM keys WHERE origin = ? ORDER BY vkey", (origin,)).fetchall()
        return tuple(Verifier.parse(vkey) for (vkey,) in rows)

    def held(self) -> dict[str, Held]:
        """What is held of each log, by origin and sorted."""
        with self._connected() as connection:
            rows = connection.execute("SELECT origin, size, root, note FROM logs ORDER BY origin").fetchall()
        return {origin: Held(*rest) for origin, *rest in rows}

    def evidence(self) -> tuple[Evidence, ...]:
        """Whatever was refused although its log had signed it, oldest first."""
        with self._connected() as connection:
            columns = "at, kind, origin, size, held, shown"
            rows = connection.execute(f"SELECT {columns} FROM evidence ORDER BY id").fetchall()  # noqa: S608 (fixed)
        return tuple(Evidence(*row) for row in rows)

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        """Be the only one who judges; what the block did is durable once it is left."""
        with self._writing() as connection:
            yield Turn(connection, origin)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            # Before the first read: nobody may move on what is compared here.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise NotFoundError(
                f"there is no {self._path}: a witness that lost what it has seen must not go on under its old key; "
                "make another one, with another name"
            )
        with made_once.opened(self._path, busy_s=BUSY_S) as connection:
            yield connection


class Turn:
    """One judgement about one log, in one transaction."""

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        self._connection, self._origin = connection, origin
        row = connection.execute("SELECT size, root, note FROM logs WHERE origin = ?", (origin,)).fetchone()
        self.held = Held(*row)

    def advance(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Hold a checkpoint from now on."""
        self._connection.execute(
            "UPDATE logs SET size = ?, root = ?, note = ? WHERE origin = ?",
            (checkpoint.size, checkpoint.root, note, self._origin),
        )

    def keep(self, kind: str, at: str, checkpoint: Checkpoint, shown: bytes) -> bool:
        """Keep both sides of a contradiction, once for each root.

        Returns:
            Whether it is new.
        """
        (kept,) = self._connection.execute(
            # By kind: what proves nothing must not fill the room of what does.
            "SELECT count(*) FROM evidence WHERE origin = ? AND kind = ?",
            (self._origin, kind),
        ).fetchone()
        if kept >= MAX_EVIDENCE_PER_LOG:
            return False
        row = (at, kind, self._origin, checkpoint.size, checkpoint.root, self.held.note or b"", shown)
        done = self._connection.execute(_KEEP, row)
        return done.rowcount == 1
