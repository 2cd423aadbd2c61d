"""The head of what a registry published: a checkpoint, and the map that its last leaf commits to."""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent import canonical, times
from priorconsent.errors import MalformedError, NotAvailableError, NotTrustedError, ProofError, SignatureError
from priorconsent.events import MapRoot, read_event
from priorconsent.keys import Keyset
from priorconsent.log import proof as log_proof
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.opening import OpenedCheckpoint
from priorconsent.trust import Trust

# How long after the map-root enough witnesses must have seen it: an old checkpoint, countersigned anew, is no news.
MAX_QUORUM_DELAY_S = 120
# How far the registry's clock may be ahead of its witnesses': else it could date events into the future.
MAX_QUORUM_LEAD_S = 300

NO_QUORUM = "the time of the checkpoint is the registry's own word (quorum none)"


@dataclass(frozen=True, slots=True)
class Head:
    """A verified checkpoint with the map-root event that is its last leaf.

    Args:
        note: the checkpoint as signed.
        opened: what its signatures say.
        proof: inclusion of the event, a tlog-proof file.
    """

    note: bytes
    opened: OpenedCheckpoint
    map_root: MapRoot
    proof: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """Origin, size and root of the log."""
        return self.opened.checkpoint

    @property
    def root(self) -> bytes:
        """Root of the map, 32 bytes."""
        return canonical.digest_bytes(self.map_root.root)

    @property
    def quorum_time(self) -> str:
        """When the checkpoint counts from; where no witness is needed, the map-root's time."""
        return self.opened.quorum_time or self.map_root.time

    @property
    def assumption(self) -> str:
        """Whose word the quorum time is."""
        if self.opened.quorum_time is None:
            return NO_QUORUM
        return f"the time of the checkpoint is the word of these witnesses: {', '.join(self.opened.vouched)}"


def open_head(checkpoint: bytes, map_root: bytes, proof: bytes, trust: Trust) -> Head:
    """Verify a head against the log that the reader trusts.

    Args:
        checkpoint: signed note.
        map_root: canonical bytes of the event.
        proof: tlog-proof file of the event under this very checkpoint.

    Raises:
        MalformedError: one of the three is not what it should be.
        SignatureError: the checkpoint is not signed by the trusted log's key, or a known signature fails.
        QuorumError: too few of the trusted witnesses have countersigned it.
        ProofError: the event is not the checkpoint's last leaf.
        NotTrustedError: the witnesses saw it long after the registry says, or long before.
    """
    # 1. The event is a map-root.
    try:
        event = read_event(map_root)
    except NotAvailableError as error:
        # Refused by name where somebody asks for it; here it is just the wrong thing.
        raise MalformedError(error.detail) from error
    if not isinstance(event, MapRoot):
        raise MalformedError("the event beside the checkpoint is not a map-root")
    # 2. The proof speaks of the checkpoint given, byte for byte.
    parsed = log_proof.LogProof.parse(proof)
    if parsed.checkpoint != checkpoint:
        raise ProofError("the proof of the map-root is for another checkpoint")
    # 3. The log's key signed it, enough witnesses did, and the event lies where it says itself.
    opened = log_proof.check(parsed, map_root, trust.policy, index=event.size)
    # 4. It is the last leaf: nothing logged later is missing from the map.
    if opened.checkpoint.size != event.size + 1:
        raise ProofError(f"the map-root is leaf {event.size} of {opened.checkpoint.size}, not the last one")
    # 5. Registry and witnesses agree about the time.
    check_quorum_time(opened, event.time)
    return Head(checkpoint, opened, event, proof)


def check_quorum_time(opened: OpenedCheckpoint, map_root_time: str) -> None:
    """Compare the time that witnesses tell with that of the map-root.

    Raises:
        NotTrustedError: they are too far apart.
    """
    if opened.quorum_time is None:
        return
    told = f"witnesses countersigned at {opened.quorum_time} what the registry dated {map_root_time}"
    if opened.quorum_time > times.plus(map_root_time, MAX_QUORUM_DELAY_S):
        raise NotTrustedError(f"{told}: more than {MAX_QUORUM_DELAY_S} s later")
    if times.plus(opened.quorum_time, MAX_QUORUM_LEAD_S) < map_root_time:
        raise NotTrustedError(f"{told}: more than {MAX_QUORUM_LEAD_S} s earlier")


def check_log_key(opened: OpenedCheckpoint, keyset: Keyset, at: str) -> None:
    """Check that a checkpoint is signed by a key that a keyset names for the log.

    A trust file goes on naming keys whose time is over, for the checkpoints of their time; the roots say when it was.

    Args:
        keyset: the one in force at the checkpoint's size.
        at: time of its map-root.

    Raises:
        SignatureError: by none whose time it was.
    """
    counting = {key.jwk.raw for key in keyset.keys if key.use == "log" and key.valid_at(at)}
    if not counting & set(opened.logs):
        raise SignatureError(
            f"the checkpoint of size {opened.checkpoint.size} is signed by no log key of the registry at {at}"
        )
