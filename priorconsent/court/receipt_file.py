"""A receipt as it lies in a bundle: what it says of the grant, and that the log began so and knew of it.

All entries are proved under the bundle's later checkpoint, which is verified once; so a proof here is its path alone.
Nothing is verified by reading (``answered_steps`` does that), and nothing here is signed but the receipt.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from priorconsent import canonical
from priorconsent.log.tree import MAX_PROOF_HASHES
from priorconsent.receipts import MAX_ANSWERS, MAX_LISTED, AnswerLeaf
from priorconsent.records import Count, Digest, Record, convert

FOLDER = "receipts"
MAX_RECEIPTS = 8
# A thousand answers with the longest URLs, and their paths.
MAX_FILE_BYTES = 8 << 20
# Some 1,300 characters, with room for the name of a log.
MAX_RECEIPT_CHARACTERS = 8192

Path = Annotated[tuple[Digest, ...], Meta(max_length=MAX_PROOF_HASHES)]
ListPath = Annotated[tuple[Digest, ...], Meta(max_length=(MAX_LISTED - 1).bit_length())]
AnswerPath = Annotated[tuple[Digest, ...], Meta(max_length=(MAX_ANSWERS - 1).bit_length())]


class Entry(Record, frozen=True):
    """An entry of the log, and its way up to the root of the later checkpoint.

    Args:
        path: from the leaf upwards.
        pos: its position.
    """

    event: dict[str, Any]
    path: Path
    pos: Count


class Listed(Record, frozen=True):
    """A receipt's place in the list that an anchor commits to.

    Args:
        path: from the leaf upwards.
        sides: bit j is set where hash j of the path stands on the left. Index and length of the list would say the
            same, but nothing binds that length, and several pairs fit one path.
    """

    path: ListPath
    sides: Count


class ShownAnswer(Record, frozen=True):
    """An answer, and its way up to the root that the receipt signs.

    Args:
        path: from the leaf upwards.
    """

    answer: AnswerLeaf
    path: AnswerPath


class ShownReceipt(Record, frozen=True):
    """One file of the folder.

    Args:
        anchor: the event that commits to the receipt.
        answers: those that rest on the bundle's grant; the others stay with whoever asked.
        consistency: hashes that lead from the receipt's checkpoint to the later one (RFC 9162).
        keyset: the event of the keyset that was in force when the receipt was issued.
        listed: where the anchor's list has it.
        map_root: the last entry of the receipt's checkpoint.
        next_keyset: the event of the keyset after that one; ``None`` where it is the bundle's last.
        receipt: compact JWS.
    """

    anchor: Entry
    answers: Annotated[tuple[ShownAnswer, ...], Meta(min_length=1, max_length=MAX_ANSWERS)]
    consistency: Path
    keyset: Entry
    listed: Listed
    map_root: Entry
    next_keyset: Entry | None
    receipt: Annotated[str, Meta(min_length=1, max_length=MAX_RECEIPT_CHARACTERS)]

    @property
    def raw(self) -> bytes:
        """The receipt, as it was signed."""
        return self.receipt.encode()

    @property
    def file_name(self) -> str:
        """Where it lies in a bundle."""
        return f"{FOLDER}/{canonical.digest(self.raw).removeprefix('sha256:')}.json"

    @property
    def leaves(self) -> tuple[AnswerLeaf, ...]:
        """The answers shown, in the order of the questions."""
        return tuple(sorted((one.answer for one in self.answers), key=lambda leaf: leaf.i))


def read_shown(raw: bytes) -> ShownReceipt:
    """Read one file of the folder.

    Raises:
        MalformedError: not such a file, or an answer that contradicts itself.
    """
    shown = convert(canonical.parse_canonical(raw, max_bytes=MAX_FILE_BYTES), ShownReceipt)
    for leaf in shown.leaves:
        leaf.check()
    return shown
