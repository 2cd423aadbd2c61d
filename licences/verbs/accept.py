"""The licensee accepts an offer, or declines it for good."""

from __future__ import annotations

from django.db import transaction

from licences.life import move, offer_by_digest, require_state
from licences.models import Acceptance, Offer
from licences.policy import LICENSEE_ONLY
from licences.signatures import columns
from licences.states import State
from priorconsent.errors import ConflictError, NotAllowedError
from registry.actor import Actor
from registry.statements import receive


def accept_offer(actor: Actor, raw: bytes, now: str) -> Offer:
    """Take an ``acceptance`` statement; its subject is the offer digest."""
    received = receive(actor, raw, "acceptance", now)
    offer = offer_by_digest(received.statement.subject)
    require_state(offer, State.OFFERED)
    if received.party != offer.licensee:
        raise NotAllowedError(LICENSEE_ONLY)
    told = columns(received, now) | {"decision": received.statement.decision}
    with transaction.atomic():
        if received.statement.decision == "decline":
            move(offer, State.DECLINED, reason=f"declined by the licensee {received.party}")
        else:
            offer = Offer.objects.select_for_update().get(pk=offer.pk)
            require_state(offer, State.OFFERED)
            earlier = Acceptance.objects.filter(offer=offer).first()
            if earlier is not None and earlier.counts(now):
                raise ConflictError("the licensee has accepted the offer already")
        Acceptance.objects.update_or_create(offer=offer, defaults=told)
    return offer
