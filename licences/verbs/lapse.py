"""Offers that can no longer become grants lapse: their time is over, or what they pin has changed."""

from __future__ import annotations

from licences.life import log_around, move, terms_of
from licences.models import Offer
from licences.states import State
from licences.terms import rights_table
from priorconsent.consent import required_by
from priorconsent.errors import ConflictError
from priorconsent.rights import RightsTable
from transparency.store import DatabaseLedger

TIME_OVER = "nobody is left waiting: the time to sign is over"
SHARES_CHANGED = "the holders or links of a work changed after the offer"
TABLE_CHANGED = "the rights table changed after the offer"


def lapse_offers(now: str) -> list[str]:
    """Let every dead offer lapse; may run at any time, and twice. Returns their grant ids."""
    offers = list(Offer.objects.filter(state=State.OFFERED).order_by("id"))
    log = log_around(*map(terms_of, offers))
    table = rights_table(log)
    lapsed = []
    for offer in offers:
        reason = cause_of_death(offer, table, log, now)
        if reason is not None and _lapse(offer, reason):
            lapsed.append(offer.grant)
    return lapsed


def cause_of_death(offer: Offer, table: RightsTable, log: DatabaseLedger, now: str) -> str | None:
    """Why an open offer is dead; ``None`` while it lives. A refusal only holds it up."""
    if offer.lapse_at <= now:
        return TIME_OVER
    terms = terms_of(offer)
    if terms.rights_table != table.digest:
        return TABLE_CHANGED
    if required_by(terms, table, log).share_sets != terms.share_sets:
        return SHARES_CHANGED
    return None


def _lapse(offer: Offer, reason: str) -> bool:
    try:
        move(offer, State.LAPSED, reason=reason)
    except ConflictError:
        return False
    return True
