"""Proofs of inclusion as files: index, path and the checkpoint that the path leads to.

Source: C2SP tlog-proof. The optional ``extra`` line, which nothing authenticates, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import MalformedError, ProofError
from priorconsent.log import spelling
from priorconsent.log.note import MAX_NOTE_BYTES
from priorconsent.log.opening import OpenedCheckpoint, open_checkpoint
from priorconsent.log.policy import Policy
from priorconsent.log.tree import HASH_BYTES, MAX_PROOF_HASHES, check_inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 4096  # header, index and 63 lines of 45 bytes come to 2.9 kB


@dataclass(frozen=True, slots=True)
class LogProof:
    """One entry's place in a log.

    Args:
        index: zero-based.
        path: sibling hashes, 32 bytes each, from the leaf upwards.
        checkpoint: the signed note, exact bytes.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, raw: bytes) -> LogProof:
        """Read a proof; its checkpoint is not looked into.

        Raises:
            MalformedError: another form, or beyond a limit.
        """
        head, blank, checkpoint = spelling.decode_text(raw, max_bytes=MAX_PROOF_BYTES).partition("\n\n")
        match head.split("\n"):
            case [header, index, *path] if blank and header == HEADER and index.startswith("index "):
                pass
            case [header, extra, *_] if header == HEADER and extra.startswith("extra "):
                raise MalformedError("extra data in a proof, which nobody signed, is refused")
            case _:
                raise MalformedError("not a proof: header, index, hashes, a blank line, checkpoint")
        if len(path) > MAX_PROOF_HASHES:
            raise MalformedError(f"{len(path)} hashes in a proof, at most {MAX_PROOF_HASHES} are read")
        hashes = tuple(spelling.from_base64(line, length=HASH_BYTES) for line in path)
        return cls(spelling.from_decimal(index.removeprefix("index ")), hashes, checkpoint.encode())

    def to_bytes(self) -> bytes:
        """The file, as ``parse`` reads it."""
        lines = [HEADER, f"index {self.index}", *map(spelling.to_base64, self.path), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def check(proof: LogProof, entry: bytes, policy: Policy, *, index: int | None = None) -> OpenedCheckpoint:
    """Check that ``entry`` is in the log, at the index and under the checkpoint that the proof gives.

    Args:
        index: where the entry must be; ``None`` if any place will do.

    Returns:
        The checkpoint, which counts by the policy.

    Raises:
        MalformedError, NotTrustedError: no checkpoint that counts by the policy.
        ProofError: another index, or the path does not lead to the root.
    """
    opened = open_checkpoint(proof.checkpoint, policy)
    checkpoint = opened.checkpoint
    if index not in (None, proof.index):
        raise ProofError(f"the proof is for index {proof.index}, not {index}")
    check_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.path, checkpoint.root)
    return opened
