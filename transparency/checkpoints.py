"""Signing: at most one root for each size, and nothing before it was checked once more."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from priorconsent import times
from priorconsent.errors import NotTrustedError, PriorConsentError
from priorconsent.head import check_quorum_time
from priorconsent.keys import SigningKey
from priorconsent.log.checkpoint import Checkpoint as LogCheckpoint
from priorconsent.log.note import Verifier, assemble_note, sign_line
from priorconsent.log.opening import OpenedCheckpoint, open_checkpoint
from priorconsent.log.tiles import TILE_WIDTH, TileNodes
from priorconsent.log.tree import leaf_hash
from transparency import last_signed, signers
from transparency.alarms import DatabaseChangedError
from transparency.anchors import check_tree
from transparency.bulk import ROWS_IN_MEMORY
from transparency.models import Checkpoint, Event
from transparency.policies import log_policy, own_cosigner, own_policy
from transparency.store import keyset
from transparency.trees import log_nodes


def sign_newest(now: str) -> Checkpoint | None:
    """Sign the newest checkpoint that is noted; ``None`` if there is none.

    Safe in any number of processes: the first note stays, whoever made it.

    Args:
        now: the time of the ML-DSA line.

    Raises:
        DatabaseChangedError: tiles, events or an older checkpoint do not fit the root that is noted.
        RestoredBackupError: more was signed than is here, or something else.
        SigningError: no log key that the keyset lets sign is at hand.
    """
    while (newest := Checkpoint.newest()) is not None and newest.note is None:
        # 1. The tiles lead to the root noted when the batch was committed, and to the one signed before.
        nodes = log_nodes(newest.size)
        root = check_tree(nodes)
        # 2. The events that are about to be published are those that the tiles were made of.
        _check_events(nodes)
        checkpoint = LogCheckpoint(settings.PRIORCONSENT_ORIGIN, newest.size, root)
        keys = signers.in_force("log", keyset(), newest.time)
        # 3. It continues what was signed last, also by the memory that no backup of the database takes along.
        if not last_signed.move_on(newest.size, root, nodes):
            # Another process has gone further.
            continue
        # A crash here: the next call finds that it was about to sign this, and does.
        # 4. Sign, outside any transaction: a hardware key may take its time.
        note = _sign(checkpoint, keys, now)
        # 5. Compare and swap: a size has one row, the row one root, and the root one note.
        Checkpoint.objects.filter(size=newest.size, root=root, note__isnull=True).update(note=note)
        row = Checkpoint.objects.get(size=newest.size)
        _check_signed(bytes(row.note or b""), checkpoint)
        return row
    return newest


def opened(row: Checkpoint) -> OpenedCheckpoint | None:
    """A checkpoint as readers will open it, who were told this log's policy; ``None`` if it does not count for them."""
    try:
        found = open_checkpoint(bytes(row.note or b""), own_policy())
        check_quorum_time(found, row.time)
    except NotTrustedError:
        return None
    return found


def _sign(checkpoint: LogCheckpoint, logs: Sequence[SigningKey], now: str) -> bytes:
    """The note with all of the log's signatures."""
    text, seconds = checkpoint.text(), times.to_unix(now)
    lines = (
        *(sign_line(text, Verifier(checkpoint.origin, one.jwk.raw), one.sign) for one in logs),
        *(
            own_cosigner(one.public_key().public_bytes_raw()).cosign(checkpoint, seconds, one.sign)
            for one in signers.mldsa_signers()
        ),
    )
    return assemble_note(text, lines)


def _check_signed(note: bytes, checkpoint: LogCheckpoint) -> None:
    # Not byte for byte: another process may have been quicker, and ML-DSA never signs twice the same.
    try:
        found = open_checkpoint(note, log_policy()).checkpoint
    except PriorConsentError as error:
        raise DatabaseChangedError(f"the note of {checkpoint.size} events is not signed: {error}") from error
    if found != checkpoint:
        raise DatabaseChangedError(f"the checkpoint of {checkpoint.size} events changed while it was signed")


def _check_events(nodes: TileNodes) -> None:
    """Check the events since the last signature, and those that share a bundle with them."""
    size = nodes.size
    before = Checkpoint.newest(size__lt=size, note__isnull=False)
    expected = (before.size if before else 0) // TILE_WIDTH * TILE_WIDTH
    rows = Event.objects.filter(pos__gte=expected, pos__lt=size).order_by("pos").values_list("pos", "raw")
    for pos, raw in rows.iterator(ROWS_IN_MEMORY):
        if pos != expected or nodes.node(0, pos) != leaf_hash(bytes(raw)):
            raise DatabaseChangedError(f"event {expected} is not the one that was sequenced")
        expected += 1
    if expected != size:
        raise DatabaseChangedError(f"event {expected} is missing")
