"""The API description as a document."""

from __future__ import annotations

import functools

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from api.problems import answers


@answers("GET", "HEAD")
def description(request: HttpRequest) -> HttpResponse:
    """``/api/v1/openapi.json``."""
    del request
    response = HttpResponse(_described(), content_type=OpenApiJsonRenderer.media_type)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@functools.cache
def _described() -> bytes:
    """Made once: it takes a good part of a second, and changes with the code alone."""
    with translation.override("en"):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        return bytes(OpenApiJsonRenderer().render(schema))
