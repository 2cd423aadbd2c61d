"""Signatures under an offer or for its end, kept as rows until an event cites them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from licences.models import Signature
from priorconsent.statements import Signed
from registry.statements import Received, still_counts
from transparency.store import DatabaseLedger


def columns(received: Received, now: str) -> dict[str, Any]:
    """What a row keeps of a statement."""
    return {
        "party": received.party,
        "key": received.statement.key,
        "digest": received.digest,
        "raw": received.raw,
        "not_after": received.statement.not_after or "",
        "void": False,
        "received_at": now,
    }


def counting(rows: Iterable[Signature], log: DatabaseLedger, now: str) -> dict[str, Signed]:
    """Those that an event could cite now, by party."""
    signed = [Signed(bytes(row.raw)) for row in rows]
    log.load_spent(one.digest for one in signed)
    return {one.statement.party: one for one in signed if still_counts(one, log, now)}
