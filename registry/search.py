"""Works found by what people type. It decides nothing: who found a work has not asked yet what is permitted.

Better matches come first (``MATCHES``), among those the works with shorter main titles, then those added first. Nothing
is ever cut off: each page goes on where the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from django.db import connection

from priorconsent.errors import MalformedError
from registry import search_keys
from registry.search_entries import MAX_LENGTH, WORK_BITS, number
from registry.search_keys import EDGE, Needle

MAX_CHARACTERS: Final = 1000
MAX_WORDS: Final = 8
# Some title of the work is the text; begins with it; has it somewhere; the titles have each word of it somewhere.
MATCHES: Final = ("whole", "beginning", "part", "words")
# Lengths of main titles at which PostgreSQL goes on to the next part of the table, as the migration made them.
LENGTHS: Final = (0, 5, 6, 7, 8, 9, 10, 11, 13, 15, 18, 22, 28, 41, MAX_LENGTH + 1)
# Before an entry's id stands the number of its match, so that one number says where a page ends.
_PLACES: Final = 10**16

# FTS5 gives its rows in the order of their ids, and makes no more of them than are wanted.
_BY_FTS5: Final = (
    "SELECT id, work_id FROM registry_searchgrams AS near CROSS JOIN registry_searchentry ON id = near.rowid"
    " WHERE registry_searchgrams MATCH %s AND near.rowid > %s AND {condition} ORDER BY near.rowid LIMIT %s"
)
# One part of the table. OFFSET 0: by this index alone, and what it finds is compared afterwards.
_BY_GIN: Final = (
    "(SELECT id, work_id FROM (SELECT id, work_id, keys FROM registry_searchentry_{low} WHERE {near} OFFSET 0) AS near"
    " WHERE id > %s AND {condition} ORDER BY id LIMIT %s)"
)
_HOLDS: Final = {"sqlite": "instr(keys, %s) > 0", "postgresql": "strpos(keys, %s) > 0"}
_FITS: Final = {"sqlite": "keys REGEXP %s", "postgresql": "keys ~ %s"}

# Of every group an entry must have one needle at least.
Groups = Sequence[Sequence[Needle]]
# A piece of SQL, and the values that go beside it.
Sql = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A work that was found.

    Args:
        work: primary key.
        match: one of ``MATCHES``.
        place: the next page goes on from here, if this is the last hit of its page.
    """

    work: int
    match: str
    place: int


def find(text: str, limit: int, after: int = 0) -> list[Hit]:
    """A page of the works that a text leads to.

    Args:
        text: as somebody typed it; no character in it means more than itself.
        after: ``place`` of the last hit before; 0 for the first page.

    Raises:
        MalformedError: nothing to look for, or too much.
    """
    found: list[Hit] = []
    first, after_id = divmod(after, _PLACES)
    for rank, (wanted, better) in enumerate(_steps(text)):
        if rank >= first and len(found) < limit:
            rows = _entries(wanted, better, after_id if rank == first else 0, limit - len(found))
            found += [Hit(work, MATCHES[rank], rank * _PLACES + entry) for entry, work in rows]
    return found


def _steps(text: str) -> Iterator[tuple[Groups, Groups]]:
    """What to look for, in the order of ``MATCHES``, and what the step before has found already."""
    needles = _needles(text)
    whole, beginning, part = (
        [[_at_edges(needle, start, end) for needle in needles]] for start, end in ((EDGE, EDGE), (EDGE, ""), ("", ""))
    )
    yield whole, []
    yield beginning, whole
    yield part, beginning
    words = [found for word in text.split() if (found := search_keys.needles(word))]
    if len(words) > 1:
        yield words[:MAX_WORDS], part


def _needles(text: str) -> Sequence[Needle]:
    if len(text) > MAX_CHARACTERS:
        raise MalformedError(f"at most {MAX_CHARACTERS} characters are looked for", pointer="/q")
    needles = search_keys.needles(text)
    if not needles:
        raise MalformedError("say what to look for: part of a title", pointer="/q")
    return needles


def _at_edges(needle: Needle, start: str, end: str) -> Needle:
    return Needle(start + needle.text + end, "" if start else needle.after, "" if end else needle.before)


def _entries(wanted: Groups, better: Groups, after: int, limit: int) -> list[tuple[int, int]]:
    """Ids of entries and their works, in the order of the ids."""
    condition, values = _has(wanted)
    if better:
        excluded, more = _has(better)
        condition, values = f"{condition} AND NOT {excluded}", values + more
    by_index = _by_gin if connection.vendor == "postgresql" else _by_fts5
    sql, parameters = by_index(wanted, (condition, values), after, limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _by_fts5(wanted: Groups, condition: Sql, after: int, limit: int) -> Sql:
    match = " AND ".join(f"({' OR '.join(map(_quoted, group))})" for group in wanted)
    return _BY_FTS5.format(condition=condition[0]), [match, after, *condition[1], limit]


def _by_gin(wanted: Groups, condition: Sql, after: int, limit: int) -> Sql:
    """One part of the table after the other, until enough are found.

    The LIMIT in each keeps them in this order, since PostgreSQL does not share such a part among workers.
    """
    near = " AND ".join(f"({' OR '.join(['grams @> %s::integer[]'] * len(group))})" for group in wanted)
    arrays = [_array(needle) for group in wanted for needle in group]
    parts = [low for low, high in pairwise(LENGTHS) if after < high << WORK_BITS] or LENGTHS[-2:-1]
    each = " UNION ALL ".join(_BY_GIN.format(low=low, near=near, condition=condition[0]) for low in parts)
    return f"{each} LIMIT %s", [*[*arrays, after, *condition[1], limit] * len(parts), limit]


def _has(groups: Groups) -> Sql:
    """What ``keys`` must be like."""
    compared = [[_compared(needle) for needle in group] for group in groups]
    condition = " AND ".join(f"({' OR '.join(sql for sql, _ in group)})" for group in compared)
    return f"({condition})", [value for group in compared for _, values in group for value in values]


def _compared(needle: Needle) -> Sql:
    holds, fits = _HOLDS[connection.vendor], _FITS[connection.vendor]
    if not (needle.after or needle.before):
        return holds, [needle.text]
    after = f"(?<![{needle.after}])" if needle.after else ""
    before = f"(?![{needle.before}])" if needle.before else ""
    # In a pattern, no character of a folded text means more than itself, but the edge.
    pattern = after + needle.text.replace(EDGE, f"[{EDGE}]") + before
    return f"({holds} AND {fits})", [needle.text, pattern]


def _quoted(needle: Needle) -> str:
    return "(" + " AND ".join(f'"{gram}"' for gram in search_keys.grams_of(needle.text)) + ")"


def _array(needle: Needle) -> str:
    return "{" + ",".join(map(number, search_keys.grams_of(needle.text))) + "}"
