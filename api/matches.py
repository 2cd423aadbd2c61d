"""Works that a typed title may mean, told so that people can tell namesakes apart. No permission speaks from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise

from api.labels import KINDS
from priorconsent import names
from priorconsent.current_map import CurrentMap
from priorconsent.errors import MalformedError
from registry import queries, search
from registry.models import Work, WorkTitle

MAX_MATCHES: Final = 20
# Of a work with many, enough to know it again.
MAX_NUMBERS: Final = 4


@dataclass(frozen=True, slots=True)
class Match:
    """A work to choose.

    Args:
        titles: its main title, and the one in the language of the page if that is another.
        year: empty if unknown.
        numbers: under which it is known elsewhere.
        logged: whether the log knows it; if not, nothing can be permitted yet.
    """

    urn: str
    titles: tuple[WorkTitle, ...]
    kind: Promise | str
    year: str
    numbers: tuple[str, ...]
    logged: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """The best matches, and whether there are more."""

    works: tuple[Match, ...] = ()
    has_more: bool = False


def find(typed: str, published: CurrentMap, language: str) -> Matches:
    """Works for what somebody typed; none if there is nothing in it to look for."""
    try:
        hits = search.find(typed, MAX_MATCHES + 1)
    except MalformedError:
        return Matches()
    rows = queries.works_of([hit.work for hit in hits[:MAX_MATCHES]])
    works = (_match(row, published.state(names.work(row.urn)) is not None, language) for row in rows)
    return Matches(tuple(works), len(hits) > MAX_MATCHES)


def _match(row: Work, logged: bool, language: str) -> Match:  # noqa: FBT001 - read out of the map
    return Match(
        urn=row.urn,
        titles=_titles(row, language),
        kind=KINDS.get(row.kind, row.kind),
        year=row.date[:4],
        numbers=tuple(f"{number.scheme}:{number.value}" for number in row.identifiers.all()[:MAX_NUMBERS]),
        logged=logged,
    )


def _titles(row: Work, language: str) -> tuple[WorkTitle, ...]:
    titles = list(row.titles.all())
    main = [title for title in titles if title.form == "main"] or titles
    here = [title for title in titles if title.lang == language]
    return tuple({title.text: title for title in [*main[:1], *here[:1]]}.values())
