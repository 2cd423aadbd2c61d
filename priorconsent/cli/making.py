"""What every statement has that is made here: who, when, for how long."""

from __future__ import annotations

import secrets
from typing import Any, Final

from priorconsent import canonical, statements
from priorconsent.keys import KeyRecord
from priorconsent.records import convert

VALID_S: Final = 30 * 86400


def statement_of(
    kind: str, record: KeyRecord, content: dict[str, Any], now: str, lapses: str, decision: str = "approve"
) -> statements.Statement:
    """A statement by the party whose key record this is.

    Args:
        content: its subject, and its body or the rights that it answers for.
        lapses: when it lapses, if its type does.
        decision: if its type decides.

    Raises:
        MalformedError: no such statement.
    """
    return convert(
        {
            "v": 1,
            "type": kind,
            "registry": record.registry,
            "party": record.party,
            "by": record.party,
            "key": record.key_id,
            "decision": decision if kind in statements.DECIDING else None,
            "shown": None,
            "at": now,
            "not_after": lapses if kind in statements.WIDENING else None,
            "nonce": canonical.to_base64url(secrets.token_bytes(16)),
            "rights": [],
            "body": {},
            **content,
        },
        statements.Statement,
    )


def about(body: dict[str, Any]) -> dict[str, Any]:
    """The content of a statement about a body of its own."""
    return {"subject": canonical.digest(canonical.encode(body)), "body": body}
