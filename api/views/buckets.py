"""A private look-up: all states under a prefix of keys, proved; the question stays with who asks."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from api import openapi
from api.access import Anybody, View, now
from api.problems import NotReadyError
from api.published import reading
from priorconsent.bucket import of_map
from priorconsent.errors import MalformedError
from priorconsent.log import spelling
from transparency import past_maps, proofs
from transparency.tasks import rebuild_past


class Buckets(View):
    """``/api/v1/buckets/{prefix}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.BUCKET)
    def get(self, request: Request, prefix: str) -> HttpResponse:
        """The bucket of a prefix of 2 to 64 hex digits, as docs/spec/files.md has it; now, or at a published size."""
        if "size" in request.query_params:
            raw = _then(prefix, request.query_params["size"])
            return HttpResponse(raw, content_type="application/json")
        with reading(now(request)) as published:
            return HttpResponse(of_map(published.map, prefix), content_type="application/json")


def _then(prefix: str, size: str) -> bytes:
    checkpoint = proofs.published(_read_size(size))
    if not (past_maps.is_ready(checkpoint.size) or proofs.is_newest(checkpoint.size)):
        rebuild_past.delay(checkpoint.size)
        # Without a worker the task has run by now.
        if not past_maps.is_ready(checkpoint.size):
            raise NotReadyError(f"the map of {checkpoint.size} events is being computed; ask again in a while")
    return proofs.bucket_at(prefix, checkpoint)


def _read_size(text: str) -> int:
    try:
        return spelling.from_decimal(text)
    except MalformedError:
        raise MalformedError(f"not a tree size: {text[:40]!r}", pointer="/size") from None
