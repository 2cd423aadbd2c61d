"""What came out of a verification: step by step, for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from priorconsent.court import html
from priorconsent.decision import Decision
from priorconsent.reasons import REASONS, Verdict
from priorconsent.receipts import AnswerLeaf, Receipt

Outcome = Literal["valid", "inconclusive", "invalid"]
# One more than the longest code, ``statements``, has.
CODE_WIDTH = 11
# Only the last cell of a row is text to break anywhere; the others are marks and codes.
_WORDS_WHOLE = "td:not(:last-child) { white-space: nowrap }\n"


class Exit(IntEnum):
    """Exit codes of the command line."""

    PERMITTED = 0
    NOT_PERMITTED = 3
    COULD_NOT_CHECK = 4
    INVALID = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the procedure.

    Args:
        number: from 1.
        code: stable name.
        ok: whether it was taken and went well.
        detail: what was found, or everything that is wrong.
        reached: whether it was taken at all; what rests on a step that failed is not.
    """

    number: int
    code: str
    title: str
    ok: bool
    detail: str
    reached: bool = True

    @property
    def mark(self) -> str:
        """One word for people."""
        if not self.reached:
            return "-"
        return "ok" if self.ok else "FAILED"

    @property
    def line(self) -> str:
        """The step as one line: number, mark, code, title and what was found, in columns."""
        return f"{self.number:>2} {self.mark:<6} {self.code:<{CODE_WIDTH}} {self.title}: {self.detail}"

    def to_json(self) -> dict[str, Any]:
        """The step as plain JSON values."""
        return {
            "number": self.number,
            "code": self.code,
            "title": self.title,
            "ok": self.ok,
            "reached": self.reached,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """What the registry answered about the grant, by a receipt that counts.

    Args:
        digest: of the receipt.
        answers: those shown, in the order of the questions.
        pos: of the anchor that commits to the receipt.
        anchored_at: time of that anchor.
        keyset: version of the keyset that was in force when it was issued.
    """

    digest: str
    receipt: Receipt
    answers: tuple[AnswerLeaf, ...]
    pos: int
    anchored_at: str
    keyset: int

    @property
    def lines(self) -> list[str]:
        """For people: who was told when, and that the log knew of it; then each answer with its question."""
        told = self.receipt
        answers = (f"  {leaf.verdict}: {leaf.reason} until {leaf.until} for {_question(leaf)}" for leaf in self.answers)
        when = f"{told.issued_at} to {told.audience or 'an asker not named'}, fresh until {told.fresh_until}"
        logged = f"in the log since {self.anchored_at} (entry {self.pos})"
        return [f"Answered at {when}, {logged}, receipt {self.digest}:", *answers]

    def to_json(self) -> dict[str, Any]:
        """The receipt and the answers shown as plain JSON values."""
        return {
            "digest": self.digest,
            "receipt": self.receipt.to_json(),
            "answers": [leaf.to_json() for leaf in self.answers],
            "anchor": {"pos": self.pos, "time": self.anchored_at},
            "keyset": self.keyset,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one bundle.

    Args:
        digest: of the bundle's bytes.
        grant: id of the grant; ``None`` if the bundle does not tell.
        at: the instant judged; ``None`` if there was none to judge.
        asked: what the decision was asked, besides the work.
        decisions: work → answer, in order of the works; empty unless the evidence is valid.
        receipts: what the registry had answered, in order of time; empty if the bundle has none that count.
        assumptions: what was taken on somebody's word.
    """

    outcome: Outcome
    digest: str
    grant: str | None
    at: str | None
    asked: Mapping[str, str]
    steps: tuple[Step, ...]
    decisions: Mapping[str, Decision]
    receipts: tuple[Answered, ...]
    assumptions: tuple[str, ...]

    @property
    def permitted(self) -> bool:
        """Whether the evidence is valid and every work named may be used so."""
        verdicts = {decision.verdict for decision in self.decisions.values()}
        return self.outcome == "valid" and verdicts == {Verdict.PERMITTED}

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
            "permitted": self.permitted,
            "bundle": self.digest,
            "grant": self.grant,
            "at": self.at,
            "asked": dict(self.asked),
            "steps": [one.to_json() for one in self.steps],
            "decisions": {work: decision.to_json() for work, decision in self.decisions.items()},
            "receipts": [one.to_json() for one in self.receipts],
            "assumptions": list(self.assumptions),
        }

    def to_html(self) -> bytes:
        """The report as a page that stands alone."""
        verdict = {
            "valid": "The evidence is valid.",
            "inconclusive": "The evidence does not show the state of the grant at the time asked about.",
            "invalid": "The evidence is NOT valid. Nothing in the file may be relied on.",
        }[self.outcome]
        rows = [("File", self.digest), ("Grant", self.grant or "–"), ("Judged at", self.at or "–")]
        return html.page(
            "Verification of one grant",
            [
                html.paragraph(verdict),
                html.table([*rows, *self.asked.items()]),
                html.heading("Answers"),
                html.table((work, *_answer(decision)) for work, decision in self.decisions.items()),
                *self._answered(),
                html.heading("Steps"),
                html.table((f"{one.number}. {one.title}", one.code, one.mark, one.detail) for one in self.steps),
                html.heading("Assumptions"),
                html.items(self.assumptions),
            ],
            style=_WORDS_WHOLE,
        )

    def _answered(self) -> list[str]:
        rows = [(one.receipt.issued_at, "\n".join(one.lines)) for one in self.receipts]
        return [html.heading("Answers given before"), html.table(rows)] if rows else []


def counted(number: int, one: str, many: str = "") -> str:
    """A number and what it counts, in the singular where it is one."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _question(leaf: AnswerLeaf) -> str:
    if leaf.query is None:
        return "a question not understood"
    asked = {name: said for name, said in leaf.query.to_json().items() if name not in {"kind", "key"}}
    return f"{leaf.query.key} ({', '.join(f'{name} {said}' for name, said in asked.items() if said is not None)})"


def _answer(decision: Decision) -> tuple[str, str]:
    return decision.verdict.value, f"{decision.reason}: {REASONS[decision.reason].sentence('en')}"
