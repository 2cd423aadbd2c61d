"""A reply with a receipt, as it was saved: what it signs, and that it says nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from priorconsent import canonical, receipts
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.receipts import AnswerLeaf

# A thousand answers with the longest URLs, and what stands beside them.
MAX_REPLY_BYTES = 32 << 20

Reply = tuple[bytes, tuple[AnswerLeaf, ...]]


def read_reply(raw: bytes) -> Reply:
    """The receipt and the leaves of a reply to one question or to many.

    Raises:
        MalformedError: no such reply.
        NotTrustedError: the reply says something else than the leaves that were signed.
    """
    value = canonical.parse(raw, max_bytes=MAX_REPLY_BYTES)
    if not isinstance(value, dict) or not isinstance(value.get("receipt"), str):
        raise MalformedError(
            'a reply without a receipt; it comes to a question with "receipt": true', pointer="/receipt"
        )
    leaves = receipts.read_leaves(value.get("answers"))
    told = value.get("decisions", [value])
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise MalformedError("decisions are a list of answers", pointer="/decisions")
    if [_of_reply(one) for one in told] != [_of_leaf(leaf) for leaf in leaves]:
        raise NotTrustedError("the reply says something else than what was signed: believe neither")
    return value["receipt"].encode("utf-8", "surrogatepass"), leaves


def read_answers(raw: bytes) -> tuple[AnswerLeaf, ...]:
    """The leaves alone: a JSON list of them.

    Raises:
        MalformedError: no such list.
    """
    return receipts.read_leaves(canonical.parse(raw, max_bytes=MAX_REPLY_BYTES))


def _of_reply(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(told.get(member) for member in ("verdict", "reason", "works", "grants", "binding", "until"))


def _of_leaf(leaf: AnswerLeaf) -> tuple[Any, ...]:
    grants = [grant.id for grant in leaf.grants]
    return leaf.verdict, leaf.reason, list(leaf.works), grants, leaf.binding, leaf.until
