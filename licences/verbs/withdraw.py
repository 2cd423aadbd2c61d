"""Holders end a grant as its terms say: any of them or all together, forward, after the notice agreed."""

from __future__ import annotations

from django.db import transaction

from licences.life import move, require_state, terms_of
from licences.models import Grant, Offer, Withdrawal
from licences.policy import WITHDRAWERS_ONLY
from licences.signatures import columns, counting
from licences.states import State
from priorconsent.errors import NotAllowedError, NotFoundError
from priorconsent.statements import Signed
from registry.actor import Actor
from registry.statements import receive
from transparency.append import append


def withdraw_grant(actor: Actor, raw: bytes, now: str) -> Offer:
    """Take a ``withdrawal`` statement; its subject is the grant digest.

    With terms that ask for all holders, it waits for the others, and is acknowledged when the last one comes.
    """
    received = receive(actor, raw, "withdrawal", now)
    issued = Grant.objects.select_related("offer").filter(digest=received.statement.subject).first()
    if issued is None:
        raise NotFoundError("no such grant", pointer="/subject")
    require_state(issued.offer, State.ACTIVE, State.SUSPENDED)
    approvers = set(issued.offer.needs)
    if received.party not in approvers:
        raise NotAllowedError(WITHDRAWERS_ONLY)
    needed = approvers if terms_of(issued.offer).withdrawal.by == "all" else {received.party}
    with transaction.atomic():
        # Two last signatures in the same second must see each other, or neither would end the grant.
        offer = Offer.objects.select_for_update().get(pk=issued.offer_id)
        Withdrawal.objects.update_or_create(offer=offer, party=received.party, defaults=columns(received, now))
        given = counting(offer.withdrawals.filter(party__in=needed), received.statement.subject, received.log, now)
        if set(given) == needed:
            _end(offer, given, now)
    return offer


def _end(offer: Offer, given: dict[str, Signed], now: str) -> None:
    move(offer, State.WITHDRAWN)
    draft = {
        "t": "withdraw",
        "grant": offer.grant,
        "parties": sorted(given),
        "statements": sorted(one.digest for one in given.values()),
    }
    append(draft, evidence={one.digest: one.raw for one in given.values()}, received_at=now)
