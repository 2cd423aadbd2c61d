"""What changed from one published map to the next: the steps by which whoever answers follows the log.

``changes/<from>-<to>.sqlite`` below the data folder holds the leaves that events ``from`` to ``to`` changed,
under the head of the checkpoint of ``to`` events. It is there before that checkpoint is public. The files are
for this installation; what they say counts only where it leads to the map that the log committed to
(``priorconsent.current_map``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from priorconsent import canonical, leaf_file
from priorconsent.events import MapRoot, read_event
from priorconsent.leaf_file import Leaf
from priorconsent.merkle_buckets import bucket_of
from transparency import proofs
from transparency.alarms import DatabaseChangedError
from transparency.files import Files
from transparency.models import Checkpoint
from transparency.store import own_trust
from transparency.trees import changed_leaves, check_map


def changes_folder() -> Path:
    """Where the steps lie; not public."""
    folder: Path = settings.PRIORCONSENT_DATA / "changes"
    return folder


def step_path(since: int, size: int) -> Path:
    """The step from the map of one size to that of another."""
    return changes_folder() / f"{since}-{size}.sqlite"


def write_step(files: Files, since: int, newest: Checkpoint) -> None:
    """Write the step from one published map to that of a signed checkpoint, and check the leaves in it.

    Raises:
        DatabaseChangedError: they do not lead to the map that was logged.

    Cost: that of the leaves changed and of their neighbours in their buckets.
    """
    path = step_path(since, newest.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    buckets: set[int] = set()

    def leaves() -> Iterator[Leaf]:
        for leaf in changed_leaves(since, newest.size):
            buckets.add(bucket_of(leaf.key))
            yield leaf.name, leaf.state

    head = proofs.head(newest)
    map_root = read_event(head["map_root"])
    if not isinstance(map_root, MapRoot):
        raise DatabaseChangedError(f"the log of {newest.size} events does not end in a map-root")
    leaf_file.write(path, leaves(), registry=own_trust().registry, **head)
    files.touch(path)
    check_map(newest.size, buckets, canonical.digest_bytes(map_root.root))


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
