"""May this be used? One question by GET, many by POST; nothing of them is stored or logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, wire
from api.access import Anybody, View, now
from api.problems import TooLargeError
from api.published import reading
from api.shapes import Batch, Named
from priorconsent import query
from priorconsent.consent import States
from priorconsent.decision import decide, refuse
from priorconsent.errors import MalformedError
from priorconsent.records import convert

MAX_QUERIES: Final = 1000


class Decisions(View):
    """``/api/v1/decisions``."""

    access = {"GET": Anybody, "POST": Anybody}

    @extend_schema(**openapi.DECISION)
    def get(self, request: Request) -> Response:
        """One question, as query parameters; a parameter given twice is refused."""
        asked = wire.parameters(request)
        with reading(now(request)) as published:
            answer = _answer(asked, published.map, now(request))
            return Response({**answer, "checkpoint": published.mark})

    @extend_schema(**openapi.DECISIONS)
    def post(self, request: Request) -> Response:
        """Many questions, answered in their order, each under its own ``ref``."""
        batch = wire.body(request, Batch)
        _check(batch)
        with reading(now(request)) as published:
            decisions = [
                {"ref": asked["ref"], **_answer(_asked(asked, batch.defaults), published.map, now(request))}
                for asked in batch.queries
            ]
            return Response({"decisions": decisions, "checkpoint": published.mark})


def _check(batch: Batch) -> None:
    if len(batch.queries) > MAX_QUERIES:
        raise TooLargeError(f"{len(batch.queries)} queries, at most {MAX_QUERIES} at once", pointer="/queries")
    if "ref" in batch.defaults:
        raise MalformedError("each query has its own ref", pointer="/defaults/ref")
    for index, asked in enumerate(batch.queries):
        try:
            convert({name: asked[name] for name in asked.keys() & {"ref"}}, Named)
        except MalformedError as error:
            raise MalformedError(error.detail, pointer=f"/queries/{index}/ref") from None


def _asked(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**defaults, **given}.items() if name != "ref"}


def _answer(asked: Mapping[str, Any], states: States, at: str) -> dict[str, Any]:
    """The decision; of a question that does not parse, a no that says where."""
    try:
        parsed = query.parse(asked, now=at)
    except MalformedError as error:
        return {**refuse("invalid_query").to_json(), "detail": error.detail[:500], "pointer": error.pointer}
    return decide(parsed, states).to_json()
