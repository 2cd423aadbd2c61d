"""Many works of one registrant: what to sign next, what catalogues changed, whom they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import list_shapes, openapi, wire
from api.access import Read, View, Write, actor, now
from api.pages import MAX_ROWS, after, page
from priorconsent.errors import MalformedError
from registry.actor import Actor
from registry.imports import lookups
from registry.imports.signing import Asked, list_page
from registry.models import Import, Work, WorkChange


class WorksToSign(View):
    """``/api/v1/works-to-sign``."""

    access = {"POST": Write}

    @extend_schema(**openapi.WORKS_TO_SIGN)
    def post(self, request: Request) -> Response:
        """List what a registrant signs next for its works, a page at a time: claims, then shares.

        Shares are proposed as they are listed. A page may be empty while there is a next one.
        """
        told = wire.body(request, list_shapes.ListIn)
        asked = Asked(told.registrant, told.works, _parties(told))
        listed = list_page(actor(request), asked, now(request), after=after({"after": told.after}), size=MAX_ROWS)
        following = None if listed.next is None else str(listed.next)
        return Response({"items": list(listed.items), "next": following})


class WorkChanges(View):
    """``/api/v1/work-changes``."""

    access = {"GET": Read}

    @extend_schema(**openapi.WORK_CHANGES)
    def get(self, request: Request) -> Response:
        """What later versions of catalogues changed about your works, a page at a time."""
        given = wire.parameters(request, {"after", "work"})
        rows = lookups.changes(_whose(actor(request)), work=given.get("work"), after=after(given))
        return page(rows, _changes)


class Suggestions(View):
    """``/api/v1/suggestions``."""

    access = {"GET": Read}

    @extend_schema(**openapi.SUGGESTIONS)
    def get(self, request: Request) -> Response:
        """Holders and sources that catalogues name beside your works, a page at a time; nobody's word yet."""
        given = wire.parameters(request, {"after", "work"})
        rows = lookups.suggestions(_whose(actor(request)), work=given.get("work"), after=after(given))
        return page(rows, _suggestions)


def _whose(reader: Actor) -> str | None:
    """Whose works a reader sees: an operator everybody's, anybody else those of its party."""
    return None if reader.role == "operator" else reader.party or ""


def _parties(told: list_shapes.ListIn) -> Mapping[str, str]:
    parties = {named.name: named.party for named in told.parties}
    if len(parties) != len(told.parties):
        raise MalformedError("a name stands for one party", pointer="/parties")
    return parties


def _changes(rows: Sequence[WorkChange]) -> list[list_shapes.WorkChangeOut]:
    return [
        list_shapes.WorkChangeOut(
            work=row.work.urn, member=row.member, old=row.old, new=row.new, source=_source(row.source)
        )
        for row in rows
    ]


def _source(row: Import) -> list_shapes.ImportOut:
    return list_shapes.ImportOut(
        file=row.file, sha256=row.sha256, by=row.by, started_at=row.started_at, finished_at=row.finished_at or None
    )


def _suggestions(rows: Sequence[Work]) -> list[list_shapes.SuggestionsOut]:
    return [
        list_shapes.SuggestionsOut(
            work=row.urn,
            holders=tuple(
                list_shapes.SuggestedHolderOut(name=holder.name, right=holder.right, split=holder.split)
                for holder in row.suggested_holders.all()
            ),
            links=tuple(
                list_shapes.SuggestedLinkOut(rel=link.rel, said=link.said) for link in row.suggested_links.all()
            ),
        )
        for row in rows
    ]
