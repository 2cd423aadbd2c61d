"""One step in the life of a grant: a compare-and-swap on its state."""

from __future__ import annotations

from licences.models import Offer
from licences.states import State, may_follow
from priorconsent import names
from priorconsent.consent import States
from priorconsent.errors import ConflictError, NotFoundError
from priorconsent.offers import Offer as Terms
from priorconsent.states import GrantState
from transparency.store import DatabaseLedger, current_states


def move(offer: Offer, to: State, **members: object) -> None:
    """Move an offer on from the state in which the caller read it; a reason told before is gone.

    Call it in the transaction that stores or appends what goes with the step.

    Raises:
        ConflictError: the table does not allow the step, or somebody else made another one meanwhile.
    """
    before = State(offer.state)
    if not may_follow(before, to):
        raise ConflictError(f"the offer is {before}; it cannot become {to}")
    # The WHERE clause is the lock, on SQLite and PostgreSQL alike.
    if Offer.objects.filter(pk=offer.pk, state=before).update(**{"state": to, "reason": "", **members}) != 1:
        raise ConflictError("somebody else moved the offer on meanwhile")
    offer.refresh_from_db()


def offer_by_grant(grant: str) -> Offer:
    """The row of a grant id, whatever its state."""
    row = Offer.objects.filter(grant=grant).first()
    if row is None:
        raise NotFoundError("no such offer or grant")
    return row


def offer_by_digest(digest: str) -> Offer:
    """The row of an offer digest."""
    row = Offer.objects.filter(digest=digest).first()
    if row is None:
        raise NotFoundError("no such offer", pointer="/subject")
    return row


def terms_of(row: Offer) -> Terms:
    """The frozen offer, read from the very bytes that are signed."""
    if row.raw is None:
        raise ConflictError("the draft has not been offered yet")
    return Terms.parse(bytes(row.raw))


def log_around(*offers: Terms) -> DatabaseLedger:
    """The newest map, with everything that these offers are judged by read at once."""
    log = current_states()
    works = {names.work(work) for terms in offers for work in terms.works}
    licensees = {names.party(terms.licensee.party) for terms in offers if terms.licensee.party}
    log.load_tied([names.KEYSET, names.RIGHTS_TABLE, *works, *licensees])
    return log


def logged_grant(grant: str, states: States) -> GrantState:
    """The logged state of a grant.

    Raises:
        ConflictError: not in the log (yet).
    """
    state = states.state(names.grant(grant))
    if not isinstance(state, GrantState):
        raise ConflictError("the grant is not in the log yet; try again after the next checkpoint")
    return state


def require_state(row: Offer, *states: State) -> None:
    """Refuse politely before any work is done; ``move`` refuses for good."""
    if row.state not in states:
        raise ConflictError(f"the offer is {row.state}")
