"""Files that appear under their name whole, or not at all; and locks, of which the system lets go by itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from priorconsent.errors import ConflictError, MalformedError

PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600
# Of the file's own name, in that of its draft: there must be room for the rest.
NAME_CHARACTERS = 40


def read_at_most(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        MalformedError: it is longer.
    """
    with path.open("rb") as file:
        raw = file.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise MalformedError(f"{path} is longer than {max_bytes} bytes")
    return raw


@contextlib.contextmanager
def whole_file(path: Path, mode: int = PUBLIC_MODE) -> Iterator[IO[bytes]]:
    """A draft beside ``path`` that takes its place when the block ends well, and is removed otherwise.

    A process that is killed leaves the draft, whose name begins with a dot, and under ``path`` what was there.

    Raises:
        FileNotFoundError: says which folder is missing.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    with _draft(path) as file:
        yield file
        _finish(file, mode)
        draft_of(file).replace(path)


def draft_of(file: IO[bytes]) -> Path:
    """Where the draft is, for those who write it by name."""
    return Path(file.name)


def write_new(path: Path, content: bytes, mode: int = PRIVATE_MODE) -> None:
    """Write a file that was not there; after a crash it is whole or not there, after a loss of power too.

    Raises:
        ConflictError: it exists; a key that was overwritten is gone for good.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path) as file:
        file.write(content)
        _finish(file, mode)
        try:
            # Unlike a rename, a link replaces nothing.
            path.hardlink_to(draft_of(file))
        except FileExistsError:
            raise ConflictError(f"{path} exists and is not overwritten") from None
        draft_of(file).unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Be the only process that holds this lock, until the end of the block or of the process.

    Gives whether it is so; only who does not wait for its turn may find that it is not.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_MODE), "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    # Of mode 600 from the first moment on.
    prefix = f".{path.name[:NAME_CHARACTERS]}."
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=prefix, delete=False) as file:
        try:
            yield file
        except BaseException:
            draft_of(file).unlink(missing_ok=True)
            raise


def _finish(file: IO[bytes], mode: int) -> None:
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())
