"""What a later version of a catalogue changes about a work.

Several catalogues may tell of one work. Each takes back what it said itself, and nothing else: what another one says,
or what a person entered, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from priorconsent.canonical import digest
from registry.imports.mapping import Map
from registry.imports.telling import Said

Values = tuple[Any, ...]

# The values that a row of a work has one of.
COLUMNS = ("date", "rights_statement")

# The values that it has any number of, as rows of their own: columns, in order, with what fills them.
SAID: dict[str, Callable[[Said], Iterable[Values]]] = {
    "titles": lambda said: said.titles,
    "identifiers": lambda said: said.identifiers,
    "locators": lambda said: [(name, digest(name.encode())) for name in said.locators],
    "holders": lambda said: said.holders,
    "links": lambda said: said.links,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One member of a work that becomes different: what was there, and what comes instead.

    Both are texts for ``COLUMNS``; else ``old`` has the rows that go, and ``new`` those that are added.
    """

    member: str
    old: Any
    new: Any


def all_told(before: Said | None, now: Said, chart: Map) -> Said:
    """What a catalogue says now, and said earlier where its map does not speak any more.

    Old numbers and places are never taken back: they still lead to the work.
    """
    if before is None:
        return now
    forms = {(title.lang, title.form) for title in chart.titles}
    rights = {holder.right for holder in chart.holders}
    kinds = {link.rel for link in chart.links}
    return Said(
        now.kind,
        now.date if chart.date else before.date,
        now.rights_statement if chart.rights_statement else before.rights_statement,
        (*now.titles, *(one for one in before.titles if one[:2] not in forms)),
        _once(before.identifiers, now.identifiers),
        _once(before.locators, now.locators),
        (*now.holders, *(one for one in before.holders if one[1] not in rights)),
        (*now.links, *(one for one in before.links if one[0] not in kinds)),
    )


def changed_rows(
    before: Said | None, now: Said, others: Collection[Said], stored: Mapping[str, Collection[Values]]
) -> list[Change]:
    """What becomes different in the rows below a work.

    Args:
        before: all that this catalogue told earlier; ``None`` if it never spoke of the work.
        now: all that it tells.
        others: what other catalogues tell of the same work.
        stored: the rows that are there, by member.
    """
    found = []
    for member, said in SAID.items():
        old, new = (dict.fromkeys(said(before)) if before else {}), dict.fromkeys(said(now))
        kept = {values for other in others for values in said(other)}
        there = stored[member]
        gone = [values for values in old if values not in new and values not in kept and values in there]
        come = [values for values in new if values not in old and values not in there]
        if gone or come:
            found.append(Change(member, gone, come))
    return found


def changed_columns(
    before: Said | None, now: Said, others: Collection[Said], stored: Mapping[str, str]
) -> tuple[list[Change], list[str]]:
    """What becomes different in the row of a work, and the names of the columns that stay against what is told now.

    A value changes if it is empty, or if this catalogue told it and no other one does. Where this one tells nothing,
    what another one told takes its place.
    """
    changes, against = [], []
    for name in COLUMNS:
        old, there = getattr(before, name, ""), stored[name]
        elsewhere = [value for other in others if (value := getattr(other, name))]
        new = getattr(now, name) or next(iter(elsewhere), "")
        if new in (old, there):
            continue
        if not there or (there == old and there not in elsewhere):
            changes.append(Change(name, there, new))
        else:
            against.append(name)
    return changes, against


def _once(first: Iterable[Any], second: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*first, *second)))
