"""A map: which column of a catalogue says what about a work. ``docs/guides/bring-your-catalogue.md`` tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError
from registry import wording
from registry.identifiers import SCHEMES, canonical

MAX_NAME_CHARACTERS = 100

Format = Literal["csv", "jsonl", "xlsx"]

# A word that a part does not know is a mistake, not a wish: hence ``forbid_unknown_fields`` throughout.


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The kind of every work, or the column that tells it.

    Args:
        values: what the column says → a kind of work; empty: it says the kind itself.
    """

    value: str = ""
    column: str = ""
    values: dict[str, str] = {}


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the date stands.

    Args:
        characters: how many from the left are the date; zero for all.
    """

    column: str
    characters: int = 0


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An identifier."""

    column: str
    scheme: str


class TitleColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Titles in one language and form; without a separator the cell is one title."""

    column: str
    lang: str
    form: str = "main"
    separator: str = ""


class HolderColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Names of holders.

    Args:
        split: column with their parts, in the same order; suggested, never decided on.
    """

    column: str
    separator: str = ""
    right: str = "copyright"
    split: str = ""


class LinkColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a work is made from.

    Args:
        column: empty: no work of the catalogue has such a source.
        none: what the cell says if there is no such source; anything else is one that is not registered, and so is
            an empty cell, unless it stands here.
    """

    column: str = ""
    rel: str = "based_on"
    none: tuple[str, ...] = ()


class PlaceColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Places of the work; ``prefix`` such as ``url:`` goes before each."""

    column: str
    prefix: str = ""
    separator: str = ""


Column = Number | TitleColumn | HolderColumn | LinkColumn | PlaceColumn


class Map(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole map; the first identifier is the one by which a work is found again.

    Args:
        catalogue: what the catalogue is called, in all its versions.
    """

    catalogue: str
    kind: Kind
    identifiers: tuple[Number, ...]
    titles: tuple[TitleColumn, ...]
    format: Format | None = None
    encoding: str = "utf-8"
    sheet: str = ""
    date: Day | None = None
    rights_statement: str = ""
    holders: tuple[HolderColumn, ...] = ()
    links: tuple[LinkColumn, ...] = ()
    locators: tuple[PlaceColumn, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the map reads."""
        parts: tuple[Column, ...] = (*self.identifiers, *self.titles, *self.holders, *self.links, *self.locators)
        named = [self.kind.column, self.rights_statement, self.date.column if self.date else ""]
        named += [part.column for part in parts] + [part.split for part in self.holders]
        return tuple(dict.fromkeys(column for column in named if column))

    def check(self) -> None:
        """Refuse what no catalogue could mean.

        Raises:
            MalformedError: with the member and what may stand there.
        """
        if not self.catalogue.isprintable() or not 1 <= len(self.catalogue) <= MAX_NAME_CHARACTERS:
            raise MalformedError(f"1 to {MAX_NAME_CHARACTERS} characters", pointer="/catalogue")
        kinds = set(self.kind.values.values()) | ({self.kind.value} - {""})
        _one_of(kinds, words.WORK_KINDS, "/kind")
        _one_of({title.form for title in self.titles}, set(wording.TITLE_FORMS), "/titles")
        _one_of({holder.right for holder in self.holders}, words.RIGHTS, "/holders")
        _one_of({link.rel for link in self.links}, words.LINKS, "/links")
        if bool(self.kind.value) == bool(self.kind.column):
            raise MalformedError("either a value or a column", pointer="/kind")
        if not self.identifiers or not self.titles:
            raise MalformedError("a map names one identifier and one title at least", pointer="")
        if self.holders and all(link.rel != "based_on" for link in self.links):
            do = "say in [[links]] which column tells of sources, or name no column if no work has one"
            raise MalformedError(f"holders are named, and of sources nothing is said: {do}", pointer="/links")
        for title in self.titles:
            if wording.language(title.lang, "/titles") != title.lang:
                raise MalformedError(f"{title.lang} is spelled otherwise", pointer="/titles")
        for number in self.identifiers:
            _check_scheme(number.scheme)
        _check_encoding(self.encoding)


def _check_encoding(encoding: str) -> None:
    try:
        lines_end_alike = "x\n".encode(encoding) == b"x\n"
    except (LookupError, ValueError):
        raise MalformedError(f"no encoding is called {encoding}", pointer="/encoding") from None
    if not lines_end_alike:
        raise MalformedError(f"files in {encoding} are not read: save as utf-8", pointer="/encoding")


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        canonical(scheme, "x", "/identifiers")


def _one_of(found: set[str], known: set[str] | frozenset[str], pointer: str) -> None:
    for word in sorted(found - known):
        raise MalformedError(f"{word!r} is none of {', '.join(sorted(known))}", pointer=pointer)


def read_map(path: Path) -> Map:
    """The map in a TOML file.

    Raises:
        MalformedError: no TOML, or no map.
    """
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Map)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        do = "the guide “Bring your catalogue” lists what a map may say"
        raise MalformedError(f"{path.name}: {error}; {do}") from None
    found.check()
    return found
