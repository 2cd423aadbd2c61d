"""A suspension ends; what returns is what the holders signed."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from licences.life import logged_grant, move, require_state
from licences.models import Offer
from licences.policy import RULES
from licences.states import State
from licences.verbs.suspend import OPERATOR_CAUSES
from priorconsent import canonical
from priorconsent.errors import ConflictError, MalformedError, NotFoundError
from priorconsent.events import Suspend
from priorconsent.replay import open_suspensions
from registry.actor import Actor
from registry.policy import permit
from registry.statements import receive
from transparency.append import append_all
from transparency.store import DatabaseLedger, current_states


def resume_grant(actor: Actor, offer: Offer, *, cause: str, now: str) -> Offer:
    """End an operator's suspensions of one cause; others go on."""
    permit(actor, RULES["resume"])
    if cause not in OPERATOR_CAUSES:
        raise MalformedError(f"an operator resumes from one of {', '.join(OPERATOR_CAUSES)}", pointer="/cause")
    log = current_states()
    ended = [pos for pos, event in suspensions(offer, log).items() if event.cause == cause]
    if not ended:
        raise ConflictError(f"the log shows no open suspension by {cause}")
    drafts = [{"t": "resume", "grant": offer.grant, "ends": pos, "party": None, "statement": None} for pos in ended]
    _resume(offer, set(ended), drafts, {}, log)
    offer.suspensions.filter(cause=cause, ended_at="").update(ended_at=now)
    return offer


def resume_after_key(actor: Actor, raw: bytes, now: str) -> Offer:
    """Take a ``resume`` statement by the party whose suspected key suspended a grant, signed with another key.

    Its subject is the digest of the canonical suspend event.
    """
    received = receive(actor, raw, "resume", now)
    offer, pos = _suspended_by(received.statement.subject, received.party, received.log)
    draft = {
        "t": "resume",
        "grant": offer.grant,
        "ends": pos,
        "party": received.party,
        "statement": received.digest,
    }
    _resume(offer, {pos}, [draft], received.evidence, received.log)
    return offer


def suspensions(offer: Offer, log: DatabaseLedger) -> dict[int, Suspend]:
    """The open suspensions of a grant, by position."""
    return open_suspensions(logged_grant(offer.grant, log).life, log.event)


def _suspended_by(digest: str, party: str, log: DatabaseLedger) -> tuple[Offer, int]:
    for offer in Offer.objects.filter(state=State.SUSPENDED, approvals__party=party):
        for pos, event in suspensions(offer, log).items():
            if canonical.digest(event.encode()) == digest and event.party == party:
                return offer, pos
    raise NotFoundError("no open suspension of this party has that digest", pointer="/subject")


def _resume(
    offer: Offer, ended: set[int], drafts: list[dict[str, Any]], evidence: dict[str, bytes], log: DatabaseLedger
) -> None:
    require_state(offer, State.SUSPENDED)
    left = set(suspensions(offer, log)) - ended
    with transaction.atomic():
        if not left:
            move(offer, State.ACTIVE)
        append_all(drafts, evidence=evidence)
