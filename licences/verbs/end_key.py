"""A key ends; grants that may have been approved by a thief are suspended in the same batch."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from licences.models import Acceptance, Approval, Offer
from licences.states import State as Life
from priorconsent import names
from priorconsent.states import GrantState, State
from registry.actor import Actor
from registry.verbs.end_key import append_end, end_by_operator, end_by_statement, under_suspicion
from transparency.store import current_states

# A withdrawn grant permits until its notice is over.
_PERMITTING = (Life.ACTIVE, Life.SUSPENDED, Life.WITHDRAWN)


def end_key(actor: Actor, raw: bytes, now: str) -> None:
    """Take a ``key-end`` statement of the party; body ``{party, key, reason, suspect_from}``."""
    _end(*end_by_statement(actor, raw, now), now)


def end_key_by_operator(actor: Actor, *, party: str, key: str, reason: str, suspect_from: str | None, now: str) -> None:
    """End a key without its party's signature."""
    draft = end_by_operator(actor, party=party, key=key, reason=reason, suspect_from=suspect_from, now=now)
    _end(draft, {}, now)


def _end(draft: dict[str, Any], evidence: dict[str, bytes], now: str) -> None:
    with transaction.atomic():
        keys = under_suspicion(draft)
        # Whoever is about to issue one of these commits first, or finds the end of the key in the log before its grant.
        signed = [kind.objects.filter(key__in=keys).values("offer") for kind in (Approval, Acceptance)]
        list(Offer.objects.select_for_update().filter(Q(pk__in=signed[0]) | Q(pk__in=signed[1])).order_by("pk"))
        for kind in (Approval, Acceptance):
            kind.objects.filter(key__in=keys, offer__state=Life.OFFERED).update(void=True)
        suspensions = _suspensions(draft, keys, now)
        hit = Offer.objects.filter(grant__in=[one["grant"] for one in suspensions], state=Life.ACTIVE)
        hit.update(state=Life.SUSPENDED, reason="a key that approved it may have been in other hands")
        append_end(draft, evidence, keys, suspensions, now)


def _suspensions(draft: dict[str, Any], keys: list[str], now: str) -> list[dict[str, Any]]:
    """A suspension for each grant that was logged since the key is suspect, and approved under one of the keys.

    By the time of the log: the time in a statement is the word of whoever held the key.
    """
    since = draft["suspect_from"]
    if since is None:
        return []
    log = current_states()
    rows = Approval.objects.filter(key__in=keys, decision="approve", offer__state__in=_PERMITTING)
    return [
        {"t": "suspend", "grant": grant, "cause": "key", "party": draft["party"], "statement": None}
        for grant in rows.order_by("offer__grant").values_list("offer__grant", flat=True)
        if _is_suspect(log.state(names.grant(grant)), since, now)
    ]


def _is_suspect(state: State | None, since: str, now: str) -> bool:
    # A grant that waits for its place in the log comes before the end of the key, so it is suspended too.
    if not isinstance(state, GrantState):
        return True
    ended = any(entry.ends_at is not None and entry.ends_at <= now for entry in state.life)
    return state.life[0].time >= since and not ended
