"""Batches of works become rows: new ones in bulk; those that are there already are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec
from django.db import transaction
from django.db.models import FilteredRelation, Q

from registry import ids, search_entries
from registry.imports.batches import Told, search_entry
from registry.imports.comparing import SAID
from registry.imports.mapping import Map
from registry.imports.problems import Problem
from registry.imports.telling import Said
from registry.imports.updating import ENTRY, MEMBERS, Known, Updates, insert
from registry.models import CatalogueEntry, Identifier, Import, Party, Work
from transparency import bulk

_WORK = ("id", "urn", "kind", "registrant_id", "date", "rights_statement", "added_at")

# From here on, whenever there are twice as many.
FEW_BATCHES = 4


class Store:
    """What one import writes.

    Args:
        origin: not saved; it is, with the first row that is written.
        remark: takes problems.
        writes: ``False``: only look what would happen.
        finds: ``False``: leave the search as it is.
    """

    def __init__(
        self, origin: Import, chart: Map, remark: Callable[[Problem], None], *, writes: bool, finds: bool = True
    ) -> None:
        self.origin, self.chart, self.remark, self.writes, self.finds = origin, chart, remark, writes, finds
        self.added = self.changed = self.unchanged = 0
        self._batches = 0
        self._decode = msgspec.msgpack.Decoder(Said).decode

    def batch(self, told: Sequence[Told]) -> None:
        """Store one batch, whole or not at all."""
        if not told:
            return
        with transaction.atomic(savepoint=False):
            if self.writes:
                bulk.prepare()
                # Two imports for one registrant would both add what neither has found.
                Party.objects.select_for_update().get(pk=self.origin.registrant_id)
            known = self._known(told)
            self._add([one for one in told if one.number not in known])
            self._update([(one, known[one.number][0]) for one in told if self._may_differ(one, known)])
            self._batches += 1
            if self.writes and self._batches >= FEW_BATCHES and self._batches.bit_count() == 1:
                bulk.take_stock([Work, CatalogueEntry, *(member.model for member in MEMBERS.values())])

    def finish(self, now: str) -> None:
        """Say that the file was read to its end, if it changed anything."""
        if self.origin.pk:
            self.origin.finished_at = now
            self.origin.save()
            if self.finds:
                search_entries.settle()

    def _known(self, told: Sequence[Told]) -> Mapping[str, Sequence[Known]]:
        found: dict[str, list[Known]] = defaultdict(list)
        here = Q(work__catalogue_entries__catalogue=self.chart.catalogue)
        rows = Identifier.objects.filter(
            scheme=self.chart.identifiers[0].scheme,
            value__in=bulk.any_text([one.number for one in told]),
            work__registrant=self.origin.registrant_id,
        ).annotate(entry=FilteredRelation("work__catalogue_entries", condition=here))
        columns = ("value", "work_id", "work__kind", "entry", "entry__said")
        for value, work, kind, entry, said in rows.order_by("work_id").values_list(*columns):
            found[value].append(Known(work, kind, entry, bytes(said or b"")))
        return found

    def _add(self, told: Sequence[Told]) -> None:
        self.added += len(told)
        if not (told and self.writes):
            return
        self._save_origin()
        registrant, now = self.origin.registrant_id, self.origin.started_at
        keys = bulk.new_keys(Work, len(told))
        new = [(key, self._decode(one.said)) for key, one in zip(keys, told, strict=True)]
        works = (
            (key, ids.new_record(), said.kind, registrant, said.date, said.rights_statement, now) for key, said in new
        )
        bulk.insert(Work, _WORK, works)
        entries = ((key, self.chart.catalogue, one.said) for key, one in zip(keys, told, strict=True))
        bulk.insert(CatalogueEntry, ENTRY, entries)
        for name, said_of in SAID.items():
            insert(MEMBERS[name], ((key, *values) for key, said in new for values in said_of(said)))
        if self.finds:
            found = zip(new, told, strict=True)
            search_entries.add((key, one.entry or search_entry(said)) for (key, said), one in found)

    def _may_differ(self, one: Told, known: Mapping[str, Sequence[Known]]) -> bool:
        """Whether a work that is there is meant, which one, and that something else is said about it."""
        found = known.get(one.number, ())
        if len(found) > 1:
            column = self.chart.identifiers[0].column
            problem = "several works of the registrant have this identifier"
            self.remark(Problem("error", one.line, column, problem, "tell them apart first"))
            return False
        is_same = bool(found) and found[0].said == one.said
        self.unchanged += is_same
        return bool(found) and not is_same

    def _update(self, found: Sequence[tuple[Told, Known]]) -> None:
        if not found:
            return
        updates = Updates(self.chart, self.remark, [known.work for _, known in found])
        for one, known in found:
            is_taken, changes = updates.compare(one, known)
            self.changed += bool(changes)
            self.unchanged += is_taken and not changes
        if self.writes:
            self._save_origin()
            updates.write(self.origin, finds=self.finds)

    def _save_origin(self) -> None:
        if not self.origin.pk:
            self.origin.save()
