"""The public files: written whole or not at all, the checkpoint last, so that what it needs is there already.

A crash anywhere leaves the old checkpoint with everything it needs, and perhaps newer files that nobody is
pointed to yet. The next run begins at the last checkpoint marked as published and writes them again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from django.conf import settings

from priorconsent import canonical, snapshot
from priorconsent.errors import PriorConsentError
from priorconsent.log.tiles import TILE_WIDTH, Tile, encode_entries, tile_bytes, tiles_to_write
from priorconsent.log.tree import leaf_hash
from transparency import proofs
from transparency.alarms import DatabaseChangedError
from transparency.contents import is_content
from transparency.files import Files, locked, write_file
from transparency.models import Blob, Checkpoint, Event, EvidenceItem
from transparency.store import own_trust
from transparency.trees import ROWS_IN_MEMORY, leaves_at, log_nodes

# Readers that began to fetch one have this many publications to finish.
SNAPSHOTS_KEPT = 3


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
        files = Files(public_folder())
        _write_stored(files, since, newest.size)
        _write_tiles(files, since, newest.size)
        latest = _write_snapshot(files, newest)
        # From here on everything that the checkpoint needs survives even a loss of power.
        files.settle()
        write_file(_checkpoint_path(), bytes(newest.note or b""))
        write_file(public_folder() / "snapshots" / "latest.json", latest)
        # A crash before this line: all of it is written once more, to the same bytes.
        Checkpoint.objects.filter(size=newest.size).update(published=True)
        _remove_old_snapshots()
        return newest.size


def public_folder() -> Path:
    """Everything below it is for everybody."""
    folder: Path = settings.PRIORCONSENT_DATA / "public"
    return folder


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


def _write_snapshot(files: Files, newest: Checkpoint) -> bytes:
    """Write the snapshot, check it as every reader will, and give the pointer to it."""
    path = public_folder() / "snapshots" / f"{newest.size}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    trust = own_trust()
    leaves = ((leaf.name, leaf.state) for leaf in leaves_at(newest.size))
    snapshot.build(path, leaves, registry=trust.registry, **proofs.head(newest))
    try:
        snapshot.open_verified(path, trust, None).close()
    except PriorConsentError as error:
        path.unlink()
        raise DatabaseChangedError(f"the leaves are not those that were signed: {error}") from error
    files.touch(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return canonical.encode({"file": path.name, "sha256": digest, "size": newest.size})


def _remove_old_snapshots() -> None:
    files = sorted((public_folder() / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem), reverse=True)
    for path in files[SNAPSHOTS_KEPT:]:
        path.unlink()
