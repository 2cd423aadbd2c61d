"""May this be used? One question by GET, many by POST; nothing of them is stored or logged.

Each answer becomes a leaf, and the reply is made from the leaves, so that a receipt signs what was told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, receipts, wire
from api.access import Anybody, View, now
from api.problems import TooLargeError
from api.published import reading
from api.receipts import Wish
from api.shapes import Batch, Mark, Named
from priorconsent import query
from priorconsent.consent import States
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError
from priorconsent.receipts import MAX_ANSWERS, AnswerLeaf
from priorconsent.receipts import leaf as signable
from priorconsent.records import convert

# What one receipt can sign.
MAX_QUERIES: Final = MAX_ANSWERS


class Decisions(View):
    """``/api/v1/decisions``."""

    access = {"GET": Anybody, "POST": Anybody}

    @extend_schema(**openapi.DECISION)
    def get(self, request: Request) -> Response:
        """One question, as query parameters; a parameter given twice is refused."""
        given = wire.parameters(request)
        wish = receipts.wish_of_get(request, given)
        asked = {name: value for name, value in given.items() if name not in receipts.PARAMETERS}
        answered = _answer_all([asked], wish, now(request))
        [told] = answered.told
        return Response({**told, "checkpoint": answered.mark, **answered.receipt})

    @extend_schema(**openapi.DECISIONS)
    def post(self, request: Request) -> Response:
        """Many questions, answered in their order, each under its own ``ref``."""
        batch = wire.body(request, Batch)
        _check(batch)
        wish = receipts.wish_of_post(request, batch)
        answered = _answer_all([_asked(one, batch.defaults) for one in batch.queries], wish, now(request))
        decisions = [{"ref": one["ref"], **told} for one, told in zip(batch.queries, answered.told, strict=True)]
        return Response({"decisions": decisions, "checkpoint": answered.mark, **answered.receipt})


@dataclass(frozen=True, slots=True)
class _Answered:
    """What is told of each question, the checkpoint it rests on, and the receipt if one was asked for."""

    told: Sequence[dict[str, Any]]
    mark: Mark
    receipt: Mapping[str, Any]


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


def _answer_all(asked: Sequence[Mapping[str, Any]], wish: Wish | None, at: str) -> _Answered:
    with reading(at) as published:
        if wish is not None:
            published.check_public()
        answers = [_answer(i, one, published.map, at) for i, one in enumerate(asked)]
        # The map moves on for whoever asks next.
        mark, head, trust = published.mark, published.map.head, published.trust
    leaves = [leaf for leaf, _ in answers]
    told = [_told(leaf, besides) for leaf, besides in answers]
    return _Answered(told, mark, receipts.given(wish, leaves, head, trust, at))


def _answer(i: int, asked: Mapping[str, Any], states: States, at: str) -> tuple[AnswerLeaf, dict[str, Any]]:
    """The answer as it would be signed, and what is told besides.

    A question that does not parse gets a no that says where.
    """
    try:
        parsed = query.parse(asked, now=at)
    except MalformedError as error:
        decision = refuse("invalid_query")
        besides = {"detail": error.detail[:500], "pointer": error.pointer}
        return signable(i, None, decision, states), {**_unsigned(decision), **besides}
    decision = decide(parsed, states)
    return signable(i, parsed, decision, states), _unsigned(decision)


def _unsigned(decision: Decision) -> dict[str, Any]:
    return {"contested": list(decision.contested), "conditions": dict(decision.conditions)}


def _told(leaf: AnswerLeaf, besides: Mapping[str, Any]) -> dict[str, Any]:
    """The reply says what the leaf says, and nothing of its own where the leaf speaks."""
    return {
        "verdict": leaf.verdict,
        "reason": leaf.reason,
        "works": list(leaf.works),
        "grants": [grant.id for grant in leaf.grants],
        "binding": leaf.binding,
        "until": leaf.until,
        **besides,
    }
