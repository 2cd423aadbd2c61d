"""Somebody writes down what might be granted. A draft binds nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from licences import terms as drafting
from licences.models import Licence, Offer
from licences.policy import RULES
from licences.verbs.add_licence import pins
from priorconsent import names
from priorconsent.states import WorkState
from registry import ids
from registry.actor import Actor
from registry.policy import permit
from transparency.store import DatabaseLedger, current_states


def draft(actor: Actor, terms: Mapping[str, Any], now: str, licence: Licence | None = None) -> Offer:
    """Draft an offer.

    Args:
        terms: members of the offer; what is not told comes from the licence.
        licence: whose terms and texts it starts from.
    """
    base = {**licence.terms, "texts": pins(licence)} if licence else {}
    whole = drafting.tidied({**base, **terms})
    permit(actor, RULES["offer"], _holders(whole["works"], current_states()))
    return Offer.objects.create(
        grant=ids.new_record(),
        terms=whole,
        licence=licence,
        drafted_by=actor.party or "",
        drafted_at=now,
        licensee=whole["licensee"]["party"] or "",
    )


def _holders(works: list[str], states: DatabaseLedger) -> set[str]:
    states.load(map(names.work, works))
    found = [states.state(names.work(work)) for work in works]
    return {holder.party for work in found if isinstance(work, WorkState) for holder in work.holders}
