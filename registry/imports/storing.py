"""Batches of works become rows: new ones in bulk, known ones compared, with a history of what changed."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection, transaction

from priorconsent.canonical import digest
from registry import ids
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.telling import Told
from registry.models import (
    Identifier,
    Import,
    Locator,
    Party,
    SuggestedHolder,
    SuggestedLink,
    Work,
    WorkChange,
    WorkTitle,
)

Values = tuple[Any, ...]
Row = WorkTitle | Identifier | Locator | SuggestedHolder | SuggestedLink


@dataclass(frozen=True, slots=True)
class Member:
    """One kind of rows below a work.

    Args:
        told: their values, as a row of the catalogue has them.
        grows: what a later version leaves out stays, since old numbers and places still lead to the work.
    """

    model: type[Row]
    columns: tuple[str, ...]
    told: Callable[[Told], Iterable[Values]]
    grows: bool = False


MEMBERS = {
    "titles": Member(WorkTitle, ("lang", "form", "text"), lambda told: told.titles),
    "identifiers": Member(Identifier, ("scheme", "value"), lambda told: told.identifiers, grows=True),
    "locators": Member(
        Locator,
        ("name", "name_digest"),
        lambda told: [(name, digest(name.encode())) for name in told.locators],
        grows=True,
    ),
    "holders": Member(SuggestedHolder, ("name", "right", "split"), lambda told: told.holders),
    "links": Member(SuggestedLink, ("rel", "said"), lambda told: told.links),
}
_WORK_COLUMNS = ("urn", "kind", "registrant_id", "date", "rights_statement", "added_at")


class Seen:
    """Which line had an identifier first, on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        # The empty name: a database of its own that SQLite takes away by itself.
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE seen (value TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def first_line(self, value: str, line: int) -> int:
        """The line that had the value first; this one, if none had."""
        if self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (value, line)).rowcount:
            return line
        return int(self._rows.execute("SELECT line FROM seen WHERE value = ?", (value,)).fetchone()[0])

    def close(self) -> None:
        """Give the space back."""
        self._rows.close()


class Store:
    """What one import writes.

    Args:
        origin: not saved; it is, with the first row that is written.
        remark: takes problems.
        writes: ``False``: only look what would happen.
    """

    def __init__(self, origin: Import, chart: Map, remark: Callable[[Problem], None], *, writes: bool) -> None:
        self.origin, self.chart, self.remark, self.writes = origin, chart, remark, writes
        self.added = self.changed = self.unchanged = 0
        self._title_places = {(title.lang, title.form) for title in chart.titles}
        self._compared = ["titles", "identifiers", "locators", *_named(chart)]

    def batch(self, told: Sequence[Told]) -> None:
        """Store one batch, whole or not at all."""
        with transaction.atomic(savepoint=False):
            if self.writes:
                # Two imports for one registrant would both add what neither has found.
                Party.objects.select_for_update().get(pk=self.origin.registrant_id)
            known = self._known(told)
            self._add([one for one in told if _key(one) not in known])
            self._compare({work: one for one in told for work in known.get(_key(one), ())[:1]}, known)

    def finish(self, now: str) -> None:
        """Say that the file was read to its end, if it changed anything."""
        if self.origin.pk:
            self.origin.finished_at = now
            self.origin.save()

    def _known(self, told: Sequence[Told]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        rows = Identifier.objects.filter(
            scheme=self.chart.identifiers[0].scheme,
            value__in=[_key(one) for one in told],
            work__registrant=self.origin.registrant_id,
        ).order_by("work_id")
        for value, work in rows.values_list("value", "work_id"):
            found[value].append(work)
        return found

    def _add(self, told: Sequence[Told]) -> None:
        self.added += len(told)
        if not (told and self.writes):
            return
        self._save_origin()
        urns = [ids.new_record() for _ in told]
        registrant, now = self.origin.registrant_id, self.origin.started_at
        works = [
            (urn, one.kind, registrant, one.date, one.rights_statement, now)
            for urn, one in zip(urns, told, strict=True)
        ]
        insert(Work, _WORK_COLUMNS, works)
        # Ids made one after the other sort so; others in between do no harm.
        keys = dict(Work.objects.filter(urn__range=(min(urns), max(urns))).values_list("urn", "pk"))
        for member in MEMBERS.values():
            rows = ((keys[urn], *v) for urn, one in zip(urns, told, strict=True) for v in member.told(one))
            insert(member.model, ("work_id", *member.columns), rows)

    def _compare(self, told: dict[int, Told], known: dict[str, list[int]]) -> None:
        if not told:
            return
        before = {name: _rows(MEMBERS[name], told) for name in self._compared}
        changes: list[WorkChange] = []
        for work in Work.objects.filter(pk__in=told):
            one = told[work.pk]
            if len(known[_key(one)]) > 1:
                self._refuse(one, "several works of the registrant have this identifier", "tell them apart first")
            elif work.kind != one.kind:
                self._refuse(one, f"stored as {work.kind}, here {one.kind}", "give a work of another kind a new number")
            else:
                found = [*self._columns(work, one), *self._members(work, one, before)]
                changes += found
                self.changed += bool(found)
                self.unchanged += not found
        if changes and self.writes:
            self._save_origin()
            WorkChange.objects.bulk_create(changes)

    def _columns(self, work: Work, told: Told) -> list[WorkChange]:
        spoken = {"date": self.chart.date, "rights_statement": self.chart.rights_statement}
        new = {name: getattr(told, name) for name, column in spoken.items() if column}
        old = {name: getattr(work, name) for name in new}
        differing = {name: value for name, value in new.items() if value != old[name]}
        if differing and self.writes:
            Work.objects.filter(pk=work.pk).update(**differing)
        return [self._change(work, name, old[name], value) for name, value in differing.items()]

    def _members(self, work: Work, told: Told, before: dict[str, dict[int, dict[Values, int]]]) -> list[WorkChange]:
        changes = []
        for name, rows in before.items():
            member = MEMBERS[name]
            old, new = rows.get(work.pk, {}), dict.fromkeys(member.told(told))
            # Titles in a language and form that the map does not read were told by somebody else.
            gone = {values: pk for values, pk in old.items() if values not in new and not member.grows}
            if name == "titles":
                gone = {values: pk for values, pk in gone.items() if values[:2] in self._title_places}
            come = [values for values in new if values not in old]
            if gone or come:
                changes.append(self._change(work, name, list(gone), come))
                self._replace(member, work.pk, gone.values(), come)
        return changes

    def _replace(self, member: Member, work: int, gone: Iterable[int], come: Iterable[Values]) -> None:
        if self.writes:
            member.model.objects.filter(pk__in=list(gone)).delete()
            insert(member.model, ("work_id", *member.columns), ((work, *values) for values in come))

    def _change(self, work: Work, member: str, old: Any, new: Any) -> WorkChange:
        return WorkChange(work=work, source=self.origin, member=member, old=old, new=new)

    def _refuse(self, told: Told, problem: str, do: str) -> None:
        self.remark(Problem("error", told.line, self.chart.identifiers[0].column, problem, do))

    def _save_origin(self) -> None:
        if not self.origin.pk:
            self.origin.save()


def _named(chart: Map) -> list[str]:
    return [name for name, columns in (("holders", chart.holders), ("links", chart.links)) if columns]


def _key(told: Told) -> str:
    return told.identifiers[0][1]


def _rows(member: Member, works: Iterable[int]) -> dict[int, dict[Values, int]]:
    found: dict[int, dict[Values, int]] = defaultdict(dict)
    rows = member.model.objects.filter(work__in=list(works)).order_by("pk")
    for pk, work, *values in rows.values_list("pk", "work_id", *member.columns):
        found[work][tuple(values)] = pk
    return found


def insert(model: type[Row | Work], columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Insert rows by the fastest way that the database has, without objects in between."""
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - documented by Django
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cast("Any", cursor).copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            # Names of tables and columns only; values go beside.
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # noqa: S608
