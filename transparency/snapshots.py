"""The snapshot for whoever answers elsewhere: the whole map of a published checkpoint, in one file.

It takes time in proportion to the map, so it comes after the checkpoint: at once while the map is small, else
by a job of its own that leaves most of a processor to others. Nothing on this server waits for it. Readers
are told which checkpoint it is of, and it is as old as that one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

from priorconsent import canonical, snapshot, times
from priorconsent.client import Latest
from priorconsent.errors import MalformedError, NotFoundError, PriorConsentError
from priorconsent.records import convert
from transparency import proofs
from transparency.alarms import DatabaseChangedError
from transparency.files import Files, locked, public_folder, write_file
from transparency.models import Checkpoint, Head
from transparency.steps import remove_steps_before
from transparency.store import own_trust
from transparency.trees import leaves_at

# Readers that began to fetch one have this many more to finish.
SNAPSHOTS_KEPT = 3
# From the checkpoint of one snapshot to that of the next: about four times what it takes to write and verify.
PAUSE_S_PER_MILLION_NAMES = 60


def pause_s() -> int:
    """Seconds between snapshots; none while the map has fewer than some 17,000 names."""
    names = Head.now().leaves
    return names * PAUSE_S_PER_MILLION_NAMES // 1_000_000


def write_if_small() -> None:
    """Write the snapshot of the newest published checkpoint at once, if that takes no time to speak of."""
    if pause_s() == 0:
        write()


def write_due(now: str) -> None:
    """Write the snapshot of the newest published checkpoint, unless the last one is of a moment ago."""
    last = Checkpoint.objects.filter(size=_latest_size() or 0).first()
    if last is None or now >= times.plus(last.time, pause_s()):
        # Whoever is at it already makes it superfluous.
        write(wait=False)


def write(*, again: bool = False, wait: bool = True) -> int | None:
    """Write the snapshot of the newest published checkpoint, if there is none of it yet.

    Args:
        again: also if there is one.
        wait: for another process that is writing one.

    Returns:
        The size of the newest snapshot; ``None`` if nothing has been published, or another process is at it.

    Raises:
        DatabaseChangedError: the leaves are not those that were signed; the last snapshot stays.

    Cost: time grows with the map, memory does not.
    """
    with locked(settings.PRIORCONSENT_DATA, ".lock-snapshots", wait=wait) as mine:
        newest = Checkpoint.newest(published=True)
        if newest is None or not mine:
            return None
        if again or _latest_size() != newest.size:
            files = Files(public_folder())
            pointer = _write(files, newest)
            files.settle()
            write_file(_pointer_path(), pointer)
            _remove_old()
        return newest.size


def write_for_today() -> None:
    """Write the newest snapshot again if who begins with the trust file of today could not begin with it.

    Raises:
        NotFoundError: nothing is published.
        DatabaseChangedError: nor does what is published count by that trust file.
    """
    size = _latest_size()
    if size is None:
        raise NotFoundError("nothing is published")
    try:
        snapshot.open_verified(_folder() / f"{size}.sqlite", own_trust(), None).close()
    except PriorConsentError:
        write(again=True)


def _write(files: Files, newest: Checkpoint) -> bytes:
    """Write the file, check it as every reader will, and give the pointer to it."""
    path = _folder() / f"{newest.size}.sqlite"
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


def _latest_size() -> int | None:
    """The size of the newest snapshot that is there."""
    try:
        latest = convert(canonical.parse(_pointer_path().read_bytes()), Latest)
    except (FileNotFoundError, MalformedError):
        return None
    return latest.size if (_folder() / latest.file).is_file() else None


def _remove_old() -> None:
    files = sorted(_folder().glob("*.sqlite"), key=lambda path: int(path.stem), reverse=True)
    for path in files[SNAPSHOTS_KEPT:]:
        path.unlink()
    # Whoever begins at the oldest that is left can still follow from there.
    remove_steps_before(int(files[:SNAPSHOTS_KEPT][-1].stem))


def _folder() -> Path:
    return public_folder() / "snapshots"


def _pointer_path() -> Path:
    return _folder() / "latest.json"
