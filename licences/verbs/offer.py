"""A draft is frozen and put to everyone whose yes it needs."""

from __future__ import annotations

from django.db import transaction

from licences.life import move
from licences.models import LicenceText, Need, Offer
from licences.policy import RULES
from licences.problems import check_grantable
from licences.states import State
from licences.terms import frozen, rights_table
from priorconsent import names
from registry.actor import Actor
from registry.policy import permit
from transparency.store import current_states


def offer_grant(actor: Actor, offer: Offer, now: str) -> Offer:
    """Offer a draft: from here on its bytes never change, and any change is a new offer.

    Raises:
        NotGrantableError: nobody could grant this at present; names every problem.
    """
    permit(actor, RULES["change_draft"], [offer.drafted_by])
    states = current_states()
    states.load_tied([*map(names.work, offer.terms["works"]), *offer.terms["locators"]])
    content, requirement = frozen(offer.terms, offer.grant, states)
    pinned = [text.digest for text in content.texts]
    texts = frozenset(LicenceText.objects.filter(digest__in=pinned).values_list("digest", flat=True))
    check_grantable(content, requirement, rights_table(states), states, texts, now)
    needs = [
        Need(offer=offer, party=party, rights=sorted(requirement.rights_of(party))) for party in requirement.parties
    ]
    with transaction.atomic():
        move(offer, State.OFFERED, raw=content.encode(), digest=content.digest, lapse_at=content.lapse_at)
        Need.objects.bulk_create(needs)
    return offer
