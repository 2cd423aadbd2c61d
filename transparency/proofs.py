"""Proofs out of the database: where an event stands, that the log only grew, what the map says.

Each is checked before it is handed out, by the functions that the reader will use.
"""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent import canonical, merkle_map
from priorconsent import events as ev
from priorconsent.errors import NotFoundError, ProofError
from priorconsent.log.proof import LogProof
from priorconsent.log.tree import consistency_proof, inclusion_proof
from priorconsent.merkle_buckets import leaf_range, path_positions, prove_prefix
from priorconsent.merkle_map import PrefixProof, check_prefix
from transparency.alarms import DatabaseChangedError
from transparency.models import Checkpoint
from transparency.models import Head as HeadRow
from transparency.store import event_bytes
from transparency.trees import Leaf, leaves_at, log_nodes, read_nodes


@dataclass(frozen=True, slots=True)
class HeadFiles:
    """A checkpoint with the map-root that is its last leaf, as readers want them.

    Args:
        checkpoint: signed note.
        map_root: canonical bytes of the event.
        proof: its inclusion, a tlog-proof file.
    """

    size: int
    checkpoint: bytes
    map_root: bytes
    proof: bytes

    @property
    def root(self) -> bytes:
        """The root of the map, 32 bytes."""
        event = ev.read_event(self.map_root)
        if not isinstance(event, ev.MapRoot):
            raise DatabaseChangedError(f"the checkpoint of {self.size} events does not end in a map-root")
        return canonical.digest_bytes(event.root)


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """What one map says about all keys under a prefix.

    Args:
        head: the checkpoint whose map it is.
        leaves: names and states under the prefix, ascending by key.
        outside: key and value hash of the one leaf that ends the path early and lies elsewhere.
    """

    head: HeadFiles
    proof: PrefixProof
    leaves: tuple[Leaf, ...]
    outside: merkle_map.Item | None


def published(size: int | None = None) -> Checkpoint:
    """The checkpoint of a size, or the newest, among those that were published.

    Raises:
        NotFoundError: there is none.
    """
    rows = Checkpoint.objects.filter(published=True)
    row = rows.filter(size=size).first() if size is not None else rows.order_by("-size").first()
    if row is None:
        raise NotFoundError("no checkpoint has been published" + (f" for {size} events" if size is not None else ""))
    return row


def published_since(pos: int) -> Checkpoint:
    """The first published checkpoint that includes the event at ``pos``."""
    row = Checkpoint.objects.filter(published=True, size__gt=pos).order_by("size").first()
    if row is None:
        raise NotFoundError(f"no checkpoint has been published that includes event {pos}")
    return row


def head(checkpoint: Checkpoint) -> HeadFiles:
    """A signed checkpoint with its map-root."""
    pos = checkpoint.size - 1
    raw = event_bytes(pos, checkpoint.size, bytes(checkpoint.root))
    return HeadFiles(checkpoint.size, bytes(checkpoint.note or b""), raw, _inclusion(pos, checkpoint))


def event(pos: int, size: int | None = None) -> tuple[bytes, bytes]:
    """An event's bytes and its tlog-proof file in a published checkpoint, the newest if ``size`` is ``None``.

    Raises:
        NotFoundError: no such checkpoint, or it does not include the event.
        DatabaseChangedError: the row holds other bytes than those logged.
    """
    checkpoint = published(size)
    return event_bytes(pos, checkpoint.size, bytes(checkpoint.root)), _inclusion(pos, checkpoint)


def consistency(old: int, new: int | None = None) -> tuple[bytes, ...]:
    """Hashes that show a published checkpoint to begin with an older one; 32 bytes each, in RFC 9162's order."""
    size = published(new).size
    return tuple(consistency_proof(old, size, log_nodes(size)))


def map_at(prefix: str, size: int | None = None) -> MapAnswer:
    """What a published map says about all keys under a prefix of 1 to 64 hex digits; 64 ask for one key.

    Args:
        size: of the checkpoint; ``None`` for the newest.

    Raises:
        MalformedError: no such prefix.
        NotFoundError: no such checkpoint.
        DatabaseChangedError: the rows do not lead to the map root that was logged.

    Cost: for the newest map, the bucket's leaves and 33 nodes. For an earlier one the nodes are gone, so all
    leaves that it had are read and hashed, about four seconds for a million.
    """
    files = head(published(size))
    low, high = leaf_range(prefix)
    near = list(leaves_at(files.size, low, high))
    newest = HeadRow.objects.filter(size=files.size).exists()
    proof = prove_prefix(read_nodes(path_positions(prefix)), [leaf.item for leaf in near], prefix) if newest else None
    # A batch that was committed between the two reads leads elsewhere: then it is an earlier map.
    if proof is None or not _leads_to(proof, files.root):
        proof = merkle_map.prove_prefix([leaf.item for leaf in leaves_at(files.size)], prefix)
    if not _leads_to(proof, files.root):
        raise DatabaseChangedError(f"the leaves under {prefix} are not those of the map root that was logged")
    leaves = tuple(leaf for leaf in near if leaf.key.hex().startswith(prefix))
    others = [item for item in proof.leaves if not item[0].hex().startswith(prefix)]
    return MapAnswer(files, proof, leaves, others[0] if others else None)


def map_of(name: str, size: int | None = None) -> MapAnswer:
    """What a published map says about one name: its state, or proof of its absence. Cost as of ``map_at``."""
    return map_at(merkle_map.map_key(name).hex(), size)


def _inclusion(pos: int, checkpoint: Checkpoint) -> bytes:
    path = inclusion_proof(pos, checkpoint.size, log_nodes(checkpoint.size))
    return LogProof(pos, tuple(path), bytes(checkpoint.note or b"")).to_bytes()


def _leads_to(proof: PrefixProof, root: bytes) -> bool:
    try:
        check_prefix(proof, root)
    except ProofError:
        return False
    return True
