"""Works that are there already: what a later version of a catalogue changes about them, and the history of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db.models import Model

from registry import search_entries
from registry.imports.batches import Told
from registry.imports.comparing import COLUMNS, Change, Values, all_told, changed_columns, changed_rows
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.telling import Said
from registry.models import (
    CatalogueEntry,
    Identifier,
    Import,
    Locator,
    SuggestedHolder,
    SuggestedLink,
    Work,
    WorkChange,
    WorkTitle,
)
from transparency import bulk


class Member(NamedTuple):
    """The rows below a work that hold one part of what is said about it."""

    model: type[Model]
    columns: tuple[str, ...]


MEMBERS = {
    "titles": Member(WorkTitle, ("lang", "form", "text")),
    "identifiers": Member(Identifier, ("scheme", "value")),
    "locators": Member(Locator, ("name", "name_digest")),
    "holders": Member(SuggestedHolder, ("name", "right", "split")),
    "links": Member(SuggestedLink, ("rel", "said")),
}
ENTRY = ("work_id", "catalogue", "said")


class Known(NamedTuple):
    """A work that is there already.

    Args:
        entry: primary key of what this catalogue said about it; ``None`` if it said nothing so far.
        said: the bytes of that.
    """

    work: int
    kind: str
    entry: int | None
    said: bytes


def insert(member: Member, rows: Iterable[Values]) -> None:
    """Insert rows: the work's primary key, then the values."""
    bulk.insert(member.model, ("work_id", *member.columns), rows)


class Updates:
    """The changes that one batch makes to works that are there.

    Args:
        remark: takes problems.
        works: their primary keys.
    """

    def __init__(self, chart: Map, remark: Callable[[Problem], None], works: Sequence[int]) -> None:
        self.chart, self.remark = chart, remark
        self._decode = msgspec.msgpack.Decoder(Said).decode
        self._works = Work.objects.filter(pk__in=bulk.any_key(works)).in_bulk()
        self._stored = {name: _rows(member, works) for name, member in MEMBERS.items()}
        self._others = self._told_elsewhere(works)
        self._changes: list[tuple[Work, Change]] = []
        self._entries: list[tuple[Known, bytes]] = []

    def compare(self, one: Told, known: Known) -> tuple[bool, list[Change]]:
        """Whether the row can be taken, and what it changes."""
        now = self._decode(one.said)
        if known.kind != now.kind:
            problem, do = f"stored as {known.kind}, here {now.kind}", "give a work of another kind a new number"
            self.remark(Problem("error", one.line, self.chart.identifiers[0].column, problem, do))
            return False, []
        work, others = self._works[known.work], self._others[known.work]
        before = self._decode(known.said) if known.said else None
        told = all_told(before, now, self.chart)
        columns, against = changed_columns(before, told, others, {name: getattr(work, name) for name in COLUMNS})
        self._tell_against(one.line, work, told, against)
        changes = columns + changed_rows(before, told, others, {name: self._stored[name][work.pk] for name in MEMBERS})
        self._changes += [(work, change) for change in changes]
        self._entries.append((known, msgspec.msgpack.encode(told)))
        return True, changes

    def write(self, origin: Import, *, finds: bool) -> None:
        """Make all the changes; ``finds`` as of the store."""
        touched = {work.pk: work for work, change in self._changes if change.member in COLUMNS}
        for work, change in self._changes:
            if change.member in COLUMNS:
                setattr(work, change.member, change.new)
        bulk.update(Work, COLUMNS, [(*(getattr(work, name) for name in COLUMNS), pk) for pk, work in touched.items()])
        for name, member in MEMBERS.items():
            self._write_rows(name, member)
        if finds:
            search_entries.renew([work.pk for work, change in self._changes if change.member == "titles"])
        self._write_entries()
        WorkChange.objects.bulk_create(
            WorkChange(work=work, source=origin, member=change.member, old=change.old, new=change.new)
            for work, change in self._changes
        )

    def _write_rows(self, name: str, member: Member) -> None:
        changes = [(work.pk, change) for work, change in self._changes if change.member == name]
        if not changes:
            return
        gone = [self._stored[name][work][values] for work, change in changes for values in change.old]
        member.model._default_manager.filter(pk__in=bulk.any_key(gone)).delete()  # noqa: SLF001 - as Django names it
        insert(member, ((work, *values) for work, change in changes for values in change.new))

    def _write_entries(self) -> None:
        new = [(known.work, self.chart.catalogue, said) for known, said in self._entries if known.entry is None]
        old = [(said, known.entry) for known, said in self._entries if known.entry is not None]
        bulk.insert(CatalogueEntry, ENTRY, new)
        bulk.update(CatalogueEntry, ("said",), old)

    def _tell_against(self, line: int, work: Work, told: Said, names: Iterable[str]) -> None:
        date = self.chart.date.column if self.chart.date else ""
        columns = {"date": date, "rights_statement": self.chart.rights_statement}
        do = "what is there stays; find out which is right"
        for name in names:
            problem = f"{getattr(told, name)[:40]!r}, where {getattr(work, name)[:40]!r} is known from elsewhere"
            self.remark(Problem("note", line, columns[name], problem, do))

    def _told_elsewhere(self, works: Sequence[int]) -> dict[int, list[Said]]:
        found: dict[int, list[Said]] = defaultdict(list)
        entries = CatalogueEntry.objects.filter(work__in=bulk.any_key(works)).exclude(catalogue=self.chart.catalogue)
        for work, said in entries.values_list("work_id", "said"):
            found[work].append(self._decode(said))
        return found


def _rows(member: Member, works: Sequence[int]) -> dict[int, dict[Values, int]]:
    """Primary keys by work and values."""
    found: dict[int, dict[Values, int]] = defaultdict(dict)
    manager: Any = member.model._default_manager  # noqa: SLF001 - as Django names it
    rows = manager.filter(work__in=bulk.any_key(works)).order_by("pk")
    for pk, work, *values in rows.values_list("pk", "work_id", *member.columns):
        found[work][tuple(values)] = pk
    return found
