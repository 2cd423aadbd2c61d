"""One row becomes what is told about a work, or errors that say where and what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.errors import PriorConsentError
from registry import wording
from registry.identifiers import canonical
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.reading import Row

MAX_SPLIT_CHARACTERS = 200

# Control characters and halves of surrogate pairs, as wording.check_characters has them, for millions of cells.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BESIDE_LINE_ENDS = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What a catalogue says about a work; every part in the order of the map, each value once.

    Args:
        identifiers: scheme and value; the first is the one by which the work is found again.
        holders: name as written, right, part as written.
        links: kind of link, and what the cell says of a source that is not registered.
    """

    kind: str
    date: str
    rights_statement: str
    titles: tuple[tuple[str, str, str], ...]
    identifiers: tuple[tuple[str, str], ...]
    locators: tuple[str, ...]
    holders: tuple[tuple[str, str, str], ...]
    links: tuple[tuple[str, str], ...]


class Teller:
    """Reads rows by one map.

    Args:
        remark: takes each problem as it is found.
    """

    def __init__(self, chart: Map, remark: Callable[[Problem], None]) -> None:
        self.chart = chart
        self.remark = remark
        self._line = 0
        self._has_error = False

    def tell(self, row: Row) -> Said | None:
        """What the row says; ``None`` if it has an error."""
        self._line, cells = row
        self._has_error = False
        self._look_over(cells)
        said = Said(
            self._kind(cells),
            self._date(cells),
            self._rights_statement(cells),
            tuple(self._titles(cells)),
            tuple(self._identifiers(cells)),
            tuple(self._locators(cells)),
            tuple(self._holders(cells)),
            tuple(self._links(cells)),
        )
        if not self._has_error and not said.titles:
            self._error(self.chart.titles[0].column, "no title", "give the work one title at least")
        return None if self._has_error else said

    def _look_over(self, cells: dict[str, str]) -> None:
        for column, text in cells.items():
            if text.startswith("="):
                self._note(column, "looks like a formula", "it was taken as text; write the value if you mean that")
            if not text.isascii() and "\ufffd" in text:
                self._note(column, "holds U+FFFD, which stands for a lost character", "look it up in the original")

    def _kind(self, cells: dict[str, str]) -> str:
        kind = self.chart.kind
        said = kind.value or cells[kind.column]
        found = kind.values.get(said, "") if kind.values else said
        if found not in words.WORK_KINDS:
            self._error(kind.column, f"no kind of work: {said[:40]!r}", "add it to the values of the map's [kind]")
        return found

    def _date(self, cells: dict[str, str]) -> str:
        day = self.chart.date
        text = cells[day.column][: day.characters or None].strip() if day else ""
        if day and text:
            with self._reported(day.column, "write a year, a month or a day, or nothing"):
                wording.date(text, "")
        return text

    def _rights_statement(self, cells: dict[str, str]) -> str:
        column = self.chart.rights_statement
        text = cells[column] if column else ""
        if len(text) > wording.MAX_RIGHTS_STATEMENT_CHARACTERS:
            self._error(column, f"{len(text)} characters", f"keep to {wording.MAX_RIGHTS_STATEMENT_CHARACTERS}")
        elif _BESIDE_LINE_ENDS.search(text):
            self._error(column, "control characters", "take them out")
        return text

    def _titles(self, cells: dict[str, str]) -> dict[tuple[str, str, str], None]:
        found: dict[tuple[str, str, str], None] = {}
        for title in self.chart.titles:
            for said in _parts(cells[title.column], title.separator):
                text = said
                if not unicodedata.is_normalized("NFC", said):
                    text = unicodedata.normalize("NFC", said)
                    self._note(title.column, "not in Unicode Normalization Form C", "it was normalised")
                if self._is_sound(title.column, text):
                    found[title.lang, title.form, text] = None
        return found

    def _identifiers(self, cells: dict[str, str]) -> dict[tuple[str, str], None]:
        found: dict[tuple[str, str], None] = {}
        for index, number in enumerate(self.chart.identifiers):
            said = cells[number.column].strip()
            if said and self._is_sound(number.column, said):
                with self._reported(number.column, "mend the number"):
                    found[number.scheme, canonical(number.scheme, said, "")] = None
            elif index == 0 and not said:
                self._error(number.column, "no identifier", "number the row, so that it is found again")
        return found

    def _locators(self, cells: dict[str, str]) -> dict[str, None]:
        found: dict[str, None] = {}
        for place in self.chart.locators:
            for said in _parts(cells[place.column], place.separator):
                with self._reported(place.column, "write a whole address, such as https://studio.example/film"):
                    name = names.canonical_alias(place.prefix + said)
                    if names.kind_of(name) in names.LOCATORS:
                        found[name] = None
                    else:
                        self._error(place.column, "no place", 'say prefix = "url:", "prefix:" or "host:" in the map')
        return found

    def _holders(self, cells: dict[str, str]) -> dict[tuple[str, str, str], None]:
        found: dict[tuple[str, str, str], None] = {}
        for holder in self.chart.holders:
            said = _parts(cells[holder.column], holder.separator)
            splits = _parts(cells[holder.split], holder.separator) if holder.split else []
            if splits and len(splits) != len(said):
                self._error(holder.split, f"{len(splits)} parts for {len(said)} holders", "give each holder one part")
                continue
            for name, split in zip(said, splits or [""] * len(said), strict=True):
                if self._is_sound(holder.column, name) and self._is_sound(holder.split, split, MAX_SPLIT_CHARACTERS):
                    found[name, holder.right, split] = None
        return found

    def _links(self, cells: dict[str, str]) -> dict[tuple[str, str], None]:
        return {
            (link.rel, said): None
            for link in self.chart.links
            if link.column
            for said in [cells[link.column].strip()]
            if said not in link.none and self._is_sound(link.column, said)
        }

    def _is_sound(self, column: str, text: str, limit: int = wording.MAX_TEXT_CHARACTERS) -> bool:
        if len(text) > limit:
            self._error(column, f"{len(text)} characters", f"keep to {limit}")
            return False
        found = _UNPRINTABLE.search(text)
        if found:
            self._error(column, f"control character U+{ord(found[0]):04X}", "take it out")
        return found is None

    @contextmanager
    def _reported(self, column: str, do: str) -> Iterator[None]:
        try:
            yield
        except PriorConsentError as error:
            self._error(column, error.detail, do)

    def _error(self, column: str, problem: str, do: str) -> None:
        self._has_error = True
        self.remark(Problem("error", self._line, column, problem, do))

    def _note(self, column: str, problem: str, do: str) -> None:
        self.remark(Problem("note", self._line, column, problem, do))


def _parts(cell: str, separator: str) -> list[str]:
    """The values of a cell, without white space around them and without empty ones."""
    if not cell:
        return []
    said = cell.split(separator) if separator else [cell]
    return [text for part in said if (text := part.strip())]
