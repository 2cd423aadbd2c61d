"""A standing no ends. It permits nothing by itself."""

from __future__ import annotations

from django.db import transaction

from priorconsent.errors import ConflictError, MalformedError, NotFoundError
from registry.actor import Actor
from registry.models import RefusalRecord
from registry.statements import drafted, receive
from transparency.append import append


def end_refusal(actor: Actor, raw: bytes, now: str) -> RefusalRecord:
    """End a refusal.

    Args:
        raw: ``refusal-end`` statement by the party that refused; body ``{refusal, party}``.
    """
    received = receive(actor, raw, "refusal-end", now)
    draft = drafted(received, "refuse-end", now, statement=received.digest)
    if draft["party"] != received.party:
        raise MalformedError("a party ends its own refusals only", pointer="/body/party")
    row = RefusalRecord.objects.filter(urn=draft["refusal"], party=received.party).first()
    if row is None:
        raise NotFoundError("the party made no such refusal", pointer="/body/refusal")
    with transaction.atomic():
        if RefusalRecord.objects.filter(pk=row.pk, ended_at="").update(ended_at=now) != 1:
            raise ConflictError("the refusal has ended already", pointer="/body/refusal")
        append(draft, evidence=received.evidence)
    row.refresh_from_db()
    return row
