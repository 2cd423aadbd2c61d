"""One look at the entries, by what each database has: FTS5, or GIN over arrays.

Both find by grams, then compare; both give entries in the order of their ids, without looking at all that match.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from django.db import connection

from registry.search_entries import MAX_LENGTH, WORK_BITS, number
from registry.search_keys import EDGE, Needle, grams_of

# Of every group an entry must have one needle at least.
Groups = Sequence[Sequence[Needle]]
# A piece of SQL, and the values that go beside it.
Sql = tuple[str, list[Any]]

# Lengths of main titles at which PostgreSQL goes on to the next part of the table, as the migration made them.
LENGTHS: Final = (0, 5, 6, 7, 8, 9, 10, 11, 13, 15, 18, 22, 28, 41, MAX_LENGTH + 1)

# FTS5 gives its rows in the order of their ids, and makes no more of them than are wanted.
_BY_FTS5: Final = (
    "SELECT id, work_id, {rank} FROM registry_searchgrams AS near CROSS JOIN registry_searchentry ON id = near.rowid"
    " WHERE registry_searchgrams MATCH %s AND near.rowid > %s AND {condition} ORDER BY near.rowid LIMIT %s"
)
# One part of the table. OFFSET 0: by the index alone, and what it finds is compared afterwards. Each part has a LIMIT,
# which also keeps them in their order, since PostgreSQL then shares them among no workers.
_BY_GIN: Final = (
    "(SELECT id, work_id, {rank} FROM"
    " (SELECT id, work_id, keys FROM registry_searchentry_{low} WHERE {near} OFFSET 0) AS near"
    " WHERE id > %s AND {condition} ORDER BY id LIMIT %s)"
)
_HOLDS: Final = {"sqlite": "instr(keys, %s) > 0", "postgresql": "strpos(keys, %s) > 0"}
_FITS: Final = {"sqlite": "keys REGEXP %s", "postgresql": "keys ~ %s"}


def select(
    wanted: Groups, limit: int, after: int = 0, *, without: Groups = (), whole: Groups = (), beginning: Groups = ()
) -> list[tuple[int, int, int]]:
    """Entries in the order of their ids: id, work, and 0 for what ``whole`` asks, 1 for ``beginning``, else 2.

    Args:
        after: only ids above this one.
        without: what entries must not have.
    """
    condition = _has(wanted)
    if without:
        excluded, values = _has(without)
        condition = f"{condition[0]} AND NOT {excluded}", condition[1] + values
    statement = _by_gin if connection.vendor == "postgresql" else _by_fts5
    sql, parameters = statement(wanted, _rank(whole, beginning), condition, after, limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _by_fts5(wanted: Groups, rank: Sql, condition: Sql, after: int, limit: int) -> Sql:
    match = " AND ".join(f"({' OR '.join(map(_quoted, group))})" for group in wanted)
    sql = _BY_FTS5.format(rank=rank[0], condition=condition[0])
    return sql, [*rank[1], match, after, *condition[1], limit]


def _by_gin(wanted: Groups, rank: Sql, condition: Sql, after: int, limit: int) -> Sql:
    near = " AND ".join(f"({' OR '.join(['grams @> %s::integer[]'] * len(group))})" for group in wanted)
    arrays = [_array(needle) for group in wanted for needle in group]
    values = [*rank[1], *arrays, after, *condition[1], limit]
    parts = [low for low, high in pairwise(LENGTHS) if after < high << WORK_BITS] or LENGTHS[-2:-1]
    each = [_BY_GIN.format(rank=rank[0], low=low, near=near, condition=condition[0]) for low in parts]
    return " UNION ALL ".join(each) + " LIMIT %s", [*values * len(parts), limit]


def _rank(whole: Groups, beginning: Groups) -> Sql:
    if not whole:
        return "2", []
    (is_whole, values), (is_beginning, more) = _has(whole), _has(beginning)
    return f"CASE WHEN {is_whole} THEN 0 WHEN {is_beginning} THEN 1 ELSE 2 END", values + more


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
    return "(" + " AND ".join(f'"{gram}"' for gram in grams_of(needle.text)) + ")"


def _array(needle: Needle) -> str:
    return "{" + ",".join(map(number, grams_of(needle.text))) + "}"
