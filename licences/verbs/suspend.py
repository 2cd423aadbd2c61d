"""An operator suspends a grant, and says why."""

from __future__ import annotations

from django.db import transaction

from licences.life import move, require_state
from licences.models import Offer, Suspension
from licences.policy import RULES
from licences.states import State
from priorconsent.errors import MalformedError, NotAvailableError
from registry import wording
from registry.actor import Actor
from registry.policy import permit
from transparency.append import append

OPERATOR_CAUSES = ("court", "dispute")


def suspend_grant(actor: Actor, offer: Offer, *, cause: str, reason: str, now: str) -> Offer:
    """Suspend a grant by court or dispute; each cause stands until it is resumed.

    Args:
        reason: for people; kept beside the log.
    """
    permit(actor, RULES["suspend"])
    if cause == "holder":
        raise NotAvailableError("pauses by holders are not available yet", pointer="/cause")
    if cause not in OPERATOR_CAUSES:
        raise MalformedError(f"an operator suspends by one of {', '.join(OPERATOR_CAUSES)}", pointer="/cause")
    told = wording.tidy(reason, "/reason")
    require_state(offer, State.ACTIVE, State.SUSPENDED)
    with transaction.atomic():
        if offer.state == State.ACTIVE:
            move(offer, State.SUSPENDED, reason=told)
        Suspension.objects.create(offer=offer, cause=cause, reason=told, by=actor.label, at=now)
        append({"t": "suspend", "grant": offer.grant, "cause": cause, "party": None, "statement": None})
    return offer
