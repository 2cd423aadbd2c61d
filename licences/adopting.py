"""The rows of grants in a log that was taken over: enough that they are shown, and ended as they were signed.

Drafts, open offers and licences were never in the log; they stay with who had them.
"""

from __future__ import annotations

from licences.follower import shown_by_log
from licences.models import Acceptance, Approval, Grant, Need, Offer
from licences.terms import DRAFTED
from priorconsent import events as ev
from priorconsent.grants import Token
from priorconsent.statements import Signed
from transparency.adopting import logged_events
from transparency.archive import DatabaseArchive
from transparency.store import DatabaseLedger


def make_rows() -> None:
    """Make the rows; within the transaction that takes over the log, after those of the registry."""
    log, archive = DatabaseLedger(), DatabaseArchive()
    for _, event in logged_events():
        # One that broke a rule is no grant.
        if isinstance(event, ev.GrantAdd) and not Offer.objects.filter(grant=event.grant).exists():
            _grant(event, log, archive)


def _grant(event: ev.GrantAdd, log: DatabaseLedger, archive: DatabaseArchive) -> None:
    token = Token(archive.token(event.digest))
    terms = token.offer.to_json()
    offer = Offer.objects.create(
        grant=event.grant,
        state=shown_by_log(event.grant, log),
        terms={name: terms[name] for name in sorted(DRAFTED)},
        drafted_at=event.time,
        licensee=token.offer.licensee.party or "",
        digest=event.offer,
        raw=archive.offer(event.offer),
        lapse_at=token.offer.lapse_at,
    )
    Grant.objects.create(
        offer=offer,
        credential=token.content.encode(),
        token=token.raw,
        digest=event.digest,
        issued_at=event.time,
    )
    for digest in token.cited("approval"):
        signed = _signed(digest, archive)
        if signed is not None:
            Need.objects.create(offer=offer, party=signed.statement.party, rights=list(signed.statement.rights))
            Approval.objects.create(offer=offer, decision="approve", **_columns(signed, event.time))
    for digest in token.cited("acceptance"):
        signed = _signed(digest, archive)
        if signed is not None:
            Acceptance.objects.create(offer=offer, decision="approve", **_columns(signed, event.time))


def _signed(digest: str, archive: DatabaseArchive) -> Signed | None:
    """A statement; ``None`` if it is erased: then its party withdraws by the operator's hand."""
    raw = archive.evidence(digest)
    return None if raw is None else Signed(raw)


def _columns(signed: Signed, at: str) -> dict[str, str | bytes]:
    return {
        "party": signed.statement.party,
        "key": signed.statement.key,
        "digest": signed.digest,
        "raw": signed.raw,
        "not_after": signed.statement.not_after or "",
        "received_at": at,
    }
