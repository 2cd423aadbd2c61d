"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def whole_file(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A draft beside ``path`` that takes its place when the block ends well, and is removed otherwise.

    A process that is killed leaves the draft, whose name begins with a dot, and nothing under ``path``.

    Raises:
        FileNotFoundError: says which folder is missing.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as file:
        draft = draft_of(file)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            draft.chmod(mode)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def draft_of(file: IO[bytes]) -> Path:
    """Where the draft is, for those who write it by name."""
    return Path(file.name)
