"""Lists a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

from rest_framework.response import Response

from priorconsent.errors import MalformedError, NotFoundError

# Rows to a page; the queries of the other layers give no more at once.
MAX_ROWS: Final = 100
MAX_DIGITS: Final = 18

M = TypeVar("M")


def after(given: dict[str, str]) -> int:
    """The row to go on from; 0 for the first page.

    Raises:
        MalformedError: not a ``next`` that we gave.
    """
    text = given.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise MalformedError("after is the next of the page before", pointer="/after")
    return int(text)


def page(
    rows: Sequence[M], render: Callable[[Sequence[M]], Sequence[Any]], place: Callable[[M], int] = attrgetter("pk")
) -> Response:
    """One page: ``items``, and ``next`` to go on from, null on the last page.

    Args:
        place: what a page goes on from if this row is the last of the one before.
    """
    following = str(place(rows[-1])) if len(rows) >= MAX_ROWS else None
    return Response({"items": list(render(rows)), "next": following})


def found(row: M | None) -> M:
    """The row, which has to be there.

    Raises:
        NotFoundError: it is not.
    """
    if row is None:
        raise NotFoundError("there is no such record")
    return row
