"""The head of what a registry published: a checkpoint, and the map that its last leaf commits to."""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent import canonical
from priorconsent.errors import MalformedError, ProofError
from priorconsent.events import MapRoot, read_event
from priorconsent.log import proof as log_proof
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.trust import Trust

NO_QUORUM = "quorum none: the time of the checkpoint is the registry's own word"


@dataclass(frozen=True, slots=True)
class Head:
    """A verified checkpoint with the map-root event that is its last leaf.

    Args:
        note: the checkpoint as signed.
        proof: inclusion of the event, a tlog-proof file.
    """

    note: bytes
    checkpoint: Checkpoint
    map_root: MapRoot
    proof: bytes

    @property
    def root(self) -> bytes:
        """Root of the map, 32 bytes."""
        return canonical.digest_bytes(self.map_root.root)

    @property
    def quorum_time(self) -> str:
        """When the checkpoint counts from. Without witnesses it is the map-root's time (``NO_QUORUM``)."""
        return self.map_root.time


def open_head(checkpoint: bytes, map_root: bytes, proof: bytes, trust: Trust) -> Head:
    """Verify a head against the log that the reader trusts.

    Args:
        checkpoint: signed note.
        map_root: canonical bytes of the event.
        proof: tlog-proof file of the event under this very checkpoint.

    Raises:
        MalformedError: one of the three is not what it should be.
        SignatureError: the checkpoint is not signed by the trusted log's key.
        ProofError: the event is not the checkpoint's last leaf.
    """
    # 1. The event is a map-root.
    event = read_event(map_root)
    if not isinstance(event, MapRoot):
        raise MalformedError("the event beside the checkpoint is not a map-root")
    # 2. The proof speaks of the checkpoint given, byte for byte.
    parsed = log_proof.LogProof.parse(proof)
    if parsed.checkpoint != checkpoint:
        raise ProofError("the proof of the map-root is for another checkpoint")
    # 3. The log's key signed it, and the event lies where it says itself.
    opened = log_proof.check(parsed, map_root, trust.policy.log, index=event.size)
    # 4. It is the last leaf: nothing logged later is missing from the map.
    if opened.size != event.size + 1:
        raise ProofError(f"the map-root is leaf {event.size} of {opened.size}, not the last one")
    return Head(checkpoint, opened, event, proof)
