"""The public files: written whole or not at all, the checkpoint last, so that what it needs is there already.

What a publication costs depends on what is new, not on how much there is: ``snapshots`` follow by themselves.

A crash anywhere leaves the old checkpoint with everything it needs, and perhaps newer files that nobody is
pointed to yet. The next run begins at the last checkpoint marked as published and writes them again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from priorconsent.log.opening import open_checkpoint
from priorconsent.log.tiles import TILE_WIDTH, Tile, encode_entries, tile_bytes, tiles_to_write
from priorconsent.log.tree import leaf_hash
from transparency.alarms import DatabaseChangedError
from transparency.changes import write_step
from transparency.contents import is_content
from transparency.files import Files, locked, public_folder, write_file
from transparency.models import Blob, Checkpoint, Event, EvidenceItem
from transparency.store import own_policy
from transparency.trees import ROWS_IN_MEMORY, log_nodes


def publish(*, everything: bool = False) -> int | None:
    """Publish the newest signed checkpoint and all that it needs.

    Args:
        everything: write all files again, not only those since the last publication.

    Returns:
        Its size; ``None`` if nothing has been signed yet.

    Raises:
        DatabaseChangedError: a row is not what was signed; the checkpoint stays unpublished.
    """
    with locked(settings.PRIORCONSENT_DATA):
        newest = Checkpoint.objects.filter(note__isnull=False).order_by("-size").first()
        if newest is None or (newest.published and not everything):
            return newest.size if newest else None
        last = Checkpoint.objects.filter(published=True).order_by("-size").first()
        since = last.size if last and not everything else 0
        files = Files(settings.PRIORCONSENT_DATA)
        _write_stored(files, since, newest.size)
        _write_tiles(files, since, newest.size)
        _write_changes(files, newest)
        # From here on everything that the checkpoint needs survives even a loss of power.
        files.settle()
        write_file(_checkpoint_path(), bytes(newest.note or b""))
        # A crash before this line: all of it is written once more, to the same bytes.
        Checkpoint.objects.filter(size=newest.size).update(published=True)
        return newest.size


def read_checkpoint() -> bytes | None:
    """The checkpoint that the public sees; ``None`` before the first."""
    path = _checkpoint_path()
    return path.read_bytes() if path.exists() else None


def _checkpoint_path() -> Path:
    return public_folder() / "log" / "checkpoint"


def _write_stored(files: Files, since: int, size: int) -> None:
    for model, folder in ((Blob, "blob"), (EvidenceItem, "evidence")):
        rows = model.objects.filter(pos__gte=since, pos__lt=size).values_list("digest", "raw")
        for digest, raw in rows.iterator(ROWS_IN_MEMORY):
            if not is_content(digest, bytes(raw)):
                raise DatabaseChangedError(f"the bytes under {digest} were changed")
            files.write(public_folder() / folder / digest.replace(":", "/"), bytes(raw))


def _write_tiles(files: Files, since: int, size: int) -> None:
    nodes = log_nodes(size)
    for tile in tiles_to_write(since, size):
        path = public_folder() / "log" / tile.path
        files.write(path, tile_bytes(tile, nodes) if tile.level is not None else _entries(tile, size))
        if tile.width == TILE_WIDTH:
            # Its beginnings have served their time: readers fall back to the full tile.
            shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)


def _entries(tile: Tile, size: int) -> bytes:
    first, nodes = tile.index * TILE_WIDTH, log_nodes(size)
    rows = Event.objects.filter(pos__gte=first, pos__lt=first + tile.width).order_by("pos")
    entries = [bytes(raw) for raw in rows.values_list("raw", flat=True)]
    for pos, entry in enumerate(entries, first):
        if nodes.node(0, pos) != leaf_hash(entry):
            raise DatabaseChangedError(f"event {pos} is not the one that was signed")
    return encode_entries(entries)


def _write_changes(files: Files, newest: Checkpoint) -> None:
    """From the map that the public sees, which is the one that whoever answers has."""
    note = read_checkpoint()
    since = open_checkpoint(note, own_policy()).checkpoint.size if note is not None else newest.size
    if since < newest.size:
        write_step(files, since, newest)
