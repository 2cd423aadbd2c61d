"""Files that are either whole or not there, and a lock that lies beside what it protects."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600


def public_folder() -> Path:
    """Everything below it is for everybody."""
    folder: Path = settings.PRIORCONSENT_DATA / "public"
    return folder


def write_file(path: Path, content: bytes, mode: int = PUBLIC_MODE) -> None:
    """Write a file so that a reader, also after a crash, finds the old content or the new one, never half of it."""
    _replace(path, content, mode)
    _sync_folder(path.parent)


class Files:
    """Many files below one folder, each whole or not there, that outlive a loss of power once ``settle`` returned.

    Telling the disk once per folder rather than once per file halves the time of a publication.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._touched: set[Path] = set()

    def write(self, path: Path, content: bytes) -> None:
        """Write one; a file that holds these bytes already is left alone."""
        if not (path.is_file() and path.read_bytes() == content):
            _replace(path, content, PUBLIC_MODE)
            self.touch(path)

    def touch(self, path: Path) -> None:
        """Count in a file that somebody else wrote and synced."""
        self._touched.update(folder for folder in path.parents if folder.is_relative_to(self._root))

    def settle(self) -> None:
        """Make the names of all files durable."""
        for folder in sorted(self._touched):
            _sync_folder(folder)
        self._touched.clear()


def _replace(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path, name: str = ".lock", *, wait: bool = True) -> Iterator[bool]:
    """Be the only process that does one kind of work below a folder.

    Gives whether it is so; only who does not wait for its turn may find that it is not. The system lets go
    of the lock when its holder dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
