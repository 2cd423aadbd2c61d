"""Maps of the past: the nodes above the buckets, as they were at a published size.

The database keeps every earlier state of a leaf, but of the nodes above them only the newest. Those of an earlier
map are computed once, by a job, from all leaves that it had, and kept in a file as long as there is room. They
are computed, not believed: what is handed out is proved to the map-root that was logged.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from itertools import groupby
from pathlib import Path

from django.conf import settings

from priorconsent.files import draft_of, whole_file
from priorconsent.merkle_buckets import BUCKET_BITS, Position, bucket_of, update
from priorconsent.merkle_map import Node, subtree
from transparency.bulk import chunks
from transparency.files import locked
from transparency.trees import leaves_at, number_of, position_of

# A file has up to 131,071 nodes, about 8 MiB.
FILES_KEPT = 64


def is_ready(size: int) -> bool:
    """Whether the nodes at a size have been computed."""
    return _path(size).exists()


def rebuild(size: int, *, wait: bool = True) -> None:
    """Compute the nodes at a size, unless that is done.

    Args:
        wait: for another process that computes some; else it is left to whoever asks again.

    Cost: a read of all leaves that the map had, some seconds per million names; the memory of 2¹⁷ nodes.
    """
    with locked(settings.PRIORCONSENT_DATA, ".lock-past", wait=wait) as mine:
        if not mine or is_ready(size):
            return
        groups = groupby((leaf.item for leaf in leaves_at(size)), lambda item: bucket_of(item[0]))
        nodes = update({}, {number: subtree(items, BUCKET_BITS) for number, items in groups})
        _path(size).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(_path(size)) as draft, closing(sqlite3.connect(draft_of(draft))) as file, file:
            file.execute("CREATE TABLE nodes (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, key BLOB, value BLOB)")
            rows = ((number_of(place), node.hash, *(node.leaf or (None, None))) for place, node in nodes.items())
            file.executemany("INSERT INTO nodes VALUES (?, ?, ?, ?)", rows)
        _make_room()


def nodes_at(size: int, positions: Iterable[Position]) -> dict[Position, Node]:
    """The nodes at these positions at a size; empty ones are missing. ``rebuild`` has to come before."""
    found: dict[Position, Node] = {}
    # Room is made for others first.
    os.utime(_path(size))
    with closing(sqlite3.connect(f"file:{_path(size)}?mode=ro", uri=True)) as file:
        for some in chunks(number_of(position) for position in positions):
            marks = ",".join("?" * len(some))
            # Marks alone; the numbers go beside.
            rows = file.execute(f"SELECT number, hash, key, value FROM nodes WHERE number IN ({marks})", some)  # noqa: S608
            for number, hashed, key, value in rows:
                found[position_of(number)] = Node(hashed, (key, value) if key and value else None)
    return found


def _path(size: int) -> Path:
    folder: Path = settings.PRIORCONSENT_DATA / "past"
    return folder / f"{size}.sqlite"


def _make_room() -> None:
    files = sorted(_path(0).parent.glob("*.sqlite"), key=lambda file: file.stat().st_mtime)
    for file in files[:-FILES_KEPT]:
        file.unlink(missing_ok=True)
