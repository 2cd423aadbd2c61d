"""The last thing that was signed, remembered outside the database.

A database that comes back from a backup knows nothing of what was signed since, and would sign another history of
the same sizes. So before each signature size and root go into a small file of their own, from the value that the
last one left there; whoever finds another value there does not sign.

The file is worth most where no backup of the database takes it along: on another disk.

A crash after the file moved on and before the signature was stored: the next run signs the very same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from priorconsent.errors import ConflictError, SigningError
from priorconsent.log.tiles import TileNodes
from priorconsent.log.tree import tree_root
from priorconsent.signing.files import write_new
from transparency.alarms import RestoredBackupError
from transparency.models import Checkpoint

FORMAT = "prior-consent-signed/1"
BUSY_S = 20
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
        with _connected() as connection:
            row = connection.execute("SELECT format, origin, size, root FROM signed").fetchone()
    except sqlite3.OperationalError as error:
        raise SigningError(f"{path()} cannot be read: {error}") from None
    except sqlite3.DatabaseError as error:
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
    with _connected() as connection:
        moved = connection.execute(
            "UPDATE signed SET size = ?, root = ? WHERE size = ? AND root = ?", (size, root, last.size, last.root)
        )
        return moved.rowcount == 1


def remember(first: Signed) -> bool:
    """Make the file, if there is none; whether this call made it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(_SCHEMA)
        row = (FORMAT, settings.PRIORCONSENT_ORIGIN, first.size, first.root)
        connection.execute("INSERT INTO signed VALUES (1, ?, ?, ?, ?)", row)
        content = connection.serialize()
    try:
        write_new(path(), content)
    except ConflictError:
        return False
    return True


def _newest_signed() -> int:
    newest = Checkpoint.objects.filter(note__isnull=False).order_by("-size").first()
    return newest.size if newest is not None else 0


def _compare(last: Signed | None, newest: int, nodes: TileNodes) -> None:
    told = None
    if last is None:
        told = f"{newest} events were signed, and {path()} is gone" if newest else None
    elif newest > last.size:
        told = f"{newest} events were signed, and {path()} knows of {last.size}"
    elif last.size > nodes.size:
        told = f"{last.size} events were signed, but only {nodes.size} are here"
    elif tree_root(last.size, nodes) != last.root:
        told = f"other events are here than the {last.size} that were signed"
    if told is not None:
        raise RestoredBackupError(f"{told}; {HOW_TO_GO_ON}")


@contextmanager
def _connected() -> Iterator[sqlite3.Connection]:
    # ``rw``: a file that went away meanwhile is not made anew.
    uri = f"{path().absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=EXTRA")
        yield connection
