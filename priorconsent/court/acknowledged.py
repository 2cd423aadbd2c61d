"""Was an acknowledged statement logged? What its holder asks, with the registry's own signature in hand.

1. The acknowledgement is the trusted registry's, signed with a receipt key that was in force when it was given.
2. The log at hand goes beyond the time promised: its quorum time is not before ``log_by``. Else: ask later.
3. An event of its kind cites the statement, no later than in the first checkpoint from ``log_by`` on. It does: the
   promise was kept. It does not: ``withdrawal_unlogged``, and acknowledgement and checkpoint prove it.
4. With the statement at hand: another act that came first may have left it nothing to do.

That the events hold is the log's own word here, and for ``log fsck`` to check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from priorconsent import events as ev
from priorconsent.acknowledgements import Acknowledgement, SignedAcknowledgement
from priorconsent.canonical import Json
from priorconsent.court.log_at_hand import LogAtHand
from priorconsent.court.report import Exit
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.statements import Signed, Statement
from priorconsent.trust import Trust

UNLOGGED = "withdrawal_unlogged"


class Outcome(Enum):
    """What became of a promise."""

    LOGGED = "logged"
    OVERTAKEN = "overtaken"
    NOT_DUE = "not_due"
    UNLOGGED = UNLOGGED


EXITS = {
    Outcome.LOGGED: Exit.PERMITTED,
    Outcome.OVERTAKEN: Exit.NOT_PERMITTED,
    Outcome.NOT_DUE: Exit.COULD_NOT_CHECK,
    Outcome.UNLOGGED: Exit.INVALID,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a promise was kept.

    Args:
        pos: of the event that cites the statement, or overtook it; ``None``: there is none.
        evidence: acknowledgement and checkpoint, if it was not kept.
    """

    acknowledgement: Acknowledgement
    outcome: Outcome
    detail: str
    size: int
    time: str
    pos: int | None = None
    evidence: tuple[bytes, ...] = ()

    @property
    def exit_code(self) -> Exit:
        """What the command line ends with."""
        return EXITS[self.outcome]

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        told: dict[str, Json] = {"outcome": self.outcome.value, "detail": self.detail, "pos": self.pos}
        checkpoint = {"size": self.size, "time": self.time}
        return {**told, "acknowledgement": self.acknowledgement.to_json(), "checkpoint": checkpoint}


def wanted(raw: bytes, statement: bytes | None = None) -> set[str]:
    """What ``read_log`` has to look for.

    Args:
        raw: the acknowledgement.
        statement: the statement, if it is at hand.
    """
    found = {SignedAcknowledgement(raw).acknowledgement.statement}
    if statement is not None:
        said = Signed(statement).statement
        found |= {said.key, said.subject, str(said.body.get("key", said.key))}
    return found


def check_acknowledgement(raw: bytes, log: LogAtHand, trust: Trust, statement: bytes | None = None) -> Kept:
    """Check a promise by the procedure above.

    Args:
        log: read with what ``wanted`` tells.
        statement: the statement's bytes; without them nobody can tell whether another act overtook it.

    Raises:
        MalformedError: no acknowledgement, or the statement is another one.
        NotTrustedError: not by the trusted registry.
    """
    # 1.
    signed = SignedAcknowledgement(raw)
    promise = signed.acknowledgement
    if promise.registry != trust.registry:
        raise NotTrustedError(f"an acknowledgement by registry {promise.registry}")
    said = _same(promise, statement)
    signed.verify(log.receipt_key(signed.kid, promise.received_at))

    def kept(outcome: Outcome, detail: str, pos: int | None = None, *evidence: bytes) -> Kept:
        return Kept(promise, outcome, detail, log.size, log.head.quorum_time, pos, evidence)

    # 3. before 2.: what is there already need not be waited for.
    due = log.size_at(promise.log_by)
    kinds = (_BY[said.type],) if said is not None else tuple(_BY.values())
    cited = [
        pos
        for pos, event in sorted(log.events.items())
        if isinstance(event, kinds) and promise.statement in ev.cited(event)
    ]
    if cited and cited[0] < due:
        return kept(Outcome.LOGGED, f"event {cited[0]} cites the statement", cited[0])
    # 2.
    if log.head.quorum_time < promise.log_by:
        return kept(Outcome.NOT_DUE, f"the newest checkpoint is of {log.head.quorum_time}; ask again later")
    # 4.
    overtaken = _overtaken(said, log, due, promise.received_at) if said is not None else None
    if overtaken is not None:
        return kept(Outcome.OVERTAKEN, *overtaken)
    late = f"; event {cited[0]} cites it too late" if cited else ""
    detail = f"of {due} events up to the first checkpoint from {promise.log_by} on none cites the statement{late}"
    return kept(Outcome.UNLOGGED, detail, cited[0] if cited else None, raw, log.head.note)


def _same(promise: Acknowledgement, raw: bytes | None) -> Statement | None:
    if raw is None:
        return None
    signed = Signed(raw)
    if signed.digest != promise.statement:
        raise MalformedError("the acknowledgement is of another statement")
    if signed.statement.type not in _BY:
        raise MalformedError(f"a statement of type {signed.statement.type} is never acknowledged")
    return signed.statement


def _overtaken(said: Statement, log: LogAtHand, due: int, received_at: str) -> tuple[str, int | None] | None:
    """Which act came first, and its position.

    A key that the registry ended of its own accord after it had the statement excuses nothing.
    """
    earlier = {pos: event for pos, event in sorted(log.events.items()) if pos < due}
    for pos, event in earlier.items():
        if not isinstance(event, ev.PartyKeyEnd) or (event.party, event.key) != (said.party, said.key):
            continue
        if event.statement is not None or event.time <= received_at:
            return f"event {pos} had ended the key that signed", pos
    find = _FIND.get(said.type)
    return find(said, earlier, received_at) if find else None


def _grant_ended(said: Statement, earlier: dict[int, ev.Event], received_at: str) -> tuple[str, int | None] | None:
    del received_at
    grant = next((e.grant for e in earlier.values() if isinstance(e, ev.GrantAdd) and e.digest == said.subject), None)
    if grant is None:
        return "the grant was never logged", None
    for pos, event in earlier.items():
        if isinstance(event, ev.Withdraw | ev.Supersede) and event.grant == grant:
            return f"event {pos} had ended the grant", pos
    return None


def _key_ended(said: Statement, earlier: dict[int, ev.Event], received_at: str) -> tuple[str, int | None] | None:
    suspect_from = said.body.get("suspect_from")
    for pos, event in earlier.items():
        if not isinstance(event, ev.PartyKeyEnd) or (event.party, event.key) != (said.party, said.body.get("key")):
            continue
        # Else the registry could end a stolen key itself, and leave standing what the thief approved.
        as_suspect = suspect_from is None or (event.suspect_from or event.time) <= suspect_from
        if event.statement is not None or event.time <= received_at or as_suspect:
            return f"event {pos} had ended that key", pos
    return None


# What each statement does in the log: an event of another kind that cites it keeps no promise.
_BY: dict[str, type[ev.Event]] = {
    "withdrawal": ev.Withdraw,
    "pause": ev.Suspend,
    "refusal": ev.Refuse,
    "key-end": ev.PartyKeyEnd,
}
_FIND: dict[str, Callable[[Statement, dict[int, ev.Event], str], tuple[str, int | None] | None]] = {
    "withdrawal": _grant_ended,
    "pause": _grant_ended,
    "key-end": _key_ended,
}
