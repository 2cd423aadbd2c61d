"""What a registry published, read from a folder or over HTTP. Nothing read is believed here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from priorconsent import canonical
from priorconsent.client import MAX_BLOB_BYTES, Latest, Registry
from priorconsent.errors import MalformedError, NotFoundError, ProofError, UnreachableError
from priorconsent.log.tiles import directory_reader
from priorconsent.records import convert


class Published(Protocol):
    """The public files; what is missing raises ``UnreachableError`` unless said otherwise."""

    def log_file(self, path: str) -> bytes:
        """``checkpoint`` or a tile.

        Raises:
            NotFoundError: there is no such file.
        """

    def blob(self, digest: str) -> bytes:
        """A blob by its digest."""

    def evidence(self, digest: str) -> bytes:
        """A piece of evidence by its digest."""

    def snapshot(self) -> contextlib.AbstractContextManager[Path]:
        """The newest snapshot, as a file for as long as the context lasts."""

    def files(self) -> Iterable[str] | None:
        """Paths of all files; ``None`` where nobody can list them."""

    def other_file(self, path: str) -> bytes:
        """One of ``files``."""


class Folder:
    """The public files in a folder. Its methods are described at ``Published``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = directory_reader(folder)

    def log_file(self, path: str) -> bytes:  # noqa: D102
        return self._read(f"log/{path}")

    def blob(self, digest: str) -> bytes:  # noqa: D102
        return self._get(f"blob/{digest.replace(':', '/')}")

    def evidence(self, digest: str) -> bytes:  # noqa: D102
        return self._get(f"evidence/{digest.replace(':', '/')}")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Path]:  # noqa: D102
        latest = convert(canonical.parse(self._get("snapshots/latest.json")), Latest)
        path = self._folder / "snapshots" / latest.file
        if latest.file != f"{latest.size}.sqlite" or (path.is_file() and _sha256(path) != latest.sha256):
            raise ProofError(f"{latest.file} is not the file that latest.json announces")
        yield path

    def files(self) -> Iterable[str]:  # noqa: D102
        return _files_below(self._folder) if self._folder.is_dir() else ()

    def other_file(self, path: str) -> bytes:  # noqa: D102
        return self._get(path)

    def _get(self, path: str) -> bytes:
        try:
            raw = self._read(path)
        except NotFoundError as error:
            raise UnreachableError(error.detail) from None
        if len(raw) > MAX_BLOB_BYTES:
            raise MalformedError(f"{path} is longer than {MAX_BLOB_BYTES} bytes")
        return raw


class Remote:
    """The public files of a running registry. Its methods are described at ``Published``."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.blob = registry.blob
        self.evidence = registry.evidence

    def log_file(self, path: str) -> bytes:  # noqa: D102
        try:
            return self._registry.checkpoint() if path == "checkpoint" else self._registry.log_file(path)
        except UnreachableError as error:
            # A partial tile may have been replaced by a fuller one; the reader tries that next.
            raise NotFoundError(error.detail) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Path]:  # noqa: D102
        with tempfile.TemporaryDirectory(prefix="priorconsent-") as folder:
            path = Path(folder) / "snapshot.sqlite"
            self._registry.fetch_snapshot(path, lambda _: None)
            yield path

    def files(self) -> None:  # noqa: D102
        return None

    def other_file(self, path: str) -> bytes:  # noqa: D102
        raise NotFoundError(f"nobody lists the files of a registry over HTTP, so not {path}")


def _files_below(folder: Path, prefix: str = "") -> Iterator[str]:
    """Paths of all files; a folder of millions takes no memory."""
    with os.scandir(folder) as found:
        for entry in found:
            # Drafts of files that will be there begin with a full stop.
            if entry.is_file() and not entry.name.startswith("."):
                yield prefix + entry.name
            elif entry.is_dir(follow_symlinks=False):
                yield from _files_below(Path(entry.path), f"{prefix}{entry.name}/")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def open_published(place: str) -> Iterator[Published]:
    """The public files at a URL, or in a folder."""
    if place.startswith(("http://", "https://")):
        with Registry(place) as registry:
            yield Remote(registry)
    else:
        yield Folder(Path(place))
