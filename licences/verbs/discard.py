"""A draft is thrown away."""

from __future__ import annotations

from licences.life import move
from licences.models import Offer
from licences.policy import RULES
from licences.states import State
from registry.actor import Actor
from registry.policy import permit


def discard(actor: Actor, offer: Offer) -> Offer:
    """Discard a draft; what was offered is declined or lapses instead."""
    permit(actor, RULES["change_draft"], [offer.drafted_by])
    move(offer, State.DISCARDED)
    return offer
