"""A holder approves an offer, or declines it for good."""

from __future__ import annotations

from django.db import transaction

from licences.life import move, offer_by_digest, require_state, terms_of
from licences.models import Approval, Offer
from licences.policy import APPROVERS_ONLY
from licences.signatures import columns
from licences.states import State
from priorconsent import names
from priorconsent.errors import ConflictError, NotAllowedError, RuleError
from priorconsent.replay import check_issue
from registry.actor import Actor
from registry.statements import Received, receive
from transparency.archive import DatabaseArchive
from transparency.store import keyset


def approve_offer(actor: Actor, raw: bytes, now: str) -> Offer:
    """Take an ``approval`` statement; its subject is the offer digest.

    One approval a party and offer. A decline, also one after an approval, ends the offer; an approval that
    no longer counts, because its key ended or it lapsed, may be given again.
    """
    received = receive(actor, raw, "approval", now)
    offer = offer_by_digest(received.statement.subject)
    require_state(offer, State.OFFERED)
    rights = offer.needs.get(received.party)
    if rights is None:
        raise NotAllowedError(APPROVERS_ONLY)
    if received.statement.decision == "decline":
        return _decline(offer, received, now)
    missing = sorted(set(rights) - set(received.statement.rights))
    if missing:
        raise RuleError(
            f"the approval has to name all rights concerned; missing: {', '.join(missing)}", pointer="/rights"
        )
    terms = terms_of(offer)
    received.log.load_tied(map(names.work, terms.works))
    check_issue(terms, now, keyset(received.log).registry_id, received.log, DatabaseArchive())
    with transaction.atomic():
        # The lock keeps a decline out until this approval is stored, and finds one that came first.
        offer = Offer.objects.select_for_update().get(pk=offer.pk)
        require_state(offer, State.OFFERED)
        earlier = offer.approvals.filter(party=received.party).first()
        if earlier is not None and earlier.counts(now):
            raise ConflictError("this party has approved the offer already")
        _store(offer, received, now)
    return offer


def _decline(offer: Offer, received: Received, now: str) -> Offer:
    with transaction.atomic():
        move(offer, State.DECLINED, reason=f"declined by {received.party}")
        _store(offer, received, now)
    return offer


def _store(offer: Offer, received: Received, now: str) -> None:
    told = columns(received, now) | {"decision": received.statement.decision}
    Approval.objects.update_or_create(offer=offer, party=received.party, defaults=told)
