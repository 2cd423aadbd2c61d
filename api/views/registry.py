"""Parties, works, share sets and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, shapes, wire
from api.access import Anybody, View, Write, actor, by_key, has_key, now
from api.pages import MAX_ROWS, after, found, page
from priorconsent import canonical, names
from priorconsent import vocabulary as words
from registry import queries, search
from registry.actor import Actor
from registry.models import Party, RefusalRecord, ShareSet, Work
from registry.share_sets import body_to_sign, document_of
from registry.verbs.add_party import add_party
from registry.verbs.add_work import Description, File, Title, add_work
from registry.verbs.propose_shares import propose_shares
from transparency.store import current_states


class Parties(View):
    """``/api/v1/parties``."""

    access = {"GET": Anybody, "POST": Write}

    @extend_schema(**openapi.PARTIES)
    def get(self, request: Request) -> Response:
        """Parties, a page at a time."""
        given = wire.parameters(request, {"after", "kind"})
        return page(queries.parties(kind=given.get("kind"), after=after(given)), _parties)

    @extend_schema(**openapi.ADD_PARTY)
    def post(self, request: Request) -> Response:
        """Add a party. Its pseudonym and kind go into the log; its names never do."""
        told = wire.body(request, shapes.PartyIn)
        row = add_party(
            actor(request),
            kind=told.kind,
            names=told.names,
            identifiers=[(number.scheme, number.value) for number in told.identifiers],
            members=told.members,
            now=now(request),
        )
        return Response(_party(row), status=201)


class OneParty(View):
    """``/api/v1/parties/{urn}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.PARTY)
    def get(self, request: Request, urn: str) -> Response:
        """One party."""
        wire.parameters(request, ())
        return Response(_party(found(Party.objects.filter(urn=urn).first())))


class Works(View):
    """``/api/v1/works``."""

    access = {"GET": Anybody, "POST": Write}

    @extend_schema(**openapi.WORKS)
    def get(self, request: Request) -> Response:
        """Works, a page at a time, all or those that a text leads to; a title never identifies one."""
        given = wire.parameters(request, {"after", "q"})
        if "q" not in given:
            return page(queries.works(after=after(given)), _works)
        return page(search.find(given["q"], MAX_ROWS, after(given)), _works_found, attrgetter("place"))

    @extend_schema(**openapi.ADD_WORK)
    def post(self, request: Request) -> Response:
        """Add a work; ``to_sign`` of the answer is the claim that brings it into the log."""
        told = wire.body(request, shapes.WorkIn)
        row = add_work(actor(request), told.registrant, _description(told), now(request))
        body = {"work": row.urn, "kind": row.kind, "party": told.registrant}
        return Response(_work(found(queries.work(row.urn)), to_sign=_to_sign("claim", body)), status=201)


class OneWork(View):
    """``/api/v1/works/{urn}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.WORK)
    def get(self, request: Request, urn: str) -> Response:
        """One work, and the claim to sign as long as the log does not know it."""
        wire.parameters(request, ())
        row = found(queries.work(urn))
        if current_states().state(names.work(urn)) is not None:
            return Response(_work(row))
        body = {"work": row.urn, "kind": row.kind, "party": row.registrant.urn}
        return Response(_work(row, to_sign=_to_sign("claim", body)))


class ShareSets(View):
    """``/api/v1/share-sets``."""

    access = {"GET": Anybody, "POST": Write}

    @extend_schema(**openapi.SHARE_SETS)
    def get(self, request: Request) -> Response:
        """Share sets, a page at a time: what is logged, and with an API key what waits for its party."""
        given = wire.parameters(request, {"after", "work", "state"})
        rows = queries.share_sets(
            _reader(request), work=given.get("work"), state=given.get("state"), after=after(given)
        )
        return page(rows, lambda rows: [_share_set(row) for row in rows])

    @extend_schema(**openapi.PROPOSE_SHARES)
    def post(self, request: Request) -> Response:
        """Propose the next share set of a work; ``to_sign`` of the answer is what its signers sign."""
        told = wire.body(request, shapes.ShareSetIn)
        row = propose_shares(
            actor(request),
            told.work,
            shares=[(share.right, share.party) for share in told.shares],
            links=[(link.rel, link.work) for link in told.links],
            complete=told.complete,
            now=now(request),
        )
        return Response(_share_set(row), status=201)


class OneShareSet(View):
    """``/api/v1/share-sets/{digest}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.SHARE_SET)
    def get(self, request: Request, digest: str) -> Response:
        """One share set."""
        wire.parameters(request, ())
        return Response(_share_set(found(queries.share_set(_reader(request), digest))))


class Refusals(View):
    """``/api/v1/refusals``; made and ended by statement."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.REFUSALS)
    def get(self, request: Request) -> Response:
        """Refusals, a page at a time."""
        given = wire.parameters(request, {"after", "party"})
        rows = queries.refusals(party=given.get("party"), after=after(given))
        return page(rows, lambda rows: [_refusal(row) for row in rows])


class OneRefusal(View):
    """``/api/v1/refusals/{urn}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.REFUSAL)
    def get(self, request: Request, urn: str) -> Response:
        """One refusal."""
        wire.parameters(request, ())
        return Response(_refusal(found(RefusalRecord.objects.filter(urn=urn).first())))


def _reader(request: Request) -> Actor | None:
    return by_key(request, "read") if has_key(request) else None


def _to_sign(kind: str, body: dict[str, Any]) -> shapes.ToSign:
    return shapes.ToSign(type=kind, subject=canonical.digest(canonical.encode(body)), body=body)


def _parties(rows: Sequence[Party]) -> list[shapes.PartyOut]:
    return [_party(row) for row in rows]


def _party(row: Party) -> shapes.PartyOut:
    public = row.kind in words.PARTY_KINDS - {"person"}
    return shapes.PartyOut(
        party=row.urn,
        kind=row.kind,
        names={name.lang: name.text for name in row.names.all()} if public else {},
        identifiers=_numbers(row.identifiers.all()) if public else (),
        members=tuple(sorted(member.urn for member in row.members.all())),
        added_at=row.added_at,
    )


def _numbers(rows: Any) -> tuple[shapes.Number, ...]:
    return tuple(shapes.Number(scheme=row.scheme, value=row.value) for row in rows)


def _works(rows: Sequence[Work]) -> list[shapes.WorkOut]:
    return [_work(row) for row in rows]


def _works_found(hits: Sequence[search.Hit]) -> list[shapes.WorkOut]:
    match = {hit.work: hit.match for hit in hits}
    rows = queries.works_of([hit.work for hit in hits])
    states = current_states()
    states.load(names.work(row.urn) for row in rows)
    return [_work(row, match=match[row.pk], logged=states.state(names.work(row.urn)) is not None) for row in rows]


def _work(row: Work, **more: Any) -> shapes.WorkOut:
    return shapes.WorkOut(
        work=row.urn,
        kind=row.kind,
        registrant=row.registrant.urn,
        titles=tuple(
            shapes.TitleOf(lang=title.lang, form=title.form, text=title.text)  # type: ignore[arg-type]
            for title in row.titles.all()
        ),
        date=row.date,
        rights_statement=row.rights_statement,
        identifiers=_numbers(row.identifiers.all()),
        files=tuple(
            shapes.FileOf(sha256=file.sha256, size_bytes=file.size_bytes, media_type=file.media_type)
            for file in row.assets.all()
        ),
        locators=tuple(place.name for place in row.locators.all()),
        added_at=row.added_at,
        **more,
    )


def _description(told: shapes.WorkIn) -> Description:
    return Description(
        kind=told.kind,
        titles=tuple(Title(title.lang, title.form, title.text) for title in told.titles),
        date=told.date,
        rights_statement=told.rights_statement,
        identifiers=tuple((number.scheme, number.value) for number in told.identifiers),
        files=tuple(File(file.sha256, file.size_bytes, file.media_type) for file in told.files),
        locators=told.locators,
    )


def _share_set(row: ShareSet) -> shapes.ShareSetOut:
    document = document_of(row)
    more = {"to_sign": _to_sign("shares", body_to_sign(document))} if row.state == ShareSet.State.PROPOSED else {}
    return shapes.ShareSetOut(
        share_set=row.digest,
        state=row.state,
        reason=row.reason,
        document=document.to_json(),
        signed_by=tuple(sorted(one.party for one in row.statements.all())),
        checked=tuple(shapes.ShareIn(right, party) for right, party in sorted(_checks(row))),
        proposed_at=row.proposed_at,
        **more,
    )


def _checks(row: ShareSet) -> set[tuple[str, str]]:
    return {(check.right, check.party.urn) for check in row.checks.all()}


def _refusal(row: RefusalRecord) -> shapes.RefusalOut:
    return shapes.RefusalOut(
        refusal=row.urn,
        party=row.party,
        vendors=tuple(row.vendors),
        works=tuple(row.works),
        uses=tuple(row.uses),
        received_at=row.received_at,
        ended_at=row.ended_at or None,
    )
