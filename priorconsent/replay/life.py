"""What the events in the life of a grant do: suspended, resumed, withdrawn, superseded."""

from __future__ import annotations

from collections.abc import Callable

from priorconsent import canonical, names
from priorconsent import events as ev
from priorconsent.errors import MalformedError
from priorconsent.grants import Token
from priorconsent.replay.step import Step, after, must
from priorconsent.statements import Signed
from priorconsent.states import GrantState, LifeEntry, LifeState, WorkState

ENDED = frozenset({"withdrawn", "superseded"})


def open_suspensions(life: tuple[LifeEntry, ...], event_at: Callable[[int], ev.Event]) -> dict[int, ev.Suspend]:
    """The suspensions of a grant that no resumption has ended, by position."""
    steps = {entry.pos: event_at(entry.pos) for entry in life}
    ended = {event.ends for event in steps.values() if isinstance(event, ev.Resume)}
    return {pos: event for pos, event in steps.items() if isinstance(event, ev.Suspend) and pos not in ended}


def _enter(
    step: Step, grant: GrantState, name: str, state: LifeState, *, ends_at: str | None = None, cause: str | None = None
) -> None:
    """Note the next step in the life of a grant."""
    entry = LifeEntry(s=state, pos=step.pos, time=step.time, ends_at=ends_at, cause=cause)
    step.change(name, grant, life=(*grant.life, entry))


def _has_ended(grant: GrantState, time: str) -> bool:
    return any(entry.s in ENDED and (entry.ends_at or "") <= time for entry in grant.life)


def suspend(step: Step, event: ev.Suspend) -> None:
    """Let a grant pause."""
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    must(not _has_ended(grant, step.time), "the grant has ended")
    of_party = event.cause in {"holder", "key"}
    must((event.party is not None) == of_party, "a pause names its holder, a suspected key its party; others nobody")
    must((event.statement is not None) == (event.cause == "holder"), "only a holder's pause has a statement")
    if event.party is not None and event.statement is not None:
        must(event.party in _holders_of(step, grant), "the party holds nothing in the works granted")
        step.statement(event.statement, "pause", grant.digest, frozenset({event.party}))
    _enter(step, grant, name, "suspended", cause=event.cause)


def _holders_of(step: Step, grant: GrantState) -> frozenset[str]:
    works = [step.find(names.work(work), WorkState) for work in grant.terms.works]
    return frozenset(holder.party for work in works if work for holder in work.holders)


def resume(step: Step, event: ev.Resume) -> None:
    """End one suspension; the grant is active again when none is left."""
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    suspensions = open_suspensions(grant.life, step.ledger.event)
    must(event.ends in suspensions, "no open suspension at that position")
    suspension = suspensions[event.ends]
    signed_off = suspension.cause in {"holder", "key"}
    must((event.party is not None) == signed_off, "a party resumes what a party or its key suspended, and nothing else")
    must((event.statement is not None) == signed_off, "a resumption by a party has its statement")
    must(event.party == suspension.party, "only the party whose pause or key it was resumes")
    if event.party is not None and event.statement is not None:
        subject = canonical.digest(suspension.encode())
        step.statement(event.statement, "resume", subject, frozenset({event.party}))
    left = set(suspensions) - {event.ends}
    _enter(step, grant, name, "suspended" if left else "active")


def withdraw(step: Step, event: ev.Withdraw) -> None:
    """End a grant by its holders, as its terms say, after the notice agreed."""
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    must(all(entry.s not in ENDED for entry in grant.life), "the grant has been ended already")
    must(
        event.ends_at == after(step.time, grant.terms.withdrawal.notice_s),
        "ends_at is not after the notice agreed",
    )
    token = Token(step.archive.token(grant.digest))
    approvals = token.cited("approval")
    enough = len(approvals) if grant.terms.withdrawal.by == "all" else 1
    must(len(event.parties) >= enough, "not all who must withdraw did")
    must(len(event.statements) == len(event.parties), "one statement by each party that withdraws")
    approvers = _approvers(step, approvals)
    waiting = set(event.parties)
    for digest in event.statements:
        statement = step.statement(digest, "withdrawal", grant.digest, frozenset(waiting))
        if statement is not None:
            waiting.discard(statement.party)
            if approvers is not None and statement.party not in approvers:
                raise step.fraud(f"withdrawal {digest} is by a party that approved nothing", token.raw)
    _enter(step, grant, name, "withdrawn", ends_at=event.ends_at)


def _approvers(step: Step, approvals: tuple[str, ...]) -> frozenset[str] | None:
    """Who approved, as far as the archive shows; ``None`` unless it shows all of them.

    Whether an approval counts was judged when the grant was logged, by the keys of that day: some have ended since.
    """
    found = [step.evidence(digest) for digest in approvals]
    try:
        parties = frozenset(Signed(raw).statement.party for raw in found if raw is not None)
    except MalformedError as error:
        raise step.fraud(f"an approval cited is no statement: {error}", *(raw for raw in found if raw)) from error
    return parties if len(parties) == len(approvals) else None


def supersede(step: Step, event: ev.Supersede) -> None:
    """End a grant for the later one whose signers named it."""
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    must(not _has_ended(grant, step.time), "the grant has ended")
    following = step.get(names.grant(event.next), GrantState).terms
    must(event.grant in following.supersedes, "the next grant's offer does not name this one")
    must(following.licensee == grant.terms.licensee, "the next grant has another licensee")
    must(set(grant.terms.works) <= set(following.works), "the next grant leaves out works")
    _enter(step, grant, name, "superseded", ends_at=step.time)
