"""What imports left behind for a registrant to read: what changed, and whom and what a catalogue names.

Each list takes the same few SQL queries whatever its length.
"""

from __future__ import annotations

from django.db.models import Q

from registry.models import Work, WorkChange

MAX_ROWS = 100


def changes(registrant: str | None, *, work: str | None = None, after: int = 0) -> list[WorkChange]:
    """What later versions of catalogues changed, oldest first.

    Args:
        registrant: only its works; ``None``: everybody's.
        work: only this one.
        after: row id to go on from.
    """
    found = WorkChange.objects.filter(pk__gt=after).select_related("work", "source").order_by("pk")
    if registrant is not None:
        found = found.filter(work__registrant__urn=registrant)
    if work is not None:
        found = found.filter(work__urn=work)
    return list(found[:MAX_ROWS])


def suggestions(registrant: str | None, *, work: str | None = None, after: int = 0) -> list[Work]:
    """Works for which a catalogue names holders or a source, in order of their rows.

    Args:
        registrant, work, after: as of ``changes``.
    """
    found = Work.objects.filter(pk__gt=after).order_by("pk")
    if registrant is not None:
        found = found.filter(registrant__urn=registrant)
    if work is not None:
        found = found.filter(urn=work)
    named = found.filter(Q(suggested_holders__isnull=False) | Q(suggested_links__isnull=False)).distinct()
    return list(named.prefetch_related("suggested_holders", "suggested_links")[:MAX_ROWS])
