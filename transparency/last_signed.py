"""The last thing that was signed, remembered outside the database.

A database that comes back from a backup knows nothing of what was signed since, and would sign another history of
the same sizes. So before each signature size and root go into a small file of their own, from the value that the
last one left there; whoever finds another value there does not sign.

The file is worth most where no backup of the database takes it along: on another disk.

A crash after the file moved on and before the signature was stored: the next run signs the very same.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from priorconsent import made_once
from priorconsent.errors import ConflictError, SigningError
from priorconsent.files import PRIVATE_MODE, write_new
from priorconsent.log.tiles import TileNodes
from priorconsent.log.tree import tree_root
from transparency.alarms import RestoredBackupError
from transparency.files import write_file
from transparency.models import Checkpoint

FORMAT = "prior-consent-signed/1"
BUSY_S = 20
# The lower half of SQLite's error codes, and those that say nothing about what is in the file.
PRIMARY_CODE = 0xFF
AWAY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM})
HOW_TO_GO_ON = "docs/guides/restoring.md says how to go on"

_SCHEMA = """
CREATE TABLE signed(
    one INTEGER PRIMARY KEY CHECK (one = 1), format TEXT NOT NULL, origin TEXT NOT NULL,
    size INTEGER NOT NULL, root BLOB NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed last, or was about to be."""

    size: int
    root: bytes


def path() -> Path:
    """Where the file is."""
    chosen: Path | None = settings.PRIORCONSENT_SIGNED_STORE
    return chosen or settings.PRIORCONSENT_DATA / "signed.sqlite3"


def read() -> Signed | None:
    """What was signed last; ``None`` if there is no file.

    Raises:
        RestoredBackupError: there is a file, and it is not that of this log.
        SigningError: it cannot be read now.
    """
    if not path().exists():
        return None
    try:
        with made_once.opened(path(), busy_s=BUSY_S) as connection:
            row = connection.execute("SELECT format, origin, size, root FROM signed").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & PRIMARY_CODE in AWAY:
            raise SigningError(f"{path()} cannot be read: {error}") from None
        raise RestoredBackupError(f"{path()} is damaged ({error}); {HOW_TO_GO_ON}") from None
    if row is None or row[:2] != (FORMAT, settings.PRIORCONSENT_ORIGIN):
        raise RestoredBackupError(f"{path()} is not that of {settings.PRIORCONSENT_ORIGIN}; {HOW_TO_GO_ON}")
    return Signed(*row[2:])


def check(nodes: TileNodes) -> None:
    """Check that a tree continues what was signed last. Call it where no other process can make the tree grow.

    Raises:
        RestoredBackupError: it does not, or nobody remembers although something was signed.
    """
    # In this order: what is signed was remembered before.
    newest = _newest_signed()
    _compare(read(), newest, nodes)


def move_on(size: int, root: bytes, nodes: TileNodes) -> bool:
    """Remember what is about to be signed.

    Args:
        nodes: of the tree of ``size`` leaves.

    Returns:
        Whether it may be signed; if not, another process has gone further, and its checkpoint counts.

    Raises:
        RestoredBackupError: as of ``check``.
    """
    newest = _newest_signed()
    last = read()
    if last is not None and last.size > size and Checkpoint.objects.filter(size=last.size, root=last.root).exists():
        return False
    _compare(last, newest, nodes)
    if last is None:
        return remember(Signed(size, root))
    if last.size == size:
        # Remembered, and perhaps not signed: the roots are the same, as was just compared.
        return True
    with made_once.opened(path(), busy_s=BUSY_S) as connection:
        moved = connection.execute(
            "UPDATE signed SET size = ?, root = ? WHERE size = ? AND root = ?", (size, root, last.size, last.root)
        )
        return moved.rowcount == 1


def remember(first: Signed) -> bool:
    """Make the file, if there is none; whether this call made it."""
    try:
        write_new(path(), _file(first))
    except ConflictError:
        return False
    return True


def replace(last: Signed) -> None:
    """Make the file anew, whatever it said. Only ``resuming`` knows when that may be."""
    path().parent.mkdir(parents=True, exist_ok=True)
    write_file(path(), _file(last), PRIVATE_MODE)


def _file(last: Signed) -> bytes:
    row = (FORMAT, settings.PRIORCONSENT_ORIGIN, last.size, last.root)
    return made_once.content(_SCHEMA, "INSERT INTO signed VALUES (1, ?, ?, ?, ?)", row)


def _newest_signed() -> int:
    newest = Checkpoint.newest(note__isnull=False)
    return newest.size if newest is not None else 0


def compare(last: Signed, nodes: TileNodes) -> None:
    """Compare what was signed last with a tree.

    Raises:
        RestoredBackupError: the tree does not continue it.
    """
    if last.size > nodes.size:
        raise RestoredBackupError(f"{last.size} events were signed, but only {nodes.size} are here; {HOW_TO_GO_ON}")
    if tree_root(last.size, nodes) != last.root:
        raise RestoredBackupError(f"other events are here than the {last.size} that were signed; {HOW_TO_GO_ON}")


def _compare(last: Signed | None, newest: int, nodes: TileNodes) -> None:
    if newest > (last.size if last is not None else 0):
        knows = f"knows of {last.size}" if last is not None else "is gone"
        raise RestoredBackupError(f"{newest} events were signed, and {path()} {knows}; {HOW_TO_GO_ON}")
    if last is not None:
        compare(last, nodes)
