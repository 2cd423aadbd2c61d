"""Does a receipt count? Step by step, by what is at hand; the map comes last and has the last word.

1. The receipt is of the trusted registry and fits the answers: their number, the root of the tree over them, and
   times that they allow.
2. It was given for the request shown, and to the nonce shown.
3. It is signed with a receipt key of the registry that was in force when it was issued.
4. Its checkpoint is one of the log, not later than the receipt, and its map was fresh then.
5. The log has committed to it within two hours (else ``receipt_unlogged``).
6. The map of that very checkpoint gives these very answers (else ``receipt_contradicted``); the map of another one
   has to permit what they permit.
7. It is fresh at the instant asked about.

Steps 1 to 6: valid, invalid, or not to be told. What is not shown is assumed, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from priorconsent import receipts, times
from priorconsent.court import receipt_steps as steps
from priorconsent.court.receipt_steps import ContradictedError, Log, Map, UnloggedError
from priorconsent.court.report import Exit, Step
from priorconsent.errors import (
    FraudError,
    NotAvailableError,
    NotFoundError,
    PriorConsentError,
    StaleError,
    UnreachableError,
)
from priorconsent.receipts import AnswerLeaf, Receipt, SignedReceipt
from priorconsent.trust import Trust

Outcome = Literal["valid", "inconclusive", "invalid"]

TITLES = {
    "answers": "The receipt fits the answers",
    "request": "It was given for this request",
    "signature": "A receipt key of the registry signed it",
    "checkpoint": "Its checkpoint is one of the log",
    "anchor": "The log commits to it in time",
    "map": "The map gives the same answers",
    "fresh": "It is fresh at the time in question",
}
NOT_REACHED = "not reached: it needs the log, or rests on a step that failed"
# Failures that deserve a name, since they prove something against the registry or the receipt.
NAMED = (UnloggedError, ContradictedError)
# What keeps a step from being taken, as opposed to what it finds.
_UNABLE = (NotFoundError, UnreachableError, NotAvailableError, StaleError)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is at hand besides receipt and answers.

    Args:
        log: what is known of it, such as ``log_at_hand.read_log`` finds out; without it nobody can tell.
        request: the body as sent; of a GET the canonical object of its parameters.
        nonce: that the asker sent.
        found: a verified map.
    """

    log: Log | None = None
    request: bytes | None = None
    nonce: str | None = None
    found: Map | None = None


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """The outcome for one receipt.

    Args:
        digest: of the receipt's bytes.
        at: the instant judged.
        code: why it is invalid, if that has a name of its own; else empty.
        fresh: whether it may be relied on at that instant.
        upheld: whether no map at hand denies what it permits.
        evidence: raw bytes of both sides, where two signed things contradict each other.
    """

    digest: str
    at: str
    outcome: Outcome
    code: str
    receipt: Receipt
    leaves: tuple[AnswerLeaf, ...]
    steps: tuple[Step, ...]
    assumptions: tuple[str, ...]
    fresh: bool
    upheld: bool
    evidence: tuple[bytes, ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether it is valid and fresh, every answer is a yes, and no map at hand says otherwise."""
        counts = self.outcome == "valid" and self.fresh and self.upheld
        return counts and bool(self.leaves) and all(leaf.permitted for leaf in self.leaves)

    @property
    def exit_code(self) -> Exit:
        """What the command line ends with."""
        if self.outcome == "valid":
            return Exit.PERMITTED if self.permitted else Exit.NOT_PERMITTED
        return Exit.COULD_NOT_CHECK if self.outcome == "inconclusive" else Exit.INVALID

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "outcome": self.outcome,
            "code": self.code,
            "permitted": self.permitted,
            "digest": self.digest,
            "at": self.at,
            "fresh": self.fresh,
            "upheld": self.upheld,
            "receipt": self.receipt.to_json(),
            "answers": [leaf.to_json() for leaf in self.leaves],
            "steps": [step.to_json() for step in self.steps],
            "assumptions": list(self.assumptions),
        }


def check_receipt(
    raw: bytes, leaves: Sequence[AnswerLeaf], trust: Trust, shown: Shown, at: str | None = None
) -> ReceiptReport:
    """Check a receipt by the procedure above.

    Args:
        leaves: as ``receipts.read_leaves`` gives them.
        at: the instant that it is to be fresh at; ``None``: when it was issued.

    Raises:
        MalformedError: no receipt, or no instant. Whatever else is wrong is in the report.
    """
    signed, log = SignedReceipt(raw), shown.log
    receipt = signed.receipt
    instant = receipt.issued_at if at is None else at
    times.parse(instant)
    run = _Run()

    # 1. and 2. What the receipt shows of itself.
    run.step("answers", steps.answers, receipt, leaves, trust)
    if shown.request is not None or shown.nonce is not None:
        run.step("request", lambda: steps.request(receipt, shown.request, shown.nonce))

    # 3. to 5. What the log says.
    known = run.step("signature", steps.signature, signed, log)
    known = run.step("checkpoint", steps.checkpoint, signed, log, only_if=known)
    run.step("anchor", steps.anchor, signed, log, only_if=known)

    # 6. What the map says.
    denied: list[str] = []
    if shown.found is not None and steps.is_of(receipt, shown.found):
        run.step("map", steps.same_answers, signed, leaves, shown.found)
    elif shown.found is not None:
        denied = steps.not_upheld(leaves, shown.found)
        run.tell("map", "; ".join(denied) or "it permits what the receipt permits", ok=not denied)

    # 7.
    fresh = receipt.issued_at <= instant < receipt.fresh_until
    run.tell("fresh", f"from {receipt.issued_at} until {receipt.fresh_until}, asked about {instant}", ok=fresh)
    return ReceiptReport(
        digest=signed.digest,
        at=instant,
        outcome="invalid" if run.errors else "inconclusive" if run.unable else "valid",
        code=next((error.code for error in run.errors if isinstance(error, NAMED)), ""),
        receipt=receipt,
        leaves=tuple(leaves),
        steps=tuple(run.steps),
        assumptions=_assumptions(receipt, shown, run, at),
        fresh=fresh,
        upheld=not denied,
        evidence=next((error.evidence for error in run.errors if isinstance(error, FraudError)), ()),
    )


@dataclass
class _Run:
    """Takes step after step, and keeps what was found."""

    steps: list[Step] = field(default_factory=list)
    errors: list[PriorConsentError] = field(default_factory=list)
    unable: bool = False

    def step(self, code: str, check: Callable[..., str], *args: Any, only_if: bool = True) -> bool:
        """Whether the step was taken and went well; it is not taken if an argument is ``None``."""
        if not only_if or any(arg is None for arg in args):
            self.unable = True
            self.tell(code, NOT_REACHED, ok=False, reached=False)
            return False
        try:
            self.tell(code, check(*args), ok=True)
        except PriorConsentError as error:
            self.tell(code, str(error), ok=False)
            if isinstance(error, _UNABLE):
                self.unable = True
            else:
                self.errors.append(error)
            return False
        return True

    def tell(self, code: str, detail: str, *, ok: bool, reached: bool = True) -> None:
        """Note what a step found."""
        self.steps.append(Step(len(self.steps) + 1, code, TITLES[code], ok, detail, reached))


def _assumptions(receipt: Receipt, shown: Shown, run: _Run, at: str | None) -> tuple[str, ...]:
    pending = any((step.code, step.ok, step.detail) == ("anchor", True, steps.NOT_YET) for step in run.steps)
    due = times.plus(receipt.issued_at, receipts.ANCHOR_OVERDUE_S)
    assumed = {
        shown.log.head.assumption if shown.log else "": shown.log is not None,
        "What was sent is not shown: that this is the answer to it is assumed.": shown.request is None,
        "The asker's nonce is not shown: that this is no receipt of another time is assumed.": shown.nonce is None,
        "No map is at hand: that the registry answered by its map is its own word.": shown.found is None,
        f"The log has not committed to it yet; that is due by {due}: check again after that.": pending,
        f"Not said, so taken: at {receipt.issued_at}, when it was issued.": at is None,
    }
    return tuple(what for what, holds in assumed.items() if holds)
