"""Signatures under an offer or for its end, kept as rows until an event cites them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from licences.models import Signature
from priorconsent.errors import MalformedError, NotFoundError, PriorConsentError
from priorconsent.keys import Keyset
from priorconsent.statements import Signed
from registry.statements import Received, record_on_file, still_counts
from transparency.alarms import DATABASE_CHANGED, raise_alarm
from transparency.store import DatabaseLedger, keyset


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


def counting(rows: Iterable[Signature], subject: str, log: DatabaseLedger, now: str) -> dict[str, Signed]:
    """Those that an event could cite now, by party.

    A row was verified when it came in; here it is verified again, for in between anybody with SQL could write one.

    Args:
        subject: digest of what they agree to, or end.
    """
    in_force = keyset(log)
    signed = [one for row in rows for one in _as_taken_in(row, subject, in_force, now)]
    log.load_spent(one.digest for one in signed)
    return {one.statement.party: one for one in signed if still_counts(one, log, now)}


def _as_taken_in(row: Signature, subject: str, keyset: Keyset, now: str) -> Iterator[Signed]:
    """The statement of a row; nothing but an alarm if the row is not what a verb stored."""
    try:
        signed = Signed(bytes(row.raw))
        statement = signed.statement
        told = (signed.digest, statement.party, statement.key, statement.subject, statement.decision or "approve")
        if told != (row.digest, row.party, row.key, subject, "approve"):
            raise MalformedError("the row and its statement differ")
        signed.verify(record_on_file(statement.key), keyset, row.received_at)
    except NotFoundError:
        # The key record was erased since: nobody can verify the statement any more, so nobody relies on it.
        return
    except PriorConsentError as error:
        raise_alarm(now, DATABASE_CHANGED, f"the signature {row.digest} of {row.party} was changed: {error}")
    else:
        yield signed
