"""The API description: OpenAPI 3.1.1, its schemas made from the records that read and write the bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from api import shapes
from api.problems import MEDIA_TYPE
from priorconsent import bucket
from priorconsent import vocabulary as words
from priorconsent.records import Record

REF: Final = "#/components/schemas/{name}"
API_KEY: Final = "apiKey"

BODIES: tuple[type[Record], ...] = (
    shapes.Problem,
    shapes.Batch,
    shapes.OneDecision,
    shapes.Decisions,
    bucket.Bucket,
)


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What drf-spectacular calls last: our schemas and the security scheme."""
    _, schemas = msgspec.json.schema_components(BODIES, ref_template=REF)
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    scheme = {"type": "http", "scheme": "bearer", "description": "An API key: pc_…"}
    components["securitySchemes"] = {API_KEY: scheme}
    return result


def operation(  # noqa: PLR0913 (what an operation consists of)
    name: str,
    answer: type[Record] | Mapping[str, Any],
    *,
    status: int = 200,
    body: type[Record] | None = None,
    key: bool = False,
    media_type: str = "application/json",
    parameters: Iterable[OpenApiParameter] = (),
    examples: Iterable[OpenApiExample] = (),
) -> dict[str, Any]:
    """Arguments of ``extend_schema`` for one operation.

    Args:
        answer: the record that a success returns, or a schema.
        key: whether an API key is needed.
    """
    schema = answer if isinstance(answer, Mapping) else _reference(answer)
    told: dict[str, Any] = {
        "operation_id": name,
        "tags": [name.partition("_")[0]],
        "responses": {
            (status, media_type): schema,
            ("4XX", MEDIA_TYPE): _reference(shapes.Problem),
            ("5XX", MEDIA_TYPE): _reference(shapes.Problem),
        },
        "parameters": list(parameters),
        "examples": list(examples),
        "auth": [{API_KEY: []}] if key else [{}],
    }
    return told | {"request": {"application/json": _reference(body)} if body else None}


def query(name: str, description: str, **more: Any) -> OpenApiParameter:
    """A query parameter."""
    return OpenApiParameter(name, str, OpenApiParameter.QUERY, description=description, **more)


def in_path(name: str, description: str, pattern: str) -> OpenApiParameter:
    """A part of the path."""
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=description, pattern=pattern)


def _reference(kind: type[Record]) -> dict[str, str]:
    return {"$ref": REF.format(name=kind.__name__)}


_QUESTION = (
    query("sha256", "Key: SHA-256 of the file, 64 hex digits. Give exactly one key."),
    query("url", "Key: where the file was found."),
    query("work", "Key: id of a work, urn:uuid:…"),
    query("identifier", "Key: scheme:value, such as isbn:9784000000000."),
    query("use", "A use code.", required=True, enum=sorted(words.USES)),
    query("at", "The instant asked about; default now, never the future."),
    query("acquired_at", "When the copy was made; default at."),
    query("vendor", "For whom: id of a party, urn:uuid:…"),
    query("territory", "Where the act takes place, ISO 3166-1 alpha-2."),
    query("modality", "What goes in.", enum=sorted(words.MODALITIES)),
    query("modality_out", "What comes out.", enum=sorted(words.MODALITIES)),
    query("model", "Name of the model."),
    query("distribution", "How the model is distributed.", enum=sorted(words.DISTRIBUTIONS)),
    query("min_level", "Least evidence level; default E1.", enum=list(words.LEVELS[1:])),
    query("min_method", "Least method of signing; default passkey.", enum=list(words.METHODS)),
)

# The ids and the file are those of scenario 1 of the published vectors; a test asks and compares.
_WORK = "urn:uuid:00000000-0000-4000-8000-0000000000a2"
_GRANT = "urn:uuid:00000000-0000-7000-8000-0000000000f1"
_MARK = {
    "origin": "log.registry.example/1",
    "size": 2,
    "root": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "time": "2026-12-11T00:00:00Z",
}
_NO = {"binding": None, "conditions": {}, "contested": [], "grants": [], "until": None, "verdict": "not_permitted"}
_FILE = "c6ff2df5b1dd3ac3bbd0aeb0d6f8e2cf0a6f3d2a3e0e5a1f7b1f4fcb5bca0b30"
_FOR = {
    "use": "train.generative.pretrain",
    "vendor": "urn:uuid:00000000-0000-4000-8000-000000000003",
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
}
_ANSWERS = {
    "granted": {
        "binding": "digest",
        "conditions": {_GRANT: {}},
        "contested": [],
        "grants": [_GRANT],
        "reason": "granted",
        "until": "2028-01-01T00:00:00Z",
        "verdict": "permitted",
        "works": [_WORK],
    },
    "other_use": {**_NO, "reason": "use_not_granted", "works": [_WORK]},
    "no_record": {**_NO, "reason": "no_record", "works": []},
}
_QUERIES = {
    "granted": {"ref": "granted", "sha256": _FILE},
    "other_use": {"ref": "other_use", "sha256": _FILE, "use": "generate.expression"},
    "no_record": {"ref": "no_record", "url": "https://elsewhere.example/film.mp4"},
}

DECISION: Final = operation(
    "decisions_ask",
    shapes.OneDecision,
    parameters=_QUESTION,
    examples=[
        OpenApiExample(name, value={**answer, "checkpoint": _MARK}, response_only=True, status_codes=["200"])
        for name, answer in _ANSWERS.items()
    ],
)
DECISIONS: Final = operation(
    "decisions_ask_many",
    shapes.Decisions,
    body=shapes.Batch,
    examples=[
        OpenApiExample("batch", value={"queries": list(_QUERIES.values()), "defaults": _FOR}, request_only=True),
        OpenApiExample(
            "batch",
            value={"decisions": [{"ref": name, **told} for name, told in _ANSWERS.items()], "checkpoint": _MARK},
            response_only=True,
            status_codes=["200"],
        ),
    ],
)
BUCKET: Final = operation(
    "buckets_get",
    bucket.Bucket,
    parameters=[in_path("prefix", "The first 2 to 64 hex digits of a key of the map.", "^[0-9a-f]{2,64}$")],
)
