"""Lists for people and machines; each takes the same few SQL queries whatever its length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from registry.models import Party, PartyName, RefusalRecord, ShareSet, Work

MAX_ROWS = 100


def parties(*, kind: str | None = None, after: int = 0) -> list[Party]:
    """Parties with names, identifiers and members, in order of their rows.

    Args:
        after: row id to go on from.
    """
    found = Party.objects.filter(pk__gt=after).order_by("pk")
    if kind is not None:
        found = found.filter(kind=kind)
    return list(found.prefetch_related("names", "identifiers", "members")[:MAX_ROWS])


def works(*, after: int = 0) -> list[Work]:
    """Works with everything told about them, in order of their rows.

    Args:
        after: row id to go on from.
    """
    return list(_whole(Work.objects.filter(pk__gt=after).order_by("pk"))[:MAX_ROWS])


def works_of(keys: Sequence[int]) -> list[Work]:
    """The works with these primary keys, with everything told about them, in this order."""
    found = _whole(Work.objects.all()).in_bulk(keys)
    return [found[key] for key in keys if key in found]


def work(urn: str) -> Work | None:
    """One work with everything told about it."""
    return _whole(Work.objects.filter(urn=urn)).first()


def share_sets(work_urn: str) -> list[ShareSet]:
    """The proposals of a work and the signatures under them, oldest first."""
    return list(ShareSet.objects.filter(work__urn=work_urn).prefetch_related("statements")[:MAX_ROWS])


def refusals(party: str) -> list[RefusalRecord]:
    """What a party refused, oldest first."""
    return list(RefusalRecord.objects.filter(party=party)[:MAX_ROWS])


def names_of(urns: Iterable[str], lang: str) -> dict[str, str]:
    """Names of parties in a language, else in any; a party without a name is called by its pseudonym."""
    wanted = set(urns)
    found: dict[str, str] = {}
    for name in PartyName.objects.filter(party__urn__in=wanted).select_related("party").order_by("lang"):
        if name.lang == lang or name.party.urn not in found:
            found[name.party.urn] = name.text
    return {urn: found.get(urn, urn) for urn in wanted}


def _whole(found: QuerySet[Work]) -> QuerySet[Work]:
    return found.select_related("registrant").prefetch_related("titles", "identifiers", "assets", "locators")
