"""Lists for people and machines; each takes the same few SQL queries whatever its length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from registry.actor import Actor
from registry.models import Party, PartyName, RefusalRecord, ShareSet, Work
from registry.share_sets import document_of

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


def share_sets(
    reader: Actor | None, *, work: str | None = None, state: str | None = None, after: int = 0
) -> list[ShareSet]:
    """Share sets that somebody may see, with the signatures under them, in order of their rows.

    Args:
        reader: ``None`` for a stranger.
        work: only those of this one.
        state: only those in it.
        after: row id to go on from.
    """
    found = _seen_by(reader).filter(pk__gt=after).order_by("pk")
    if work is not None:
        found = found.filter(work__urn=work)
    if state is not None:
        found = found.filter(state=state)
    return list(found[:MAX_ROWS])


def share_set(reader: Actor | None, digest: str) -> ShareSet | None:
    """One of them."""
    return _seen_by(reader).filter(digest=digest).first()


def refusals(*, party: str | None = None, after: int = 0) -> list[RefusalRecord]:
    """What parties refused, oldest first.

    Args:
        party: only what this one did.
        after: row id to go on from.
    """
    found = RefusalRecord.objects.filter(pk__gt=after).order_by("pk")
    if party is not None:
        found = found.filter(party=party)
    return list(found[:MAX_ROWS])


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


def _seen_by(reader: Actor | None) -> QuerySet[ShareSet]:
    """What is logged is public; a proposal concerns those who may have to sign it."""
    rows = ShareSet.objects.select_related("work__registrant").prefetch_related("statements", "checks__party")
    if reader is not None and reader.role == "operator":
        return rows
    logged = Q(state=ShareSet.State.LOGGED)
    if reader is None:
        return rows.filter(logged)
    mine = [row.pk for row in rows.exclude(logged) if reader.party in _signers(row)]
    return rows.filter(logged | Q(pk__in=mine))


def _signers(row: ShareSet) -> set[str]:
    return {row.work.registrant.urn, *(share.party for share in document_of(row).shares)}
