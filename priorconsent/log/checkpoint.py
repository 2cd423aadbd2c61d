"""Checkpoints: the head of a log, as it is signed. ``opening`` reads the signatures.

Source: C2SP tlog-checkpoint. Extension lines, which nobody can audit, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import MalformedError
from priorconsent.log import note, spelling
from priorconsent.log.tree import EMPTY_ROOT, HASH_BYTES


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's size and root.

    Args:
        origin: the log's name, also the name of its key.
        size: number of leaves.
        root: 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        note.check_name(self.origin)
        if not 0 <= self.size <= spelling.MAX_NUMBER:
            raise MalformedError(f"not a tree size: {self.size}")
        if len(self.root) != HASH_BYTES:
            raise MalformedError(f"a root has {HASH_BYTES} bytes, this one {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedError("an empty log has another root")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint, without its signatures.

        Raises:
            MalformedError: not exactly three lines, or a size or root in another spelling.
        """
        match text.split("\n"):
            case [origin, size, root, ""]:
                return cls(origin, spelling.from_decimal(size), spelling.from_base64(root, length=HASH_BYTES))
            case [_, _, _, _, *_]:
                raise MalformedError("extension lines in a checkpoint are refused")
            case _:
                raise MalformedError("not a checkpoint: origin, size, root, each on a line")

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{spelling.to_base64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, sign: note.Sign, public_key: bytes) -> bytes:
    """The checkpoint as a signed note, under the log's key."""
    return note.sign_note(checkpoint.text(), checkpoint.origin, sign, public_key)
