"""What a grant event does, and all that an offer needs before it may become one."""

from __future__ import annotations

from priorconsent import consent, names
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError, RuleError, SignatureError
from priorconsent.grants import Token
from priorconsent.offers import Offer, read_offer
from priorconsent.replay.ledger import Archive
from priorconsent.replay.step import Step, must
from priorconsent.states import GrantState, LifeEntry, PartyState, RightsTableState, WorkState


def grant(step: Step, event: ev.GrantAdd) -> None:
    """Take in a grant that everyone signed whose yes its offer needs."""
    name = names.grant(event.grant)
    must(step.state(name) is None, "the grant exists")
    token, offer = _token_and_offer(step, event)
    step.cited = (*token.cited("approval"), *token.cited("acceptance"))
    step.check_unspent(step.cited)
    needed = check_issue(offer, step.time, step.registry, step, step.archive)
    must(len(token.cited("approval")) == len(needed.parties), f"needs {len(needed.parties)} approvals")
    accepted_by = {offer.licensee.party} - {None}
    must(len(token.cited("acceptance")) == len(accepted_by), "needs the acceptance of the licensee named, and no other")
    must(event.level == needed.level, "level is not the lowest of those relied on")
    must(event.method in words.METHODS, "unknown method")
    _check_consent_evidence(step, event, token, needed)
    step.changes[name] = GrantState(
        digest=event.digest,
        offer_digest=event.offer,
        terms=offer,
        method=event.method,
        level=event.level,
        valid_from=event.valid_from,
        valid_until=event.valid_until,
        life=(LifeEntry(s="active", pos=step.pos, time=step.time, ends_at=None, cause=None),),
        pos=step.pos,
    )
    for work_id in event.works:
        work = step.get(names.work(work_id), WorkState)
        step.change(names.work(work_id), work, grants=tuple(sorted({*work.grants, event.grant})))


def _token_and_offer(step: Step, event: ev.GrantAdd) -> tuple[Token, Offer]:
    try:
        offer = read_offer(step.archive.offer(event.offer))
        token = Token(step.archive.token(event.digest))
        token.verify(step.keyset(), step.time)
    except (MalformedError, SignatureError) as error:
        raise RuleError(str(error)) from error
    must(token.offer == offer, "the token countersigns another offer")
    told = (event.grant, event.works, event.valid_from, event.valid_until)
    must(told == (offer.grant, offer.works, offer.valid_from, offer.valid_until), "the event differs from the offer")
    return token, offer


def check_issue(
    offer: Offer, time: str, registry: str, states: consent.States, archive: Archive
) -> consent.Requirement:
    """Check all that an offer needs at its issue, but the signatures under it.

    Returns:
        whose approvals it needs, and what they must name.

    Raises:
        RuleError: the offer is dead, incomplete or refused; the sentence says why.
    """
    in_force = states.state(names.RIGHTS_TABLE)
    must(offer.registry == registry, "an offer of another registry")
    must(
        isinstance(in_force, RightsTableState) and in_force.digest == offer.rights_table,
        "the rights table changed since the offer",
    )
    must(time < offer.lapse_at, "the offer has lapsed")
    table = archive.rights_table(offer.rights_table)
    needed = consent.required_by(offer, table, states)
    for problem in needed.problems:
        must(holds=False, rule=f"{problem.detail} ({problem.subject})")
    must(needed.share_sets == offer.share_sets, "share sets changed since the offer")
    must(set(needed.rights) <= set(offer.rights), "the uses concern rights that the offer does not name")
    refuser = consent.refused_by(offer, table, states)
    must(refuser is None, f"refused by {refuser}")
    if offer.licensee.party is not None:
        licensee = states.state(names.party(offer.licensee.party))
        must(isinstance(licensee, PartyState), "the licensee is not registered")
    return needed


def _check_consent_evidence(step: Step, event: ev.GrantAdd, token: Token, needed: consent.Requirement) -> None:
    waiting = set(needed.parties)
    methods = []
    for digest in token.cited("approval"):
        statement = step.statement(digest, "approval", event.offer, frozenset(waiting))
        if statement is None:
            continue
        waiting.discard(statement.party)
        if not needed.rights_of(statement.party) <= set(statement.rights):
            raise step.fraud(f"approval {digest} does not name all rights concerned", token.raw)
        key = step.get(names.party(statement.party), PartyState).key(statement.key)
        methods.append(key.method if key else "")
    weakest = words.lowest(words.METHODS, [*methods, event.method])
    if weakest != event.method or (not waiting and event.method not in methods):
        raise step.fraud("method is not the lowest of the approvals", token.raw)
    for digest in token.cited("acceptance"):
        step.statement(digest, "acceptance", event.offer, frozenset({token.offer.licensee.party or ""}))
