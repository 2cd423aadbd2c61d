"""Receipts over HTTP: given to whoever asks for one, after the answers were found sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rest_framework.request import Request

from api import wire
from api.access import by_key, has_key
from api.shapes import ReceiptWish
from priorconsent import canonical
from priorconsent.errors import MalformedError
from priorconsent.head import Head
from priorconsent.receipts import AnswerLeaf
from priorconsent.records import convert
from priorconsent.trust import Trust
from transparency import receipts

# Parameters of a question by GET that are not part of the question.
PARAMETERS: Final = ("receipt", "nonce")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a receipt will say about the request.

    Args:
        request: digest of what was asked.
        audience: the party whose API key came along.
    """

    request: str
    nonce: str | None
    audience: str | None


def wish_of_get(request: Request, given: Mapping[str, str]) -> Wish | None:
    """The wish among the parameters; ``None``: no receipt was asked for."""
    said = {name: given[name] for name in PARAMETERS if name in given}
    if said.get("receipt", "true") != "true":
        raise MalformedError("receipt is true, or left out", pointer="/receipt")
    wished = convert({**said, **({"receipt": True} if "receipt" in said else {})}, ReceiptWish)
    return _wish(request, wished, canonical.encode(dict(given)))


def wish_of_post(request: Request, wished: ReceiptWish) -> Wish | None:
    """The wish in a body; ``None``: no receipt was asked for."""
    return _wish(request, wished, wire.raw_body(request))


def _wish(request: Request, wished: ReceiptWish, asked: bytes) -> Wish | None:
    if not wished.receipt:
        if wished.nonce is not None:
            raise MalformedError("a nonce is for a receipt: ask for one", pointer="/nonce")
        return None
    # Who says by a key who asks wants that to stand in the receipt; without a key nobody does.
    audience = by_key(request, "read").party if has_key(request) else None
    return Wish(canonical.digest(asked), wished.nonce, audience)


def given(wish: Wish | None, leaves: Sequence[AnswerLeaf], head: Head, trust: Trust, now: str) -> dict[str, Any]:
    """What a reply says besides, if a receipt was asked for.

    Called after the reading ended well: nothing is signed that was read from a file which changed meanwhile.

    Args:
        head: of the map that was read.
    """
    if wish is None:
        return {}
    receipt = receipts.give(
        leaves, request=wish.request, nonce=wish.nonce, audience=wish.audience, head=head, trust=trust, now=now
    )
    return {"receipt": receipt.decode(), "answers": list(leaves)}
