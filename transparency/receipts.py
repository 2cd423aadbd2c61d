"""Receipts that the registry gives, of which it keeps nothing but a digest, and that only until the log has it.

1. ``give`` signs, and stores the digest before anybody sees the receipt.
2. ``anchor_due`` takes the digests of an hour together into one list and leaves the draft of an ``anchor`` event, in
   one transaction.
3. Once that event is logged the digests go; if it is refused they wait for the next list.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import uuid4

from django.db import transaction

from priorconsent import canonical, freshness, receipts, times
from priorconsent.head import Head
from priorconsent.receipts import AnswerLeaf, Receipt
from priorconsent.trust import Trust
from transparency.alarms import raise_alarm
from transparency.append import append
from transparency.models import GivenReceipt, Pending
from transparency.signers import in_force
from transparency.store import keyset

OVERDUE = "receipts_overdue"
# How far the clocks of those who give receipts may be ahead of the one that dates events.
CLOCKS_DIFFER_S = 300
ID_BYTES = 16


def give(
    leaves: Sequence[AnswerLeaf],
    *,
    request: str,
    nonce: str | None,
    audience: str | None,
    head: Head,
    trust: Trust,
    now: str,
) -> bytes:
    """A receipt for answers from a published map.

    Args:
        request: digest of what was asked.
        head: of that map.
    """
    point = head.checkpoint
    # The sequencer's clock may be a little ahead of this machine's, and no receipt is older than its map.
    issued_at = max(now, head.map_root.time)
    receipt = Receipt(
        v=1,
        registry=trust.registry,
        id=canonical.to_base64url(secrets.token_bytes(ID_BYTES)),
        audience=audience,
        request=request,
        nonce=nonce,
        issued_at=issued_at,
        fresh_until=receipts.fresh_until(issued_at, leaves, freshness.fresh_until(head, trust)),
        checkpoint=receipts.Mark(origin=point.origin, root=f"sha256:{point.root.hex()}", size=point.size),
        engine=receipts.ENGINE,
        answers=receipts.answers_of(leaves),
    )
    key = in_force("receipt", keyset(), issued_at)[0]
    raw = receipts.sign(receipt, key.kid, key.sign)
    # Before it is handed out: a crash after this line leaves a digest in the list that nobody can ask about.
    GivenReceipt.objects.create(digest=canonical.digest(raw), issued_at=issued_at)
    return raw


def anchor_due(now: str) -> None:
    """Leave an anchor for all receipts, if the oldest has waited for an hour; safe in any number of processes."""
    _settle()
    due = times.plus(now, -receipts.ANCHOR_EVERY_S)
    while GivenReceipt.objects.filter(unit=None, issued_at__lte=due).exists():
        with transaction.atomic():
            _anchor_some(times.plus(now, -CLOCKS_DIFFER_S))


def watch(now: str) -> None:
    """Raise an alarm for receipts that the log should know of, and does not."""
    _settle()
    overdue = GivenReceipt.objects.filter(issued_at__lt=times.plus(now, -receipts.ANCHOR_OVERDUE_S))
    oldest = overdue.order_by("issued_at").first()
    if oldest is not None:
        raise_alarm(now, OVERDUE, f"receipts since {oldest.issued_at} are not anchored")


def _anchor_some(until: str) -> None:
    # Not those of this moment: an anchor that is dated before a receipt proves nothing about it.
    waiting = GivenReceipt.objects.filter(unit=None, issued_at__lte=until).order_by("issued_at")
    # Claimed first and read afterwards: what another process claims meanwhile is not in this list.
    claim = uuid4()
    oldest = waiting.values("digest")[: receipts.MAX_LISTED]
    GivenReceipt.objects.filter(digest__in=oldest, unit=None).update(unit=claim)
    digests = list(GivenReceipt.objects.filter(unit=claim).values_list("digest", flat=True))
    if not digests:
        return
    listed = receipts.write_list(digests)
    anchored = receipts.list_digest(listed)
    draft = {"t": "anchor", "kind": "receipts", "digest": anchored, "party": None, "statement": None}
    row = append(draft, blobs={anchored: listed})
    GivenReceipt.objects.filter(unit=claim).update(unit=row.unit)


def _settle() -> None:
    """Forget the receipts whose anchor is logged, and let those whose anchor was refused wait anew."""
    for claimed in GivenReceipt.objects.exclude(unit=None).values("unit").distinct():
        rows = GivenReceipt.objects.filter(**claimed)
        match Pending.objects.filter(**claimed).values_list("state", flat=True).first():
            case Pending.State.LOGGED:
                rows.delete()
            case Pending.State.PENDING:
                continue
            case _:
                # Refused, or taken away by hand: the alarms tell, and the receipts were given all the same.
                rows.update(unit=None)
