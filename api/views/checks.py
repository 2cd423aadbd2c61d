"""What operators checked: names for a party, share sets as they are proposed."""

from __future__ import annotations

from collections.abc import Iterable

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, shapes, wire
from api.access import Operate, View, actor, now
from registry.verbs.check_names import check_names
from registry.verbs.check_shares import check_shares


class Names(View):
    """``/api/v1/checks/names``."""

    access = {"POST": Operate}

    @extend_schema(**openapi.CHECK_NAMES)
    def post(self, request: Request) -> Response:
        """Record how a party showed control of names; it raises claims made from now on."""
        told = wire.body(request, shapes.NamesCheckIn)
        rows = check_names(
            actor(request),
            party=told.party,
            work=told.work,
            aliases=told.names,
            seen=told.seen,
            level=told.level,
            now=now(request),
        )
        return _checked([row.name for row in rows], now(request))


class ShareSets(View):
    """``/api/v1/checks/share-sets``."""

    access = {"POST": Operate}

    @extend_schema(**openapi.CHECK_SHARES)
    def post(self, request: Request) -> Response:
        """Record which documents stand behind proposed share sets; it raises these sets and no other, once signed."""
        told = wire.body(request, shapes.ShareSetsCheckIn)
        holders = None if told.holders is None else [(holder.right, holder.party) for holder in told.holders]
        check_shares(
            actor(request), told.share_sets, holders=holders, seen=told.seen, level=told.level, now=now(request)
        )
        return _checked(told.share_sets, now(request))


def _checked(what: Iterable[str], at: str) -> Response:
    return Response(shapes.CheckOut(checked=tuple(sorted(set(what))), at=at), status=201)
