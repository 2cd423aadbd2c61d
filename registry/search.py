"""Works found by what people type. It decides nothing: who found a work has not asked yet what is permitted.

Better matches come first (``MATCHES``), among those the works with shorter main titles, then those added first. Nothing
is ever cut off: each page goes on where the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from priorconsent.errors import MalformedError
from registry import search_keys
from registry.search_keys import EDGE, Needle
from registry.search_sql import Groups, select

MAX_CHARACTERS: Final = 1000
MAX_WORDS: Final = 8
# Some title of the work is the text; begins with it; has it somewhere; the titles have each word of it somewhere.
MATCHES: Final = ("whole", "beginning", "part", "words")
WHOLE, BEGINNING, PART, WORDS = range(len(MATCHES))
# Before an entry's id stands the number of its match, so that one number says where a page ends.
_PLACES: Final = 10**16


class Hit(NamedTuple):
    """A work that was found.

    Args:
        place: the next page goes on from here, if this is the last hit of its page.
        work: primary key.
        match: one of ``MATCHES``.
    """

    place: int
    work: int
    match: str


class _Sought(NamedTuple):
    """What a title must have, to be the text, to begin with it, and so on; empty: nothing is."""

    whole: Groups
    beginning: Groups
    part: Groups
    words: Groups


def find(text: str, limit: int, after: int = 0) -> list[Hit]:
    """A page of the works that a text leads to.

    Args:
        text: as somebody typed it; no character in it means more than itself.
        after: ``place`` of the last hit before; 0 for the first page.

    Raises:
        MalformedError: nothing to look for, or too much.
    """
    sought = _sought(text)
    # Most texts have fewer matches than a page, and one look finds them; a common one has not looked far then.
    few = [_hit(*row) for row in select(sought.part, limit, whole=sought.whole, beginning=sought.beginning)]
    if len(few) < limit:
        found = sorted((hit for hit in few if hit.place > after), key=attrgetter("place"))
        return _filled(found, [WORDS], sought, limit, after)
    return _filled([], range(len(MATCHES)), sought, limit, after)


def _filled(found: list[Hit], ranks: Sequence[int], sought: _Sought, limit: int, after: int) -> list[Hit]:
    """What was found, and what else there is, rank by rank, until the page is full."""
    first, after_id = divmod(after, _PLACES)
    for rank in ranks:
        if sought[rank] and rank >= first and len(found) < limit:
            better = sought[rank - 1] if rank else ()
            rows = select(sought[rank], limit - len(found), after_id if rank == first else 0, without=better)
            found = found + [_hit(entry, work, rank) for entry, work, _ in rows]
    return found


def _hit(entry: int, work: int, rank: int) -> Hit:
    return Hit(rank * _PLACES + entry, work, MATCHES[rank])


def _sought(text: str) -> _Sought:
    needles = _needles(text)
    whole, beginning, part = ([list(anchored)] for anchored in _anchored(needles))
    words = [found for word in text.split() if (found := search_keys.needles(word))]
    return _Sought(whole, beginning, part, words[:MAX_WORDS] if len(words) > 1 else ())


def _anchored(needles: Sequence[Needle]) -> Iterator[Iterator[Needle]]:
    """The needles for a whole title, for its beginning, and for any part of it."""
    yield (Needle(f"{EDGE}{needle.text}{EDGE}") for needle in needles)
    yield (Needle(f"{EDGE}{needle.text}", before=needle.before) for needle in needles)
    yield iter(needles)


def _needles(text: str) -> Sequence[Needle]:
    if len(text) > MAX_CHARACTERS:
        raise MalformedError(f"at most {MAX_CHARACTERS} characters are looked for", pointer="/q")
    needles = search_keys.needles(text)
    if not needles:
        raise MalformedError("say what to look for: part of a title", pointer="/q")
    return needles
