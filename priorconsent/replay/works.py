"""What the events about works do: works, the names that stand for them, their holders and links."""

from __future__ import annotations

from collections.abc import Iterable

from priorconsent import consent, names, shares
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError, RuleError
from priorconsent.records import in_order
from priorconsent.replay.step import Step, must
from priorconsent.shares import Link, Share
from priorconsent.states import AliasState, Claim, Holder, PartyState, QueryState, WorkState


def work(step: Step, event: ev.WorkAdd) -> None:
    """Let a work come to exist, registered by a party that says it holds rights in it."""
    name = names.work(event.work)
    must(step.state(name) is None, "the work exists")
    must(step.get(names.party(event.party), PartyState).kind != "committee", "a committee never signs")
    step.asked_for("claim", event.statement, event.party)
    step.changes[name] = WorkState(
        kind=event.kind,
        party=event.party,
        holders=(),
        links=(),
        complete=False,
        share_set=None,
        disputes=(),
        grants=(),
        since=step.time,
        pos=step.pos,
    )


def alias(step: Step, event: ev.Alias) -> None:
    """Take in, or end, one party's claim that a name stands for a work."""
    try:
        names.check_alias(event.name)
    except MalformedError as error:
        raise RuleError(str(error)) from error
    work = step.get(names.work(event.work), WorkState)
    must(work.speaks(event.party), "the party holds nothing in the work")
    must(event.level in words.LEVELS, "unknown level")
    before = step.find(event.name, AliasState) or AliasState(claims=(), since=None, pos=step.pos)
    same = [claim for claim in before.claims if (claim.work, claim.party) == (event.work, event.party)]
    must(bool(same) or not event.ended, "there is no such claim to end")
    step.asked_for("claim", event.statement, event.party)
    claim = Claim(work=event.work, party=event.party, level=event.level)
    others = [one for one in before.claims if one not in same]
    # Anybody can make a claim at E0; if that moved ``since``, a stranger could unsettle the past.
    weighty = any(one.level != words.LEVELS[0] for one in (*same, *(() if event.ended else (claim,))))
    step.change(
        event.name,
        before,
        claims=in_order(others if event.ended else (*others, claim)),
        since=step.time if weighty else before.since,
    )
    if weighty and names.kind_of(event.name) == "url":
        _note_query(step, event.name)


def _note_query(step: Step, name: str) -> None:
    """Note at the path that its URLs are told apart by their query; the note stays."""
    note = names.of_url(name.removeprefix("url:")).queries
    if note is not None and step.state(note) is None:
        step.changes[note] = QueryState(since=step.time, pos=step.pos)


def share_set(step: Step, event: ev.ShareSetChange) -> None:
    """Put a version of a work's holders and links into force."""
    name = names.work(event.work)
    work = step.get(name, WorkState)
    must(event.previous == work.share_set, "the share set before it is another one")
    must((event.version == 1) == (event.previous is None), "share-set version does not follow")
    for holder in event.holders:
        must(
            step.get(names.party(holder.party), PartyState).kind != "committee",
            "a committee never stands as holder: its members do",
        )
    for link in event.links:
        must(link.work is not None or not event.complete, "complete with an unregistered work")
        must(link.work != event.work, "a work linked to itself")
        must(link.work is None or step.find(names.work(link.work), WorkState) is not None, "linked work does not exist")
    signers = share_set_signers(work, event.holders, event.links, step)
    must(len(event.statements) == len(signers), f"needs the statements of {len(signers)} parties")
    _check_share_set_evidence(step, event, signers)
    step.change(
        name,
        work,
        holders=event.holders,
        links=event.links,
        complete=event.complete,
        share_set=event.digest,
        since=step.time,
    )


def share_set_signers(
    work: WorkState, holders: Iterable[Holder | Share], links: Iterable[Link], states: consent.States
) -> frozenset[str]:
    """Who must sign the next share set of a work.

    The first: its registrant. A later one: every holder before and after, and for a link that it drops
    every holder of the linked work. A work without holders is spoken for by its registrant: otherwise
    whoever comes next could take it over with nobody's leave.

    Args:
        holders, links: of the next share set.
    """
    if work.share_set is None:
        return frozenset({work.party})
    kept = {(link.rel, link.work) for link in links}
    dropped = [link.work for link in work.links if (link.rel, link.work) not in kept and link.work is not None]
    linked = [states.state(names.work(one)) for one in dropped]
    before = [_spoken_for_by(one) for one in (work, *linked) if isinstance(one, WorkState)]
    return frozenset(holder.party for holder in holders).union(*before)


def _spoken_for_by(work: WorkState) -> frozenset[str]:
    return frozenset(holder.party for holder in work.holders) or frozenset({work.party})


def _check_share_set_evidence(step: Step, event: ev.ShareSetChange, signers: frozenset[str]) -> None:
    document = _share_set_document(step, event.digest)
    before = _share_set_document(step, event.previous) if event.previous is not None else None
    if document is not None:
        told = {(holder.right, holder.party) for holder in event.holders}
        same = (
            document.registry == step.registry
            and (document.work, document.version, document.previous) == (event.work, event.version, event.previous)
            and {(share.right, share.party) for share in document.shares} == told
            and (document.links, document.complete) == (event.links, event.complete)
        )
        if not same:
            raise step.fraud("the share-set document says something else", document.encode())
    if before is not None and before.version + 1 != event.version:
        raise step.fraud("the share-set version does not follow", before.encode())
    waiting = set(signers)
    for digest in event.statements:
        statement = step.statement(digest, "shares", step.body_digest(), frozenset(waiting))
        if statement is not None:
            waiting.discard(statement.party)


def _share_set_document(step: Step, digest: str) -> shares.ShareSet | None:
    raw = step.evidence(digest)
    if raw is None:
        return None
    try:
        return shares.ShareSet.parse(raw)
    except MalformedError as error:
        raise step.fraud(f"share set {digest}: {error}", raw) from error
