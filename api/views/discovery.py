"""Where things are. Only for finding them: what is believed comes from a trust file."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.access import now
from api.problems import answers
from api.published import Published, reading
from priorconsent import canonical
from priorconsent.keys import Keyset

# Long enough to spare the server, short enough for a monitor.
SOON: Final = "public, max-age=60"
PATHS: Final = {
    "api": "/api/v1/",
    "openapi": "/api/v1/openapi.json",
    "log": "/log",
    "blob": "/blob/sha256",
    "evidence": "/evidence/sha256",
    "snapshots": "/snapshots",
}


@answers("GET", "HEAD")
def registry(request: HttpRequest) -> HttpResponse:
    """``/.well-known/prior-consent.json``: which registry this is, and how far its log has come."""
    with reading(now(request)) as published:
        return _json(_registry(published), "application/json")


@answers("GET", "HEAD")
def did(request: HttpRequest) -> HttpResponse:
    """``/.well-known/did.json``: the registry's public keys as a did:web document."""
    with reading(now(request)) as published:
        return _json(_did(published.keyset(), now(request)), "application/did+json")


def _registry(published: Published) -> dict[str, object]:
    base = settings.PRIORCONSENT_BASE_URL
    return {
        "registry": published.trust.registry,
        "origin": published.mark.origin,
        # The log's own keys and its witnesses; to be compared with a trust file, never taken for one.
        "log_policy": published.trust.log_policy,
        "checkpoint": published.mark,
        "snapshot": f"{base}{PATHS['snapshots']}/{published.latest.file}",
        **{name: base + path for name, path in PATHS.items()},
    }


def _did(keyset: Keyset, at: str) -> dict[str, object]:
    # did:web escapes the colon before a port.
    name = "did:web:" + settings.PRIORCONSENT_BASE_URL.partition("://")[2].replace(":", "%3A")
    keys = [(f"{name}#{key.jwk.thumbprint}", key) for key in keyset.keys if key.valid_at(at)]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
        "id": name,
        "verificationMethod": [
            {"id": kid, "type": "JsonWebKey2020", "controller": name, "publicKeyJwk": key.jwk.to_json()}
            for kid, key in keys
        ],
        "assertionMethod": [kid for kid, key in keys if key.use == "grant"],
    }


def _json(body: dict[str, object], media_type: str) -> HttpResponse:
    response = HttpResponse(canonical.encode(body), content_type=media_type)
    response.headers["Cache-Control"] = SOON
    return response
