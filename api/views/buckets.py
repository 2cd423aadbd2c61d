"""A private look-up: all states under a prefix of keys, proved; the question stays with who asks."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from api import openapi
from api.access import Anybody, View, now
from api.published import reading
from priorconsent.bucket import of_map


class Buckets(View):
    """``/api/v1/buckets/{prefix}``."""

    access = {"GET": Anybody}

    @extend_schema(**openapi.BUCKET)
    def get(self, request: Request, prefix: str) -> HttpResponse:
        """The bucket of a prefix of 2 to 64 hex digits, as docs/spec/files.md has it."""
        with reading(now(request)) as published:
            return HttpResponse(of_map(published.map, prefix), content_type="application/json")
