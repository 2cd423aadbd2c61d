"""What a monitor keeps between rounds, in one SQLite file that nobody else writes.

* the replayed log (``replay.file_ledger``), and the hashes of its entries;
* every signed checkpoint that was seen, whether or not it could be compared yet;
* reports until everybody who is to be told was told: written in the transaction that takes in what they are
  about, so that a crash at any moment neither loses one nor makes it twice. One may be *told* twice; its ``id`` is
  the same then.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from priorconsent.errors import ConflictError, FraudError, NotTrustedError
from priorconsent.files import PRIVATE_MODE, locked, whole_file
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.monitor.reports import Report, read_report
from priorconsent.replay.file_ledger import FileLedger
from priorconsent.trust import Trust

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hashes(start INTEGER PRIMARY KEY, raw BLOB);
CREATE TABLE IF NOT EXISTS signed(size INTEGER, root BLOB, note BLOB, seen_at TEXT, compared INTEGER DEFAULT 0,
    PRIMARY KEY(size, root));
CREATE TABLE IF NOT EXISTS reports(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, kind TEXT, raw BLOB,
    printed INTEGER DEFAULT 0, posted INTEGER DEFAULT 0);
"""
_UNTOLD = {
    "printed": "SELECT number, raw FROM reports WHERE printed = 0 ORDER BY number LIMIT 100",
    "posted": "SELECT number, raw FROM reports WHERE posted = 0 ORDER BY number LIMIT 100",
}
_TOLD = {
    "printed": "UPDATE reports SET printed = 1 WHERE number = ?",
    "posted": "UPDATE reports SET posted = 1 WHERE number = ?",
}


@dataclass(frozen=True, slots=True)
class Untold:
    """A report that somebody has not been told yet."""

    number: int
    report: Report


class ForkError(FraudError):
    """The log signed two histories."""

    code = "fork"


class Memory:
    """One monitor's memory; closed after use.

    Args:
        path: made where it is not there; its folder has to be.
        posts: whether reports also go to a webhook.

    Raises:
        ConflictError: another monitor uses it, or it remembers another registry.
        NotTrustedError: it cannot be read or written.
    """

    def __init__(self, path: Path, trust: Trust, *, posts: bool = False) -> None:
        self.path = path
        self._posts = posts
        with contextlib.ExitStack() as opened:
            self._lock(opened)
            with self.kept():
                self._connection = sqlite3.connect(path, isolation_level=None)
                opened.callback(self._connection.close)
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self.ledger = FileLedger(self._connection)
                self._check_registry(f"{trust.registry} {trust.policy.origin}")
            self._closing = opened.pop_all()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Turn whatever is wrong with the file into our own error."""
        try:
            yield
        except sqlite3.Error as error:
            raise NotTrustedError(f"cannot keep what was seen in {self.path}: {error}") from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the block takes in is kept, or none of it."""
        with self.kept():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.ledger.save()
                self._connection.execute("COMMIT")
            except BaseException:
                # An interruption may come just after the commit.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self.ledger.reload()
                raise

    # The log

    def take_hashes(self, start: int, leaves: Iterable[bytes]) -> None:
        """Keep the leaf hashes of entries; within a transaction."""
        self._connection.execute("INSERT INTO hashes VALUES (?, ?)", (start, b"".join(leaves)))

    def root_at(self, size: int) -> bytes:
        """The root that the replayed log had at a size. Costs a pass over its hashes."""
        return tree.root(self._leaves(size))

    def remember(self, note: bytes, checkpoint: Checkpoint, now: str) -> None:
        """Keep a checkpoint that the log signed, and compare it with what is known.

        Raises:
            ForkError: the log signed another history of the same size.
        """
        with self.kept():
            rows = self._connection.execute("SELECT root, note FROM signed WHERE size = ?", (checkpoint.size,))
            others = dict(rows.fetchall())
            if checkpoint.root not in others:
                row = (checkpoint.size, checkpoint.root, note, now)
                self._connection.execute("INSERT INTO signed(size, root, note, seen_at) VALUES (?, ?, ?, ?)", row)
            fork = next((other for root, other in others.items() if root != checkpoint.root), None)
        if fork is not None:
            raise ForkError(f"the log signed two histories of {checkpoint.size} entries", evidence=(fork, note))

    def compare(self) -> None:
        """Compare what was signed with the replayed log, as far as that goes.

        Raises:
            ForkError: they differ; evidence are that checkpoint and the newest one compared before.
        """
        with self.kept():
            rows = self._connection.execute(
                "SELECT size, root, note FROM signed WHERE compared = 0 AND size <= ? ORDER BY size",
                (self.ledger.size,),
            ).fetchall()
            for size, root, note in rows:
                if self.root_at(size) != root:
                    raise ForkError(
                        f"the log signed another history of {size} entries than that of its other checkpoints",
                        evidence=(note, self._newest_compared()),
                    )
                self._connection.execute("UPDATE signed SET compared = 1 WHERE size = ? AND root = ?", (size, root))
            # What the newest one continues needs no second look.
            self._connection.execute(
                "DELETE FROM signed WHERE compared = 1 AND size < (SELECT max(size) FROM signed WHERE compared = 1)"
            )

    def signed_up_to(self, size: int) -> list[tuple[int, bytes, bytes]]:
        """Size, root and note of every checkpoint seen, up to a size."""
        with self.kept():
            found = self._connection.execute(
                "SELECT size, root, note FROM signed WHERE size <= ? ORDER BY size", (size,)
            )
            return found.fetchall()

    # Reports

    def add(self, report: Report) -> bool:
        """Keep a report until it is told; whether it is a new one."""
        row = (report.id, report.kind, report.encode(), not self._posts)
        with self.kept():
            found = self._connection.execute(
                "INSERT OR IGNORE INTO reports(id, kind, raw, posted) VALUES (?, ?, ?, ?)", row
            )
            return found.rowcount > 0

    def untold(self, to: str) -> list[Untold]:
        """What is still to be ``printed`` or ``posted``, in order, some at a time."""
        with self.kept():
            rows = self._connection.execute(_UNTOLD[to])
            return [Untold(number, read_report(raw)) for number, raw in rows]

    def told(self, to: str, numbers: Iterable[int]) -> None:
        """Note that some were ``printed`` or ``posted``; what everybody knows is forgotten, but for fraud."""
        with self.transaction():
            self._connection.executemany(_TOLD[to], ((number,) for number in numbers))
            self._connection.execute("DELETE FROM reports WHERE printed AND posted AND kind != 'fraud'")

    @property
    def fraud(self) -> Report | None:
        """What was proved false, now or before; then the log is followed no further."""
        with self.kept():
            row = self._connection.execute("SELECT raw FROM reports WHERE kind = 'fraud' ORDER BY number").fetchone()
            return None if row is None else read_report(row[0])

    def keep_evidence(self, report: Report, sides: Sequence[bytes]) -> Path:
        """Write both sides into files beside the memory; their folder."""
        folder = self.evidence_of(report)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number, raw in enumerate(sides, 1):
            with whole_file(folder / str(number), PRIVATE_MODE) as draft:
                draft.write(raw)
        return folder

    def evidence_of(self, report: Report) -> Path:
        """Where ``keep_evidence`` writes."""
        return self.path.with_name(f"{self.path.name}.evidence") / report.id.removeprefix("sha256:")

    def word(self, key: str) -> str:
        """A word that was kept; empty if none was."""
        with self.kept():
            row = self._connection.execute("SELECT v FROM meta WHERE k = ?", (key,)).fetchone()
            return "" if row is None else str(row[0])

    def keep(self, key: str, value: str) -> str:
        """Keep a word in place of another, which is returned."""
        before = self.word(key)
        if before != value:
            with self.kept():
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
        return before

    def close(self) -> None:
        """Release the file."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _leaves(self, size: int) -> Iterator[bytes]:
        left = size
        for [raw] in self._connection.execute("SELECT raw FROM hashes ORDER BY start"):
            for at in range(0, min(len(raw), left * tree.HASH_BYTES), tree.HASH_BYTES):
                yield raw[at : at + tree.HASH_BYTES]
                left -= 1
            if not left:
                return

    def _newest_compared(self) -> bytes:
        row = self._connection.execute(
            "SELECT note FROM signed WHERE compared = 1 ORDER BY size DESC LIMIT 1"
        ).fetchone()
        return b"" if row is None else bytes(row[0])

    def _lock(self, opened: contextlib.ExitStack) -> None:
        try:
            mine = opened.enter_context(locked(self.path.with_name(f"{self.path.name}.lock"), wait=False))
        except OSError as error:
            raise NotTrustedError(f"cannot keep what was seen in {self.path.parent}: {error.strerror}") from None
        if not mine:
            raise ConflictError(f"another monitor uses {self.path}")

    def _check_registry(self, name: str) -> None:
        if (self.word("log") or name) != name:
            raise ConflictError(f"{self.path} remembers another log; name another file")
        self.keep("log", name)
