"""Addresses. What tests and readers rely on stands in design.md, section 9."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from api.access import Anybody
from api.views import buckets, decisions, discovery, files, health

HEX: Final = "[0-9a-f]{64}"
# C2SP tlog-tiles: level or "entries", then the index in groups of three digits, then perhaps a width.
TILE: Final = r"tile/(entries|[0-9]{1,2})/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?"


def _files(pattern: str, media_type: str, caching: str) -> URLPattern:
    kept = {"media_type": media_type, "caching": caching}
    return re_path(rf"^(?P<path>{pattern})\Z", files.public_file, kept)


urlpatterns: list[URLPattern] = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path(".well-known/prior-consent.json", discovery.registry),
    path(".well-known/did.json", discovery.did),
    _files("log/checkpoint", files.TEXT, files.ANEW),
    _files(f"log/{TILE}", files.BYTES, files.FOR_EVER),
    _files(f"blob/sha256/{HEX}", files.BYTES, files.FOR_EVER),
    _files(f"evidence/sha256/{HEX}", files.BYTES, files.ANEW),
    _files(r"snapshots/latest\.json", files.JSON, files.ANEW),
    _files(r"snapshots/[0-9]{1,16}\.sqlite", files.SQLITE, files.FOR_EVER),
    path("api/v1/openapi.json", SpectacularJSONAPIView.as_view(permission_classes=[Anybody])),
    path("api/v1/decisions", decisions.Decisions.as_view()),
    path("api/v1/buckets/<str:prefix>", buckets.Buckets.as_view()),
]
