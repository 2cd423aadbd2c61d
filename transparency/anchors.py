"""Whether the rows still lead to what the log signed."""

from __future__ import annotations

from priorconsent.errors import MalformedError, NotFoundError, NotTrustedError, ProofError
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.tiles import TileNodes
from priorconsent.log.tree import check_inclusion, inclusion_proof, leaf_hash, tree_root
from transparency.alarms import DatabaseChangedError, RestoredBackupError
from transparency.last_signed import HOW_TO_GO_ON
from transparency.models import Checkpoint, Event
from transparency.policies import log_policy


def check_tree(nodes: TileNodes) -> bytes:
    """The root of a tree, if it is the one noted and agrees with the newest one signed.

    Raises:
        DatabaseChangedError: it does not.
    """
    size = nodes.size
    root = tree_root(size, nodes)
    noted = Checkpoint.objects.filter(size=size).first()
    if size and (noted is None or bytes(noted.root) != root):
        raise DatabaseChangedError(f"the tiles do not lead to the root noted for {size} events")
    signed = Checkpoint.newest(size__lte=size, note__isnull=False)
    if signed is not None:
        check_anchor(bytes(signed.note or b""), nodes)
    return root


def check_anchor(note: bytes, nodes: TileNodes) -> None:
    """Check that a tree begins with the one that a note of this log signed.

    Raises:
        RestoredBackupError: more was signed than is here.
        DatabaseChangedError: other events than those signed: rows were changed, or the log went on in an old copy.
    """
    try:
        anchor = open_checkpoint(note, log_policy()).checkpoint
    except (MalformedError, NotTrustedError) as error:
        raise DatabaseChangedError(f"a checkpoint that this log did not sign: {error}") from error
    if anchor.size > nodes.size:
        raise RestoredBackupError(f"{anchor.size} events were signed, but only {nodes.size} are here; {HOW_TO_GO_ON}")
    if tree_root(anchor.size, nodes) != anchor.root:
        raise DatabaseChangedError(f"the tiles do not lead to the root signed for {anchor.size} events")


def event_bytes(pos: int, nodes: TileNodes, root: bytes) -> bytes:
    """A leaf's bytes, proved into a tree under ``root``.

    Raises:
        NotFoundError: no such event.
        DatabaseChangedError: the row holds other bytes than those logged.
    """
    row = Event.objects.filter(pos=pos).first() if 0 <= pos < nodes.size else None
    if row is None:
        raise NotFoundError(f"there is no event {pos} among {nodes.size}")
    raw = bytes(row.raw)
    try:
        check_inclusion(leaf_hash(raw), pos, nodes.size, inclusion_proof(pos, nodes.size, nodes), root)
    except ProofError as error:
        raise DatabaseChangedError(f"event {pos} is not the one logged: {error}") from error
    return raw
