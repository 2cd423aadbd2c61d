"""A standing no: at once against new offers, open ones and public grants."""

from __future__ import annotations

from django.db import transaction

from priorconsent import vocabulary as words
from priorconsent.errors import ConflictError, MalformedError
from registry.actor import Actor
from registry.models import RefusalRecord
from registry.statements import drafted, receive
from transparency.append import append


def refuse(actor: Actor, raw: bytes, now: str) -> RefusalRecord:
    """Record a refusal.

    Nobody asks whether the party holds anything yet: a no is quick, and harmless where it meets nothing.

    Args:
        raw: ``refusal`` statement; body ``{refusal, party, vendors, works, uses}``.
    """
    received = receive(actor, raw, "refusal", now)
    draft = drafted(received, "refuse", now, statement=received.digest)
    if draft["party"] != received.party:
        raise MalformedError("a party refuses for itself", pointer="/body/party")
    for member in ("vendors", "works", "uses"):
        if not draft[member] or (words.ANY in draft[member] and len(draft[member]) > 1):
            raise MalformedError('expected a list, or "*" alone', pointer=f"/body/{member}")
    with transaction.atomic():
        row, created = RefusalRecord.objects.get_or_create(
            urn=draft["refusal"],
            defaults={
                "party": received.party,
                "vendors": draft["vendors"],
                "works": draft["works"],
                "uses": draft["uses"],
                "received_at": now,
            },
        )
        if not created:
            raise ConflictError("a refusal of this id was made before", pointer="/body/refusal")
        append(draft, evidence=received.evidence, received_at=now)
    return row
