"""What changed from one published map to the next: the steps by which whoever answers follows the log.

``changes/<from>-<to>.sqlite`` below the data folder holds the leaves that events ``from`` to ``to`` changed,
under the head of the checkpoint of ``to`` events. It is there before that checkpoint is public. The files are
for this installation; what they say counts only where it leads to the map that the log committed to
(``priorconsent.current``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings


def changes_folder() -> Path:
    """Where the steps lie; not public."""
    folder: Path = settings.PRIORCONSENT_DATA / "changes"
    return folder


def step_path(since: int, size: int) -> Path:
    """The step from the map of one size to that of another."""
    return changes_folder() / f"{since}-{size}.sqlite"


def next_step(since: int, limit: int) -> Path | None:
    """The longest step from a map that does not go beyond a size; ``None`` if there is none.

    A publication that a crash cut off leaves a step that ends before the one to take.
    """
    found = {size: path for begin, size, path in _steps() if begin == since and size <= limit}
    return found[max(found)] if found else None


def remove_steps_before(size: int) -> None:
    """Remove the steps that nobody needs who begins at a map of this size or a later one."""
    for begin, _, path in list(_steps()):
        if begin < size:
            path.unlink()


def _steps() -> Iterator[tuple[int, int, Path]]:
    for path in changes_folder().glob("*-*.sqlite"):
        begin, _, size = path.stem.partition("-")
        if begin.isdecimal() and size.isdecimal():
            yield int(begin), int(size), path
