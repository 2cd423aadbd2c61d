"""Offers and grants; what binds anybody comes by statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import bundles, openapi, shapes, wire
from api.access import Anybody, Operate, Read, View, Write, actor, now
from api.pages import after, found, page
from api.published import reading
from api.words import said
from licences import queries
from licences.explain import Explanation, explain_all
from licences.life import terms_of
from licences.models import Offer
from licences.states import State
from licences.verbs.discard import discard
from licences.verbs.draft import draft
from licences.verbs.offer import offer_grant
from licences.verbs.resume import resume_grant
from licences.verbs.suspend import suspend_grant


class Offers(View):
    """``/api/v1/offers``."""

    access = {"GET": Read, "POST": Write}

    @extend_schema(**openapi.OFFERS)
    def get(self, request: Request) -> Response:
        """Offers that the key's party has to do with, a page at a time."""
        given = wire.parameters(request, {"after"})
        rows = queries.offers(actor(request), after=after(given))
        return page(rows, lambda rows: _offers(rows, now(request), actor(request).party))

    @extend_schema(**openapi.DRAFT)
    def post(self, request: Request) -> Response:
        """Draft an offer; a draft binds nobody."""
        row = draft(actor(request), wire.body(request, shapes.OfferIn).terms, now(request))
        return Response(_one(row, request), status=201)


class OneOffer(View):
    """``/api/v1/offers/{urn}``."""

    access = {"GET": Read}

    @extend_schema(**openapi.OFFER)
    def get(self, request: Request, urn: str) -> Response:
        """One offer, by the id of its grant: where it stands, and what the key's party has to sign."""
        wire.parameters(request, ())
        return Response(_one(found(queries.offer(actor(request), urn)), request))


class PutForward(View):
    """``/api/v1/offers/{urn}/offer``."""

    access = {"POST": Write}

    @extend_schema(**openapi.PUT_FORWARD)
    def post(self, request: Request, urn: str) -> Response:
        """Freeze a draft and put it to everyone whose yes it needs."""
        row = found(queries.offer(actor(request), urn))
        return Response(_one(offer_grant(actor(request), row, now(request)), request))


class Discard(View):
    """``/api/v1/offers/{urn}/discard``."""

    access = {"POST": Write}

    @extend_schema(**openapi.DISCARD)
    def post(self, request: Request, urn: str) -> Response:
        """Throw a draft away."""
        return Response(_one(discard(actor(request), found(queries.offer(actor(request), urn))), request))


class Grants(View):
    """``/api/v1/grants``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.GRANTS)
    def get(self, request: Request) -> Response:
        """Grants, a page at a time."""
        given = wire.parameters(request, {"after"})
        return page(queries.grants(after=after(given)), lambda rows: _offers(rows, now(request), None))


class OneGrant(View):
    """``/api/v1/grants/{urn}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.GRANT)
    def get(self, request: Request, urn: str) -> Response:
        """One grant."""
        wire.parameters(request, ())
        (told,) = _offers([found(queries.grant(urn))], now(request), None)
        return Response(told)


class Credential(View):
    """``/api/v1/grants/{urn}/vc``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.CREDENTIAL)
    def get(self, request: Request, urn: str) -> HttpResponse:
        """The grant token, a verifiable credential; only once it is published, for else it is nothing."""
        with reading(now(request)) as published:
            return HttpResponse(bundles.token(urn, published), content_type="application/vc+jwt")


class Bundle(View):
    """``/api/v1/grants/{urn}/bundle``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.BUNDLE)
    def get(self, request: Request, urn: str) -> HttpResponse:
        """All evidence for the grant as a zip that ``priorconsent verify`` checks without us."""
        with reading(now(request)) as published:
            response = HttpResponse(bundles.bundle(urn, published), content_type="application/zip")
        name = urn.removeprefix("urn:uuid:")
        response.headers["Content-Disposition"] = f'attachment; filename="grant-{name}.zip"'
        return response


class Suspend(View):
    """``/api/v1/grants/{urn}/suspend``."""

    access = {"POST": Operate}

    @extend_schema(**openapi.SUSPEND)
    def post(self, request: Request, urn: str) -> Response:
        """Suspend a grant by court or dispute."""
        told = wire.body(request, shapes.SuspendIn)
        return _changed(
            request,
            urn,
            lambda row: suspend_grant(actor(request), row, cause=told.cause, reason=told.reason, now=now(request)),
        )


class Resume(View):
    """``/api/v1/grants/{urn}/resume``."""

    access = {"POST": Operate}

    @extend_schema(**openapi.RESUME)
    def post(self, request: Request, urn: str) -> Response:
        """End an operator's suspensions of one cause."""
        told = wire.body(request, shapes.ResumeIn)
        return _changed(request, urn, lambda row: resume_grant(actor(request), row, cause=told.cause, now=now(request)))


def _changed(request: Request, urn: str, verb: Callable[[Offer], Offer]) -> Response:
    return Response(_one(verb(found(queries.grant(urn))), request))


def _one(row: Offer, request: Request) -> shapes.OfferOut:
    # Read anew: a verb may have changed more than the row that it returns shows.
    fresh = Offer.objects.get(pk=row.pk)
    (told,) = _offers([fresh], now(request), actor(request).party)
    return told


def _offers(rows: Sequence[Offer], at: str, reader: str | None) -> list[shapes.OfferOut]:
    return [_offer(row, told, reader) for row, told in zip(rows, explain_all(rows, at), strict=True)]


def _offer(row: Offer, told: Explanation, reader: str | None) -> shapes.OfferOut:
    issued = getattr(row, "issued", None)
    return shapes.OfferOut(
        grant=row.grant,
        state=told.state,
        turn=told.turn,
        says=said((told.en, told.ja)),
        needed=told.needed,
        waiting_for=told.waiting_for,
        accepted=told.accepted,
        terms=row.terms if row.raw is None else terms_of(row).to_json(),
        offer=row.digest,
        token=issued.digest if issued else None,
        to_sign=tuple(_to_sign(row, reader)),
    )


def _to_sign(row: Offer, reader: str | None) -> Sequence[shapes.ToSign]:
    if row.state != State.OFFERED or row.digest is None or reader is None:
        return ()
    subject: dict[str, Any] = {"subject": row.digest, "body": {}}
    found: list[shapes.ToSign] = []
    if reader in row.needs:
        found.append(shapes.ToSign(type="approval", rights=tuple(row.needs[reader]), **subject))
    if reader == row.licensee:
        found.append(shapes.ToSign(type="acceptance", **subject))
    return found
