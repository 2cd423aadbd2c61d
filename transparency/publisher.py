"""The public files: written whole or not at all, the checkpoint last, so that what it needs is there already.

What a publication costs depends on what is new, not on how much there is: ``snapshots`` follow by themselves.

A crash anywhere leaves the old checkpoint with everything it needs, and perhaps newer files that nobody is
pointed to yet. The next run begins at the last checkpoint marked as published and writes them again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from django.conf import settings

from priorconsent import times
from priorconsent.contents import is_content
from priorconsent.errors import PriorConsentError
from priorconsent.log.opening import open_signed
from priorconsent.log.tiles import TILE_WIDTH, Tile, encode_entries, tile_bytes, tiles_to_write
from priorconsent.log.tree import leaf_hash
from transparency.alarms import NOT_PUBLISHED, DatabaseChangedError, raise_alarm
from transparency.bulk import ROWS_IN_MEMORY
from transparency.checkpoints import opened
from transparency.files import Files, locked, public_folder, write_file
from transparency.models import Blob, Checkpoint, Event, EvidenceItem
from transparency.policies import log_policy, own_policy
from transparency.steps import write_step
from transparency.trees import log_nodes

# How long a checkpoint may wait for its witnesses before somebody is told.
MAX_WAIT_S = 60
# What is further back will not come to count any more: witnesses would have had to be in time.
ROWS_LOOKED_AT = 20


def publish(*, everything: bool = False) -> int | None:
    """Publish the newest checkpoint that counts, and all that it needs.

    A newer one that was signed and lacks witnesses goes to ``log/unwitnessed/checkpoint``: for monitors, who want to
    know what a log has signed; nobody else goes by it.

    Args:
        everything: write all files again, not only those since the last publication.

    Returns:
        The size that the public sees now; ``None`` if nothing has been published yet.

    Raises:
        DatabaseChangedError: a row is not what was signed; the checkpoint stays unpublished.
    """
    with locked(settings.PRIORCONSENT_DATA):
        public = _size_of(_checkpoint_path())
        # Read once: while this one publishes, others sign what is larger.
        rows = Checkpoint.objects.filter(note__isnull=False, size__gte=public).order_by("-size")
        signed = list(rows[:ROWS_LOOKED_AT])
        if not signed:
            return public or None
        newest, counting = signed[0], next((row for row in signed if opened(row) is not None), None)
        written = 0 if everything else max(public, min(_size_of(_unwitnessed_path()), newest.size))
        files = Files(settings.PRIORCONSENT_DATA)
        if newest.size > written:
            _write_stored(files, written, newest.size)
            _write_tiles(files, written, newest.size)
        if counting is not None:
            if counting.size < newest.size:
                # It needs the beginnings of its own last tiles too.
                _write_tiles(files, 0 if everything else public, counting.size)
            if everything:
                _write_kept(files)
            _publish(files, counting, public, again=everything or newest.size > written)
        _tell_monitors(files, newest, public if counting is None else counting.size)
        return counting.size if counting is not None else public or None


def read_checkpoint() -> bytes | None:
    """The checkpoint that the public sees; ``None`` before the first."""
    path = _checkpoint_path()
    return path.read_bytes() if path.exists() else None


def read_all_shown() -> tuple[bytes, ...]:
    """The checkpoints that the public and monitors see."""
    return tuple(path.read_bytes() for path in (_checkpoint_path(), _unwitnessed_path()) if path.exists())


def watch(now: str) -> None:
    """Raise an alarm if a checkpoint waits for witnesses for too long."""
    public = _size_of(_checkpoint_path())
    waiting = Checkpoint.objects.filter(size__gt=public).order_by("size").first()
    if waiting is None or now <= times.plus(waiting.time, MAX_WAIT_S):
        return
    newest = Checkpoint.objects.order_by("-size")[0]
    missing = own_policy().missing(_cosigned(newest))
    told = f"it waits for {', '.join(missing)}" if newest.note is not None else "it is not signed"
    raise_alarm(now, NOT_PUBLISHED, f"nothing was published since {public} events; of the newest checkpoint: {told}")


def _checkpoint_path() -> Path:
    return public_folder() / "log" / "checkpoint"


def _kept_path(size: int) -> Path:
    return public_folder() / "log" / "checkpoints" / str(size)


def _unwitnessed_path() -> Path:
    return public_folder() / "log" / "unwitnessed" / "checkpoint"


def _size_of(path: Path) -> int:
    """The size of a checkpoint that was written by this log; 0 if there is none."""
    if not path.exists():
        return 0
    try:
        return open_signed(path.read_bytes(), log_policy()).checkpoint.size
    except PriorConsentError as error:
        raise DatabaseChangedError(f"{path.name} is not what this log signed: {error}") from error


def _cosigned(row: Checkpoint) -> Collection[str]:
    return open_signed(bytes(row.note), own_policy()).cosigned if row.note is not None else ()


def _publish(files: Files, counting: Checkpoint, public: int, *, again: bool) -> None:
    note = bytes(counting.note or b"")
    if counting.published and note == read_checkpoint() and not again:
        return
    if public < counting.size:
        _write_changes(files, public, counting)
    # Whoever takes the log over shows by it what stood there until then.
    files.write(_kept_path(counting.size), note)
    # From here on everything that the checkpoint needs survives even a loss of power.
    files.settle()
    write_file(_checkpoint_path(), note)
    # A crash before this line: all of it is written once more, to the same bytes.
    Checkpoint.objects.filter(size=counting.size).update(published=True)


def _tell_monitors(files: Files, newest: Checkpoint, public: int) -> None:
    path = _unwitnessed_path()
    if newest.size <= public:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != newest.note:
        files.settle()
        write_file(path, bytes(newest.note or b""))


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


def _write_kept(files: Files) -> None:
    rows = Checkpoint.objects.filter(published=True).order_by("size").values_list("size", "note")
    for size, note in rows.iterator(ROWS_IN_MEMORY):
        files.write(_kept_path(size), bytes(note or b""))


def _write_changes(files: Files, since: int, counting: Checkpoint) -> None:
    """From the map that the public sees, which is the one that whoever answers has."""
    if since:
        write_step(files, since, counting)
