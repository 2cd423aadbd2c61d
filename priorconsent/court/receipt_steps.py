"""Steps of checking a receipt; ``receipted`` says in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from priorconsent import canonical, receipts, times
from priorconsent.court.report import counted
from priorconsent.decision import decide
from priorconsent.errors import FraudError, NotTrustedError, StaleError
from priorconsent.events import MapRoot
from priorconsent.head import MAX_QUORUM_DELAY_S, Head
from priorconsent.keys import Jwk
from priorconsent.log.tree import check_inclusion, leaf_hash
from priorconsent.receipts import AnswerLeaf, Receipt, SignedReceipt
from priorconsent.states import State
from priorconsent.trust import Trust

NOT_YET = "not yet, nor is it due"


class UnloggedError(NotTrustedError):
    """The log should have committed to a receipt, and has not."""

    code = "receipt_unlogged"


class ContradictedError(FraudError):
    """The map that a receipt names gives another answer."""

    code = "receipt_contradicted"


class Log(Protocol):
    """What has to be known of a log. ``log_at_hand.LogAtHand`` knows it from all of its entries."""

    @property
    def head(self) -> Head:
        """The checkpoint up to which it is known."""

    def receipt_key(self, kid: str, at: str) -> Jwk:
        """The key for receipts that a signature of an instant names.

        Raises:
            SignatureError: there is no such key.
        """

    def check_begins_with(self, size: int, root: str, evidence: bytes) -> None:
        """Check that the log began with a tree.

        Raises:
            UnreachableError: nobody can tell.
            FraudError: it did not; both sides are the evidence.
        """

    def map_root_before(self, size: int) -> MapRoot:
        """The last entry of a tree of that size.

        Raises:
            ProofError: that is no map-root.
        """

    def anchored(self, digest: str, since: str) -> tuple[int, str] | None:
        """Position and time of the first anchor from an instant on that lists a receipt; ``None``: none does."""


class Map(Protocol):
    """States with the head that they belong to."""

    @property
    def head(self) -> Head:
        """The checkpoint of the map."""

    def state(self, name: str) -> State | None:
        """As ``consent.States``."""


def answers(receipt: Receipt, leaves: Sequence[AnswerLeaf], trust: Trust) -> str:
    """Step 1: registry, number, root, and what the answers allow."""
    if receipt.answers != receipts.answers_of(leaves):
        raise NotTrustedError("these are not the answers that were signed")
    _check_itself(receipt, leaves, trust)
    yes = sum(leaf.permitted for leaf in leaves)
    return f"{counted(len(leaves), 'answer')}, {yes} permitted"


def some_answers(receipt: Receipt, shown: Sequence[tuple[AnswerLeaf, Sequence[bytes]]], trust: Trust) -> None:
    """Step 1 where only some of the answers are shown.

    Args:
        shown: each with the sibling hashes up to the root that is signed, from the leaf upwards.
    """
    told = receipt.answers
    for leaf, path in shown:
        check_inclusion(leaf_hash(leaf.encode()), leaf.i, told.n, path, canonical.digest_bytes(told.root))
    _check_itself(receipt, [leaf for leaf, _ in shown], trust)


def _check_itself(receipt: Receipt, leaves: Sequence[AnswerLeaf], trust: Trust) -> None:
    if receipt.registry != trust.registry:
        raise NotTrustedError(f"a receipt of registry {receipt.registry}, not of {trust.registry}")
    limit = receipts.fresh_until(receipt.issued_at, leaves, times.plus(receipt.issued_at, receipts.FRESH_FOR_S))
    if receipt.fresh_until > limit:
        raise NotTrustedError(f"it calls itself fresh until {receipt.fresh_until}; its answers allow {limit}")
    if any(leaf.query is not None and leaf.query.at > receipt.issued_at for leaf in leaves):
        raise NotTrustedError("it answers about a time that was still to come")


def request(receipt: Receipt, sent: bytes | None, nonce: str | None) -> str:
    """Step 2: as far as they are shown, request and nonce are those of the receipt."""
    if sent is not None and canonical.digest(sent) != receipt.request:
        raise NotTrustedError("it was given for another request")
    if nonce is not None and nonce != receipt.nonce:
        raise NotTrustedError("it was given to another nonce: a receipt of another time")
    return ", ".join(name for name, shown in (("request", sent), ("nonce", nonce)) if shown is not None)


def signature(signed: SignedReceipt, log: Log) -> str:
    """Step 3."""
    signed.verify(log.receipt_key(signed.kid, signed.receipt.issued_at))
    return f"key {signed.kid}"


def checkpoint(signed: SignedReceipt, log: Log) -> str:
    """Step 4: the log began so, and ended there in a map that was fresh."""
    receipt, mark = signed.receipt, signed.receipt.checkpoint
    if mark.origin != log.head.checkpoint.origin:
        raise NotTrustedError(f"it rests on the log {mark.origin}, which is not the one trusted")
    log.check_begins_with(mark.size, mark.root, signed.raw)
    map_root = log.map_root_before(mark.size)
    if map_root.time > receipt.issued_at:
        raise NotTrustedError(f"it was issued at {receipt.issued_at}, from a map of {map_root.time}")
    # Its quorum time is not told by the log itself: this is the latest that it can have been.
    quorum = times.plus(map_root.time, MAX_QUORUM_DELAY_S)
    limit = times.plus(quorum, map_root.fresh_for_s)
    if receipt.issued_at >= limit:
        raise NotTrustedError(f"it was issued at {receipt.issued_at}, when its map had been stale since {limit}")
    return f"of {mark.size} entries, {map_root.time}"


def anchor(signed: SignedReceipt, log: Log) -> str:
    """Step 5: an anchor of the two hours after it lists the receipt; ``NOT_YET`` while none is due."""
    issued_at = signed.receipt.issued_at
    due = times.plus(issued_at, receipts.ANCHOR_OVERDUE_S)
    found = log.anchored(signed.digest, issued_at)
    if found is not None:
        pos, time = found
        if time > due:
            raise StaleError(f"event {pos} anchored it only at {time}: when it was issued nobody can tell")
        return f"event {pos}, {time}"
    if log.head.quorum_time <= due:
        return NOT_YET
    raise UnloggedError(f"no anchor up to {log.head.quorum_time} lists it; it was due by {due}")


def is_of(receipt: Receipt, found: Map) -> bool:
    """Whether a map is that of the checkpoint which the receipt names."""
    point, mark = found.head.checkpoint, receipt.checkpoint
    return (point.origin, point.size, f"sha256:{point.root.hex()}") == (mark.origin, mark.size, mark.root)


def same_answers(signed: SignedReceipt, leaves: Sequence[AnswerLeaf], found: Map) -> str:
    """Step 6, by the very map that the receipt names."""
    for leaf in leaves:
        if leaf.query is not None and leaf != _decided(leaf, found):
            raise ContradictedError(
                f"to answer {leaf.i} the map says {_decided(leaf, found).reason}, the receipt {leaf.reason}",
                evidence=(signed.raw, found.head.note),
            )
    return "every answer decided again"


def not_upheld(leaves: Sequence[AnswerLeaf], found: Map) -> list[str]:
    """Step 6, by another map: of each yes that it does not give, what it says instead."""
    decided = [_decided(leaf, found) for leaf in leaves if leaf.permitted]
    return [f"answer {one.i}: {one.reason}" for one in decided if not one.permitted]


def _decided(leaf: AnswerLeaf, found: Map) -> AnswerLeaf:
    if leaf.query is None:
        return leaf
    return receipts.leaf(leaf.i, leaf.query, decide(leaf.query, found), found)
