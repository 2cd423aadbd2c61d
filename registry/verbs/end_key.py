"""A key ends, by a signed statement or by an operator; forward only, never for what was logged before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from priorconsent import names
from priorconsent.errors import ConflictError, MalformedError
from priorconsent.states import PartyState
from registry.actor import Actor
from registry.models import Party, PartyKeyRecord
from registry.policy import RULES, permit
from registry.statements import check_event, drafted, receive
from transparency.append import MAX_UNIT_EVENTS, append, append_all
from transparency.bulk import chunks
from transparency.store import current_states

# A closed list, since the log shows it to everybody and for ever: no room for a name.
REASONS = frozenset({"closed", "lost", "replaced", "stolen"})

# With the end of the key itself.
SUSPENSIONS_AT_ONCE = MAX_UNIT_EVENTS - 1


def end_by_statement(actor: Actor, raw: bytes, now: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The event that a ``key-end`` statement asks for, and its evidence; nothing is stored yet."""
    received = receive(actor, raw, "key-end", now)
    draft = drafted(received, "party-key-end", now, statement=received.digest)
    if draft["party"] != received.party:
        raise MalformedError("a party ends its own keys only", pointer="/body/party")
    _check_draft(draft)
    return draft, received.evidence


def end_by_operator(
    actor: Actor, *, party: str, key: str, reason: str, suspect_from: str | None, now: str
) -> dict[str, Any]:
    """The event by which an operator ends a key; nothing is stored yet.

    Args:
        reason: one of ``REASONS``.
        suspect_from: since when the key may have been in other hands.
    """
    permit(actor, RULES["end_key_unsigned"])
    draft = {
        "t": "party-key-end",
        "party": party,
        "key": key,
        "reason": reason,
        "suspect_from": suspect_from,
        "statement": None,
    }
    check_event(draft, now)
    _check_draft(draft)
    return draft


def under_suspicion(draft: Mapping[str, Any]) -> list[str]:
    """The key that ends and, if it is suspect, the keys that it vouched for since then, and they in turn.

    Whoever had the key in hands could bind another one with it, sign with that, and end it to look innocent. Call it
    in the transaction that ends them: until then no key of the party is bound.
    """
    keys = [draft["key"]]
    if draft["suspect_from"] is None:
        return keys
    # Who binds a key waits for the same row. What is bound after that comes after the end in the log too, which takes
    # no word of a key that has ended.
    Party.objects.select_for_update().get(urn=draft["party"])
    for key in keys:
        vouched = PartyKeyRecord.objects.filter(bound_by=key, received_at__gte=draft["suspect_from"])
        keys += sorted(set(vouched.values_list("key", flat=True)).difference(keys))
    return keys


def append_end(
    draft: dict[str, Any],
    evidence: dict[str, bytes],
    keys: Sequence[str],
    suspensions: Sequence[dict[str, Any]],
    now: str,
) -> None:
    """Append the end of a key with the suspensions that follow, and the ends of those that fall with it.

    Args:
        keys: as of ``under_suspicion``.
    """
    party = current_states().state(names.party(draft["party"]))
    # One that still waits for its place in the log is bound before this unit ends it.
    ended = {key.key for key in party.keys if key.until is not None} if isinstance(party, PartyState) else set()
    *earlier, last = [*chunks(suspensions, SUSPENSIONS_AT_ONCE)] or [[]]
    with transaction.atomic():
        # More of them than one unit takes come before the end: what waits for the log is never longer alive for it.
        for some in earlier:
            append_all(some)
        append_all([draft, *last], evidence=evidence, received_at=now)
        # A unit each: one that waits may yet be refused, and must not take the end of the stolen key with it.
        for key in keys:
            if key != draft["key"] and key not in ended:
                append(draft | {"key": key, "statement": None})


def _check_draft(draft: dict[str, Any]) -> None:
    if draft["reason"] not in REASONS:
        raise MalformedError(f"a key ends as one of {', '.join(sorted(REASONS))}", pointer="/body/reason")
    party = current_states().state(names.party(draft["party"]))
    key = party.key(draft["key"]) if isinstance(party, PartyState) else None
    if key is None or key.until is not None:
        raise ConflictError("no such key in force", pointer="/key")
