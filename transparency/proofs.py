"""Proofs out of the database: where an event stands, that the log only grew, what a map says.

Each is checked before it is handed out, by the functions that its reader will use.
"""

from __future__ import annotations

from priorconsent import bucket, merkle_map
from priorconsent.errors import NotFoundError, NotTrustedError
from priorconsent.log.proof import LogProof
from priorconsent.log.tree import consistency_proof, inclusion_proof
from priorconsent.merkle_buckets import Position, leaf_range, path_positions
from priorconsent.merkle_map import Node
from transparency import past_maps
from transparency.alarms import DatabaseChangedError
from transparency.anchors import event_bytes
from transparency.checkpoints import opened
from transparency.models import Checkpoint, Head
from transparency.store import own_trust
from transparency.trees import leaves_at, log_nodes, read_nodes

ROWS_AT_ONCE = 100


def published(size: int | None = None) -> Checkpoint:
    """The published checkpoint of a size; the newest if ``size`` is ``None``.

    Raises:
        NotFoundError: there is none.
    """
    rows = Checkpoint.objects.filter(published=True)
    row = rows.filter(size=size).first() if size is not None else rows.order_by("-size").first()
    # One from before anybody asked for witnesses proves nothing to readers of today's trust file.
    if row is None or (size is not None and opened(row) is None):
        raise NotFoundError("no such checkpoint has been published")
    return row


def first_with(pos: int) -> Checkpoint:
    """The first published checkpoint that includes the event at ``pos``, and counts by today's policy.

    Raises:
        NotFoundError: the event is not published yet.
    """
    # Those that were published before anybody asked for witnesses count for no reader of today's trust file.
    rows = Checkpoint.objects.filter(published=True, size__gt=pos).order_by("size").iterator(ROWS_AT_ONCE)
    row = next((row for row in rows if opened(row) is not None), None)
    if row is None:
        raise NotFoundError(f"event {pos} has not been published yet")
    return row


def head(checkpoint: Checkpoint) -> dict[str, bytes]:
    """A signed checkpoint as readers want it: ``checkpoint``, and of its last leaf ``map_root`` and ``proof``."""
    raw, proof = event(checkpoint.size - 1, checkpoint)
    return {"checkpoint": bytes(checkpoint.note or b""), "map_root": raw, "proof": proof}


def event(pos: int, checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """The bytes of an event, and its inclusion in a signed checkpoint as a tlog-proof file.

    Raises:
        NotFoundError: the checkpoint does not include it.
        DatabaseChangedError: the row holds other bytes than those logged.
    """
    nodes = log_nodes(checkpoint.size)
    raw = event_bytes(pos, nodes, bytes(checkpoint.root))
    path = inclusion_proof(pos, checkpoint.size, nodes)
    return raw, LogProof(pos, tuple(path), bytes(checkpoint.note or b"")).to_bytes()


def consistency(old: Checkpoint, new: Checkpoint) -> tuple[bytes, ...]:
    """Hashes that show the log at ``new`` to begin with the log at ``old``; 32 bytes each, in RFC 9162's order."""
    return tuple(consistency_proof(old.size, new.size, log_nodes(new.size)))


def bucket_at(prefix: str, checkpoint: Checkpoint) -> bytes:
    """The bucket of a prefix in the map of a checkpoint; 64 digits prove one key, or its absence.

    Args:
        prefix: 2 to 64 hex digits.

    Raises:
        MalformedError: no such prefix.
        DatabaseChangedError: the rows do not lead to the map root that was logged.

    Cost: the leaves under 16 bits of the prefix and 33 nodes; those of an earlier map are computed first, unless
    somebody has asked for it before (``past_maps.rebuild``).
    """
    size, trust = checkpoint.size, own_trust()
    leaves = leaves_at(size, *leaf_range(prefix))
    rows = list(bucket.within_budget((leaf.key, leaf.name, leaf.state) for leaf in leaves))
    # A batch that is committed between these lines makes it an earlier map: then the first nodes do not fit.
    for read in (_stored_nodes, _past_nodes) if is_newest(size) else (_past_nodes,):
        raw = bucket.build(prefix, read(prefix, size), rows, head(checkpoint))
        try:
            bucket.open_bucket(raw, prefix, trust)
        except NotTrustedError:
            continue
        return raw
    raise DatabaseChangedError(f"the leaves under {prefix} are not those of the map root that was logged")


def state_at(name: str, checkpoint: Checkpoint) -> bytes:
    """What the map of a checkpoint says about one name: the bucket of its whole key. Cost as of ``bucket_at``."""
    return bucket_at(merkle_map.map_key(name).hex(), checkpoint)


def is_newest(size: int) -> bool:
    """Whether the stored nodes are those of the map at this size."""
    return Head.objects.filter(size=size).exists()


def _stored_nodes(prefix: str, size: int) -> dict[Position, Node]:
    del size
    return read_nodes(path_positions(prefix))


def _past_nodes(prefix: str, size: int) -> dict[Position, Node]:
    past_maps.rebuild(size)
    return past_maps.nodes_at(size, path_positions(prefix))
