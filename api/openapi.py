"""The API description: OpenAPI 3.1.1, its schemas made from the records that read and write the bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from api import list_shapes, shapes
from api.problems import MEDIA_TYPE
from priorconsent import bucket
from priorconsent import vocabulary as words
from priorconsent.lists import MAX_LINES_AT_ONCE, Outcomes, SignedLine, UnsignedLine
from priorconsent.records import Record

REF: Final = "#/components/schemas/{name}"
API_KEY: Final = "apiKey"

BODIES: Final = (bucket.Bucket, *shapes.ALL, *list_shapes.ALL)


def add_components(result: dict[str, Any], **_arguments: Any) -> dict[str, Any]:
    """What drf-spectacular calls last: our schemas and the security scheme."""
    _refs, schemas = msgspec.json.schema_components(BODIES, ref_template=REF)
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    scheme = {"type": "http", "scheme": "bearer", "description": "An API key: pc_…"}
    components["securitySchemes"] = {API_KEY: scheme}
    return result


def operation(
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
    query("receipt", "Whether to sign for the answer.", enum=["true"]),
    query("nonce", "For the receipt to repeat: 16 random bytes, base64url.", pattern="^[A-Za-z0-9_-]{21}[AQgw]$"),
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
_NO: dict[str, Any] = {
    "binding": None,
    "conditions": {},
    "contested": [],
    "grants": [],
    "until": None,
    "verdict": "not_permitted",
}
_FILE = "def000e2c18cb9e468c7f0bf6ec3110a0d70040b7f026efd33feb27667fc9302"
_FOR = {
    "use": "train.generative.pretrain",
    "vendor": "urn:uuid:00000000-0000-4000-8000-000000000003",
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
}
_ANSWERS: dict[str, dict[str, Any]] = {
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
    parameters=[
        in_path("prefix", "The first 2 to 64 hex digits of a key of the map.", "^[0-9a-f]{2,64}$"),
        query("size", "Of the map of this published checkpoint, by its size; else of the newest."),
    ],
)

STATEMENT: Final = operation("statements_take", shapes.Recorded, status=202, body=shapes.StatementIn)
_ONE_OR_MANY: Final = [_reference(shapes.StatementIn), {"type": "array", "items": _reference(SignedLine)}]
STATEMENT["request"] = {
    "application/json": {"oneOf": _ONE_OR_MANY},
    "application/jose": {"type": "string", "description": "Compact JWS."},
    "application/jsonl": {"type": "string", "description": f"A SignedLine a line; {MAX_LINES_AT_ONCE} lines at most."},
}
STATEMENT["responses"][(200, "application/json")] = _reference(Outcomes)

_AFTER = query("after", "The next of the page before.")
_URN = in_path("urn", "urn:uuid:…", "^urn:uuid:[0-9a-f-]{36}$")
_DIGEST = in_path("digest", "sha256:…", "^sha256:[0-9a-f]{64}$")


def _page_of(kind: type[Record]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": _reference(kind)},
            "next": {"type": ["string", "null"], "description": "To go on from; null on the last page."},
        },
        "required": ["items", "next"],
    }


def _list(name: str, kind: type[Record], *parameters: OpenApiParameter, key: bool = False) -> dict[str, Any]:
    return operation(name, _page_of(kind), parameters=[_AFTER, *parameters], key=key)


def _act(name: str, answer: type[Record], body: type[Record] | None = None) -> dict[str, Any]:
    return operation(name, answer, body=body, parameters=[_URN], key=True)


PARTIES: Final = _list("parties_list", shapes.PartyOut, query("kind", "Only this kind."))
PARTY: Final = operation("parties_get", shapes.PartyOut, parameters=[_URN])
ADD_PARTY: Final = operation("parties_add", shapes.PartyOut, status=201, body=shapes.PartyIn, key=True)
_TYPED: Final = query(
    "q",
    "Only works of which a title has this in it, best matches first. Width, case, diacritics, punctuation and long "
    "vowels do not count; kana and romaji are one. One or two Latin letters are looked for where words begin.",
)
WORKS: Final = _list("works_list", shapes.WorkOut, _TYPED)
WORK: Final = operation("works_get", shapes.WorkOut, parameters=[_URN])
ADD_WORK: Final = operation("works_add", shapes.WorkOut, status=201, body=shapes.WorkIn, key=True)
SHARE_SETS: Final = _list(
    "share_sets_list",
    shapes.ShareSetOut,
    query("work", "Only those of this work."),
    query("state", "Only those in this state.", enum=["proposed", "sent", "logged", "refused"]),
)
SHARE_SET: Final = operation("share_sets_get", shapes.ShareSetOut, parameters=[_DIGEST])
PROPOSE_SHARES: Final = operation(
    "share_sets_propose", shapes.ShareSetOut, status=201, body=shapes.ShareSetIn, key=True
)
WORKS_TO_SIGN: Final = operation(
    "works_to_sign",
    _page_of(UnsignedLine),
    body=list_shapes.ListIn,
    key=True,
)
WORK_CHANGES: Final = _list(
    "works_changes", list_shapes.WorkChangeOut, query("work", "Only those of this work."), key=True
)
SUGGESTIONS: Final = _list("works_suggestions", list_shapes.SuggestionsOut, query("work", "Only this work."), key=True)
REFUSALS: Final = _list("refusals_list", shapes.RefusalOut, query("party", "Only those of this party."))
REFUSAL: Final = operation("refusals_get", shapes.RefusalOut, parameters=[_URN])
CHECK_NAMES: Final = operation("checks_names", shapes.CheckOut, status=201, body=shapes.NamesCheckIn, key=True)
CHECK_SHARES: Final = operation(
    "checks_share_sets", shapes.CheckOut, status=201, body=shapes.ShareSetsCheckIn, key=True
)
OFFERS: Final = _list("offers_list", shapes.OfferOut, key=True)
OFFER: Final = operation("offers_get", shapes.OfferOut, parameters=[_URN], key=True)
DRAFT: Final = operation("offers_draft", shapes.OfferOut, status=201, body=shapes.OfferIn, key=True)
PUT_FORWARD: Final = _act("offers_put_forward", shapes.OfferOut)
DISCARD: Final = _act("offers_discard", shapes.OfferOut)
GRANTS: Final = _list("grants_list", shapes.OfferOut)
GRANT: Final = operation("grants_get", shapes.OfferOut, parameters=[_URN])
SUSPEND: Final = _act("grants_suspend", shapes.OfferOut, shapes.SuspendIn)
RESUME: Final = _act("grants_resume", shapes.OfferOut, shapes.ResumeIn)
CREDENTIAL: Final = operation(
    "grants_credential", {"type": "string"}, parameters=[_URN], media_type="application/vc+jwt"
)
BUNDLE: Final = operation(
    "grants_bundle", {"type": "string", "format": "binary"}, parameters=[_URN], media_type="application/zip"
)
