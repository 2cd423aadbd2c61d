"""The life of a grant as tables: which state may follow which, and whose turn it is. No Django here.

*In force* and *expired* are computed from the terms, never stored. Where the log says otherwise, the log
counts: ``follower`` sets a row to what the log shows without asking this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an offer, and the grant that it becomes, stands."""

    DRAFT = "draft"
    OFFERED = "offered"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    DECLINED = "declined"
    LAPSED = "lapsed"
    DISCARDED = "discarded"


FINAL: frozenset[State] = frozenset()

NEXT: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.OFFERED, State.DISCARDED}),
    State.OFFERED: frozenset({State.ACTIVE, State.DECLINED, State.LAPSED}),
    State.ACTIVE: frozenset({State.SUSPENDED, State.WITHDRAWN, State.SUPERSEDED}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.WITHDRAWN, State.SUPERSEDED}),
    State.WITHDRAWN: FINAL,
    State.SUPERSEDED: FINAL,
    State.DECLINED: FINAL,
    State.LAPSED: FINAL,
    State.DISCARDED: FINAL,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """Who can move things on.

    Args:
        who: ``author``, ``signers`` (holders and licensee), ``holders``, ``operator``, ``nobody``.
        en, ja: a sentence for people.
    """

    who: str
    en: str
    ja: str


TURN: dict[State, Turn] = {
    State.DRAFT: Turn(
        "author", "A draft: it can be changed, offered or discarded.", "下書きです。変更、提示又は破棄できます。"
    ),
    State.OFFERED: Turn(
        "signers",
        "Offered: everyone named must sign this exact text.",
        "提示中です。名前の挙がった全員が、この文面に署名する必要があります。",
    ),
    State.ACTIVE: Turn(
        "holders",
        "Recorded: in force from the next checkpoint, within its period, until its holders end it.",
        "記録済みです。次のチェックポイントから、期間内、権利者が終了させるまで有効です。",
    ),
    State.SUSPENDED: Turn(
        "operator",
        "Suspended: it permits nothing until the reason is gone.",
        "停止中です。理由がなくなるまで、何も許諾しません。",
    ),
    State.WITHDRAWN: Turn(
        "nobody",
        "Withdrawn by its holders; it ends after the notice agreed and reaches back to nothing.",
        "権利者が撤回しました。合意した予告期間の後に終了し、過去には及びません。",
    ),
    State.SUPERSEDED: Turn("nobody", "A later grant took its place.", "後の許諾に置き換えられました。"),
    State.DECLINED: Turn(
        "nobody", "Declined; a change needs a new offer.", "断られました。変更には新しい提示が必要です。"
    ),
    State.LAPSED: Turn("nobody", "Lapsed: it became no grant.", "失効しました。許諾にはなりませんでした。"),
    State.DISCARDED: Turn("nobody", "Discarded before it was offered.", "提示される前に破棄されました。"),
}


def may_follow(before: State, after: State) -> bool:
    """Whether the table allows the step."""
    return after in NEXT[before]


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.DRAFT}"]
    for state in State:
        lines += [f"    {state} --> {after}" for after in State if after in NEXT[state]]
        if not NEXT[state]:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The documentation page that is generated from the tables."""
    rows = [f"| {state} | {TURN[state].who} | {TURN[state].en} | {TURN[state].ja} |" for state in State]
    return "\n".join(
        [
            "# The life of a grant",
            "",
            "Generated from `licences/states.py`; a test keeps the two equal.",
            "",
            "```mermaid",
            diagram().rstrip(),
            "```",
            "",
            "| State | Whose turn | In words | 日本語 |",
            "|---|---|---|---|",
            *rows,
            "",
            "*In force* and *expired* are computed from the terms at the instant asked about, never stored.",
            "Where the log says otherwise, the log counts: a step that the log did not take is undone, with the",
            "reason shown to people.",
            "",
        ]
    )
