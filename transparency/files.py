"""The server's files, each whole or not there, and its locks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from django.conf import settings

from priorconsent import files
from priorconsent.files import PUBLIC_MODE, sync_folder, whole_file


def public_folder() -> Path:
    """Everything below it is for everybody."""
    folder: Path = settings.PRIORCONSENT_DATA / "public"
    return folder


def write_file(path: Path, content: bytes, mode: int = PUBLIC_MODE) -> None:
    """Write a file so that a reader, also after a crash, finds the old content or the new one, never half of it."""
    _replace(path, content, mode)
    sync_folder(path.parent)


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
            sync_folder(folder)
        self._touched.clear()


def locked(folder: Path, name: str = ".lock", *, wait: bool = True) -> AbstractContextManager[bool]:
    """Be the only process that does one kind of work below a folder; arguments and answer as of ``files.locked``."""
    folder.mkdir(parents=True, exist_ok=True)
    return files.locked(folder / name, wait=wait)


def _replace(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, mode) as draft:
        draft.write(content)
