"""A party says that a file, a place or a number stands for a work, or no longer does."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from priorconsent import names
from priorconsent.errors import MalformedError, NotAllowedError, NotFoundError
from priorconsent.states import AliasState, WorkState
from registry import evidence, identifiers
from registry.actor import Actor
from registry.statements import drafted, receive
from transparency.append import append


def claim_name(actor: Actor, raw: bytes, now: str) -> dict[str, Any]:
    """Claim a name, at E0 or at the level of an operator's recorded check.

    Args:
        raw: ``claim`` statement of a holder (before the first share set: of the registrant); body
            ``{name, work, party, ended}``. The name must be in its canonical spelling already,
            since what is signed is never changed.

    Returns:
        The event as it waits for its place in the log.
    """
    received = receive(actor, raw, "claim", now)
    body = received.statement.body
    name, work, party = (str(body.get(member)) for member in ("name", "work", "party"))
    level = evidence.of_name(party, work, name)
    draft = drafted(received, "alias", now, level=level, statement=received.digest)
    if party != received.party:
        raise MalformedError("a party claims for itself", pointer="/body/party")
    names.check_alias(name)
    if names.kind_of(name) == "id":
        identifiers.check_name(name)
    state = received.log.state(names.work(work))
    if not isinstance(state, WorkState):
        raise NotFoundError("the work is not registered", pointer="/body/work")
    if not state.speaks(party):
        raise NotAllowedError("Names are claimed by holders of the work, before them by its registrant.")
    if draft["ended"] and not _claimed(received.log.state(name), work, party):
        raise NotFoundError("there is no such claim to end", pointer="/body/name")
    with transaction.atomic():
        append(draft, evidence=received.evidence)
    return draft


def _claimed(alias: object, work: str, party: str) -> bool:
    claims = alias.claims if isinstance(alias, AliasState) else ()
    return any((claim.work, claim.party) == (work, party) for claim in claims)
