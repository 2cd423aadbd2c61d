"""Addresses. What tests and readers rely on stands in the README."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path, re_path

from api.views import (
    buckets,
    catalogue,
    checks,
    decisions,
    description,
    discovery,
    files,
    health,
    licences,
    registry,
    start,
    statements,
)

HEX: Final = "[0-9a-f]{64}"
# C2SP tlog-tiles: level or "entries", then the index in groups of three digits, then perhaps a width.
TILE: Final = r"tile/(entries|[0-9]{1,2})/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?"


def _files(pattern: str, media_type: str, caching: str) -> URLPattern:
    kept = {"media_type": media_type, "caching": caching}
    return re_path(rf"^(?P<path>{pattern})\Z", files.public_file, kept)


urlpatterns: list[URLPattern] = [
    path("", start.start),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path(".well-known/prior-consent.json", discovery.registry),
    path(".well-known/did.json", discovery.did),
    _files("log/checkpoint", files.TEXT, files.ANEW),
    # Signed and not countersigned yet: for monitors alone.
    _files("log/unwitnessed/checkpoint", files.TEXT, files.ANEW),
    _files("log/checkpoints/[0-9]{1,16}", files.TEXT, files.ANEW),
    _files(f"log/{TILE}", files.BYTES, files.FOR_EVER),
    _files(f"blob/sha256/{HEX}", files.BYTES, files.FOR_EVER),
    _files(f"evidence/sha256/{HEX}", files.BYTES, files.ANEW),
    _files(r"timestamps/[0-9]{1,16}/[0-9a-f]{1,64}\.tsr", files.TIME_STAMP, files.FOR_EVER),
    _files(r"snapshots/latest\.json", files.JSON, files.ANEW),
    _files(r"snapshots/[0-9]{1,16}\.sqlite", files.SQLITE, files.FOR_EVER),
    path("api/v1/openapi.json", description.description),
    path("api/v1/decisions", decisions.Decisions.as_view()),
    path("api/v1/buckets/<str:prefix>", buckets.Buckets.as_view()),
    path("api/v1/statements", statements.Statements.as_view()),
    path("api/v1/parties", registry.Parties.as_view()),
    path("api/v1/parties/<str:urn>", registry.OneParty.as_view()),
    path("api/v1/works", registry.Works.as_view()),
    path("api/v1/works/<str:urn>", registry.OneWork.as_view()),
    path("api/v1/works-to-sign", catalogue.WorksToSign.as_view()),
    path("api/v1/work-changes", catalogue.WorkChanges.as_view()),
    path("api/v1/suggestions", catalogue.Suggestions.as_view()),
    path("api/v1/share-sets", registry.ShareSets.as_view()),
    path("api/v1/share-sets/<str:digest>", registry.OneShareSet.as_view()),
    path("api/v1/refusals", registry.Refusals.as_view()),
    path("api/v1/refusals/<str:urn>", registry.OneRefusal.as_view()),
    path("api/v1/checks/names", checks.Names.as_view()),
    path("api/v1/checks/share-sets", checks.ShareSets.as_view()),
    path("api/v1/offers", licences.Offers.as_view()),
    path("api/v1/offers/<str:urn>", licences.OneOffer.as_view()),
    path("api/v1/offers/<str:urn>/offer", licences.PutForward.as_view()),
    path("api/v1/offers/<str:urn>/discard", licences.Discard.as_view()),
    path("api/v1/grants", licences.Grants.as_view()),
    path("api/v1/grants/<str:urn>", licences.OneGrant.as_view()),
    path("api/v1/grants/<str:urn>/vc", licences.Credential.as_view()),
    path("api/v1/grants/<str:urn>/bundle", licences.Bundle.as_view()),
    path("api/v1/grants/<str:urn>/suspend", licences.Suspend.as_view()),
    path("api/v1/grants/<str:urn>/resume", licences.Resume.as_view()),
]
