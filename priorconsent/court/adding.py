"""How a receipt comes into a bundle: by whoever holds the reply, since the registry keeps nothing of it.

1. The receipt counts: by all of its answers, and the published log, which has committed to it.
2. Some of its answers rest on the bundle's grant: they are shown, and no others.
3. The bundle's later checkpoint is one of that log, and not older than the anchor.
4. The bundle with the receipt verifies.
"""

from __future__ import annotations

from collections.abc import Sequence

from priorconsent import canonical
from priorconsent.court import bundle as bundles
from priorconsent.court import papers
from priorconsent.court.bundle import Bundle
from priorconsent.court.log_at_hand import LogAtHand
from priorconsent.court.receipt_file import MAX_RECEIPTS, Entry, Listed, ShownAnswer, ShownReceipt
from priorconsent.court.receipted import Shown, check_receipt
from priorconsent.court.reply import Reply
from priorconsent.court.report import Report
from priorconsent.court.verify import verify
from priorconsent.errors import ConflictError, MalformedError, NotFoundError, NotTrustedError, UnreachableError
from priorconsent.events import Anchor, KeysetChange
from priorconsent.grants import Token
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import split_note
from priorconsent.log.proof import LogProof
from priorconsent.receipts import AnswerLeaf, GrantRelied, SignedReceipt
from priorconsent.trust import Trust


def add_receipt(raw: bytes, reply: Reply, log: LogAtHand, trust: Trust) -> tuple[bytes, Report]:
    """The bundle with the receipt of a reply beside what it held, by the procedure above; and how it verifies.

    Args:
        raw: a bundle, as downloaded or as this function made it.
        log: what is published now, or was when the receipt was anchored.

    Raises:
        MalformedError: no bundle, or one that takes no more.
        NotFoundError: no answer rests on the bundle's grant.
        ConflictError: the bundle has this receipt.
        UnreachableError: the log has not committed to the receipt yet, or the bundle is older than that.
        NotTrustedError: the receipt does not count, or the bundle does not with it.
    """
    bundle, (receipt, leaves) = bundles.read(raw), reply
    # 1.
    pos = _anchored(receipt, leaves, log, trust)
    # 2.
    told = Token(bundle["grant/token.jwt"])
    relied = GrantRelied(digest=told.digest, id=told.offer.grant)
    resting = [leaf for leaf in leaves if relied in leaf.grants]
    if not resting:
        raise NotFoundError(f"no answer of this reply rests on the grant {told.offer.grant}")
    # 3.
    now = _later_checkpoint(bundle)
    log.check_begins_with(now.size, f"sha256:{now.root.hex()}", bundle["now/map-root-proof"])
    if now.size <= pos:
        raise UnreachableError(
            f"the bundle ends with entry {now.size - 1}, the log has committed to the receipt in entry {pos}:"
            " fetch a newer bundle first"
        )
    shown = Showing(log, now.size).receipt(receipt, leaves, resting, pos)
    # 4.
    return _verified(_with(bundle, shown), trust)


def _anchored(receipt: bytes, leaves: Sequence[AnswerLeaf], log: LogAtHand, trust: Trust) -> int:
    """Position of the anchor of a receipt that counts."""
    report = check_receipt(receipt, leaves, trust, Shown(log=log))
    faults = [f"{step.title}: {step.detail}" for step in report.steps if not step.ok and step.code != "fresh"]
    if report.outcome != "valid":
        raise NotTrustedError(f"{report.code or report.outcome}: {'; '.join(faults)}")
    found = log.anchored(report.digest, report.receipt.issued_at)
    if found is None:
        raise UnreachableError("the log has not committed to the receipt yet; it does so within two hours: try then")
    return found[0]


def _later_checkpoint(bundle: Bundle) -> Checkpoint:
    """As the bundle says; it is compared with the log, and verified in the end."""
    text, _ = split_note(LogProof.parse(bundle["now/map-root-proof"]).checkpoint)
    return Checkpoint.parse(text)


def _with(bundle: Bundle, shown: ShownReceipt) -> bytes:
    if shown.file_name in bundle.files:
        raise ConflictError(f"the bundle has this receipt: {shown.file_name}")
    if len(bundle.receipts) == MAX_RECEIPTS:
        raise MalformedError(f"the bundle has {MAX_RECEIPTS} receipts, and takes no more")
    told = {name: raw for name, raw in bundle.files.items() if name not in {*papers.NAMES, papers.MANIFEST}}
    return bundles.packed({**told, shown.file_name: shown.encode()})


def _verified(raw: bytes, trust: Trust) -> tuple[bytes, Report]:
    report = verify(raw, trust)
    if report.outcome == "invalid":
        faults = [f"{step.title}: {step.detail}" for step in report.steps if step.reached and not step.ok]
        raise NotTrustedError(f"the bundle with this receipt does not verify; {'; '.join(faults)}")
    return raw, report


class Showing:
    """Makes what is shown of a log of which a bundle knows the first ``size`` entries."""

    def __init__(self, log: LogAtHand, size: int) -> None:
        self._log = log
        self._size = size
        self._nodes = tree.Appended(log.hashes)

    def receipt(
        self, receipt: bytes, leaves: Sequence[AnswerLeaf], resting: Sequence[AnswerLeaf], pos: int
    ) -> ShownReceipt:
        """The file for a receipt whose anchor stands at a position."""
        told = SignedReceipt(receipt).receipt
        own, keyset = self._log.in_force(told.issued_at)
        following = next((at for at in self._keysets(keyset.version + 1) if at > own), None)
        return ShownReceipt(
            anchor=self.entry(pos),
            answers=_answers(leaves, resting),
            consistency=_spelled(tree.consistency_proof(told.checkpoint.size, self._size, self._nodes)),
            keyset=self.entry(own),
            listed=self._listed(receipt, pos),
            map_root=self.entry(told.checkpoint.size - 1),
            next_keyset=None if following is None else self.entry(following),
            receipt=receipt.decode("ascii"),
        )

    def entry(self, pos: int) -> Entry:
        """An entry with its path."""
        path = tree.inclusion_proof(pos, self._size, self._nodes)
        return Entry(event=self._log.events[pos].to_json(), path=_spelled(path), pos=pos)

    def _keysets(self, version: int) -> list[int]:
        """Where the log brings in a keyset, as far as the bundle knows the log."""
        found = ((one.pos, self._log.events[one.pos]) for one in self._log.keysets if one.pos < self._size)
        return [pos for pos, event in found if isinstance(event, KeysetChange) and event.version == version]

    def _listed(self, receipt: bytes, pos: int) -> Listed:
        anchor = self._log.events[pos]
        listed = self._log.listed(anchor) if isinstance(anchor, Anchor) else []
        index = listed.index(canonical.digest_bytes(canonical.digest(receipt)))
        path = tree.inclusion_proof(index, len(listed), tree.Appended([tree.leaf_hash(one) for one in listed]))
        return Listed(path=_spelled(path), sides=tree.sides(index, len(listed)))


def _answers(leaves: Sequence[AnswerLeaf], resting: Sequence[AnswerLeaf]) -> tuple[ShownAnswer, ...]:
    nodes = tree.Appended([tree.leaf_hash(leaf.encode()) for leaf in leaves])
    shown = (
        ShownAnswer(answer=leaf, path=_spelled(tree.inclusion_proof(leaf.i, len(leaves), nodes))) for leaf in resting
    )
    # A set in canonical order, as every list that has no order of its own.
    return tuple(sorted(shown, key=lambda one: one.encode()))


def _spelled(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(f"sha256:{one.hex()}" for one in hashes)
