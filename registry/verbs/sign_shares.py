"""A party signs a proposed share set; the last signature sends it to the log, as checked as it is by then."""

from __future__ import annotations

from django.db import transaction

from priorconsent.errors import ConflictError, MalformedError, NotAllowedError, NotFoundError
from priorconsent.shares import ShareSet as Document
from priorconsent.statements import Signed
from registry import share_sets
from registry.actor import Actor
from registry.models import ShareSet, SharesStatement
from registry.statements import Received, check_draft, receive, still_counts
from transparency.append import append


def sign_shares(actor: Actor, raw: bytes, now: str) -> ShareSet:
    """Take a ``shares`` statement; its body is ``share_sets.body_to_sign`` of the proposal.

    A party may sign again: its newest statement counts.
    """
    received = receive(actor, raw, "shares", now)
    with transaction.atomic():
        # Two last signatures in the same second must see each other, or neither would send.
        row = ShareSet.objects.select_for_update().filter(digest=received.statement.body.get("digest")).first()
        if row is None:
            raise NotFoundError("no such proposal", pointer="/body/digest")
        document = _check(row, received)
        needed = share_sets.signers(document, received.log)
        if received.party not in needed:
            raise NotAllowedError(
                "A share set is signed by the registrant first, later by every holder before and after."
            )
        _keep(row, received)
        if _send_if_complete(row, document, received, needed, now):
            row.state = ShareSet.State.SENT
    return row


def _check(row: ShareSet, received: Received) -> Document:
    """The document, if it is what was signed and could still be logged."""
    if row.state != ShareSet.State.PROPOSED:
        raise ConflictError(f"the share set is {row.state} already", pointer="/body/digest")
    document = share_sets.document_of(row)
    if received.statement.body != share_sets.body_to_sign(document):
        raise MalformedError("the body is not that of the proposal", pointer="/body")
    if share_sets.work_state(document.work, received.log).share_set != document.previous:
        raise ConflictError("another share set was logged meanwhile; propose anew", pointer="/body/previous")
    return document


def _keep(row: ShareSet, received: Received) -> None:
    signed = SharesStatement(share_set=row, party=received.party, digest=received.digest, raw=received.raw)
    SharesStatement.objects.bulk_create(
        [signed], update_conflicts=True, unique_fields=["share_set", "party"], update_fields=["digest", "raw"]
    )


def _send_if_complete(row: ShareSet, document: Document, received: Received, needed: frozenset[str], now: str) -> bool:
    """Append the event if every statement needed is there and would count now, as the one received does."""
    others = needed - {received.party}
    signed = [Signed(bytes(one.raw)) for one in row.statements.filter(party__in=others)] if others else []
    counting = [one for one in signed if still_counts(one, received.log, now)]
    if {one.statement.party for one in counting} != others:
        return False
    evidence = received.evidence | {one.digest: one.raw for one in counting}
    draft = {**share_sets.event_of(document, received.log), "statements": sorted(evidence)}
    check_draft(draft, received.statement.body, now)
    if ShareSet.objects.filter(pk=row.pk, state=ShareSet.State.PROPOSED).update(state=ShareSet.State.SENT) != 1:
        raise ConflictError("the share set was sent meanwhile")
    append(draft, evidence=evidence | {document.digest: bytes(row.document)})
    return True
