"""Lists of offers and grants; each takes the same few SQL queries whatever its length."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from licences.models import Licence, Offer
from licences.states import State
from registry.actor import Actor

MAX_ROWS = 100
# What the log shows to everybody anyway.
PUBLIC = (State.ACTIVE, State.SUSPENDED, State.WITHDRAWN, State.SUPERSEDED)


def offers(actor: Actor, *, states: Iterable[str] = State, after: int = 0) -> list[Offer]:
    """Offers that the actor has to do with: as author, holder or licensee; operators see all.

    Args:
        after: row id to go on from.
    """
    found = _whole(Offer.objects.filter(pk__gt=after, state__in=list(states)))
    return list(_seen_by(actor, found).order_by("pk")[:MAX_ROWS])


def offer(actor: Actor, grant: str) -> Offer | None:
    """One of them, by its grant id."""
    return _seen_by(actor, _whole(Offer.objects.filter(grant=grant))).first()


def grants(*, after: int = 0) -> list[Offer]:
    """Grants that got into the log, in order; they are public."""
    return list(_whole(_public().filter(pk__gt=after)).order_by("pk")[:MAX_ROWS])


def grant(urn: str) -> Offer | None:
    """One of them."""
    return _whole(_public().filter(grant=urn)).first()


def licences(*, after: int = 0) -> list[Licence]:
    """Licences with their texts."""
    return list(Licence.objects.filter(pk__gt=after).prefetch_related("texts").order_by("pk")[:MAX_ROWS])


def _public() -> QuerySet[Offer]:
    # A state without a token was set by hand.
    return Offer.objects.filter(state__in=PUBLIC, issued__digest__isnull=False)


def _seen_by(actor: Actor, found: QuerySet[Offer]) -> QuerySet[Offer]:
    if actor.role == "operator":
        return found
    if actor.party is None:
        return found.none()
    own = Q(drafted_by=actor.party) | (
        ~Q(state__in=[State.DRAFT, State.DISCARDED]) & (Q(licensee=actor.party) | Q(need_rows__party=actor.party))
    )
    return found.filter(own).distinct()


def _whole(found: QuerySet[Offer]) -> QuerySet[Offer]:
    return found.select_related("acceptance", "issued").prefetch_related("need_rows", "approvals", "withdrawals")
