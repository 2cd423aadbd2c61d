"""A work enters the log, claimed by its registrant."""

from __future__ import annotations

from django.db import transaction

from priorconsent import names
from priorconsent.errors import ConflictError, MalformedError, NotFoundError
from registry.actor import Actor
from registry.models import Work
from registry.statements import drafted, receive
from transparency.append import append


def register_work(actor: Actor, raw: bytes, now: str) -> Work:
    """Register a work that was added before.

    Args:
        raw: ``claim`` statement of the registrant; body ``{work, kind, party}``.
    """
    received = receive(actor, raw, "claim", now)
    draft = drafted(received, "work", now, statement=received.digest)
    work = Work.objects.select_related("registrant").filter(urn=draft["work"]).first()
    if work is None:
        raise NotFoundError("no such work; add it first, with a title", pointer="/body/work")
    if (draft["kind"], draft["party"], received.party) != (work.kind, work.registrant.urn, work.registrant.urn):
        raise MalformedError("kind or registrant differ from what was added", pointer="/body")
    if received.log.state(names.work(work.urn)) is not None:
        raise ConflictError("the work is registered already", pointer="/body/work")
    with transaction.atomic():
        # The WHERE clause is the lock: of two claims in the same second one waits for the log, never both.
        if Work.objects.filter(pk=work.pk, claim="").update(claim=received.digest) != 1:
            raise ConflictError("another claim of the work waits for its place in the log", pointer="/body/work")
        append(draft, evidence=received.evidence)
    return work
