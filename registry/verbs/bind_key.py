"""A key is bound to a party: proved by the new key itself and, if there is one, by an earlier key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from priorconsent.errors import ConflictError, MalformedError, NotFoundError, RuleError
from priorconsent.keys import KeyRecord, read_key_record
from priorconsent.statements import Signed
from registry.actor import Actor
from registry.models import Party, PartyKeyRecord
from registry.policy import RULES, permit
from registry.statements import Received, drafted, receive, receive_by_new_key
from transparency.append import append


def bind_key(actor: Actor, record: bytes, statements: Sequence[bytes], now: str) -> PartyKeyRecord:
    """Bind a key.

    A first key, or one that no earlier key vouches for, widens only after the registry's delay.

    Args:
        record: canonical bytes of the key record; erasable, never logged.
        statements: ``key`` statements with the same body: one by the new key, one by the key that
            ``bound_by`` names, if it names one.
    """
    key_record = read_key_record(record)
    party = _party(key_record)
    received = _receive(actor, key_record, statements, now)
    body = received[0].statement.body
    draft = drafted(received[0], "party-key", now, statements=sorted(one.digest for one in received))
    _check_body(body, key_record, len(received), received[-1])
    if body["bound_by"] is None:
        permit(actor, RULES["bind_first_key"], [party.urn])
    with transaction.atomic():
        # A key that falls takes those with it that it vouched for: whoever ends it waits for this row, or came first.
        Party.objects.select_for_update().get(pk=party.pk)
        row, created = PartyKeyRecord.objects.get_or_create(
            key=key_record.key_id,
            defaults={
                "party": party,
                "record": record,
                "bound_by": body["bound_by"] or "",
                "received_at": now,
            },
        )
        if not created:
            raise ConflictError("the key is bound already", pointer="/key")
        evidence = {key_record.key_id: record} | {one.digest: one.raw for one in received}
        append(draft, evidence=evidence)
    return row


def _party(record: KeyRecord) -> Party:
    party = Party.objects.filter(urn=record.party).first()
    if party is None:
        raise NotFoundError("no such party", pointer="/party")
    if party.kind == "committee":
        raise RuleError("a committee never signs, so it has no keys: its members do", pointer="/party")
    return party


def _receive(actor: Actor, record: KeyRecord, raws: Sequence[bytes], now: str) -> list[Received]:
    """The statement by the new key first, then the one by an earlier key."""
    own = [raw for raw in raws if Signed(raw).statement.key == record.key_id]
    earlier = [raw for raw in raws if raw not in own]
    if len(own) != 1 or len(earlier) > 1:
        raise MalformedError("expected one statement by the new key, and one by an earlier key at most")
    by_new = receive_by_new_key(actor, own[0], record, now)
    return [by_new, *(receive(actor, raw, "key", now) for raw in earlier)]


def _check_body(body: dict[str, Any], record: KeyRecord, count: int, last: Received) -> None:
    expected = {
        "party": record.party,
        "key": record.key_id,
        "method": record.method,
        "bound_by": last.statement.key if count > 1 else None,
    }
    if body != expected or last.statement.body != body:
        raise MalformedError(
            "the statements are not about this key, this party and the key that vouches", pointer="/body"
        )
