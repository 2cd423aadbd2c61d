"""Bodies on the wire: read by the one strict parser, written in canonical form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final, TypeVar

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.problems import TooLargeError
from priorconsent import canonical
from priorconsent.errors import MalformedError
from priorconsent.lists import MAX_LINES_AT_ONCE
from priorconsent.records import Record, convert

MAX_BODY_BYTES: Final = 4 << 20
# PostgreSQL stores no such character; JSON can spell it in one way only.
_NUL: Final = re.compile(rb"(?<!\\)(\\\\)*\\u0000")

# What a server puts into the environment by itself no client can set.
RAW_BODY: Final = "priorconsent.body"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body.

    Args:
        number: from one.
        value: plain JSON values; of a line that is no JSON, what is wrong with it.
    """

    number: int
    value: Any


class StrictJson(BaseParser):
    """JSON of the profile; DRF's own parser takes duplicate members and NaN."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Plain JSON values."""
        del media_type
        raw = _read(stream)
        if parser_context is not None:
            parser_context["request"].META[RAW_BODY] = raw
        return _json(raw)


class Jose(BaseParser):
    """A statement by itself, as compact JWS."""

    media_type = "application/jose"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """The same members as if it had come within JSON."""
        del media_type, parser_context
        return {"statement": _read(stream).decode("utf-8", "replace")}


class JsonLines(BaseParser):
    """JSON Lines: one value a line. A line that is none is left to whoever takes the lines, each for itself."""

    media_type = "application/jsonl"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """A list of ``Line``: those that hold something, one more at most than anybody takes."""
        del media_type, parser_context
        filled = ((number, raw) for number, raw in enumerate(BytesIO(_read(stream)), 1) if raw.strip(b"\r\n"))
        return [_line(number, raw) for number, raw in islice(filled, MAX_LINES_AT_ONCE + 1)]


class NdJson(JsonLines):
    """The same under its other name."""

    media_type = "application/x-ndjson"


class CanonicalJson(BaseRenderer):
    """Canonical JSON (RFC 8785); of a record its members."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """The bytes of the body."""
        del accepted_media_type, renderer_context
        return b"" if data is None else canonical.encode(data)


class OneForm(DefaultContentNegotiation):
    """Every address answers in one form, whatever ``Accept`` says (RFC 9110 section 12.5.1 leaves it to us)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer."""
        del request, format_suffix
        first = next(iter(renderers))
        return first, first.media_type


def body(request: Request, kind: type[R]) -> R:
    """The body of a request as a record.

    Raises:
        MalformedError: a member is missing, unknown, or not of its form; the pointer says which.
    """
    return convert(request.data, kind)


def raw_body(request: Request) -> bytes:
    """The bytes that ``body`` was read from."""
    raw: bytes = request.META[RAW_BODY]
    return raw


def parameters(request: Request, known: Collection[str] | None = None) -> dict[str, str]:
    """The query parameters, each given once, within the profile of our JSON.

    Args:
        known: names that may occur; ``None``: somebody else looks at the names.
    """
    given = request.query_params
    for name in given:
        if len(given.getlist(name)) > 1:
            raise _fault(name, "given more than once")
        if known is not None and name not in known:
            raise _fault(name, "no such parameter")
        if "\0" in given[name]:
            raise _fault(name, "the character U+0000 has no place in text")
    values = {name: str(given[name]) for name in given}
    canonical.check_profile(values)
    return values


def _json(raw: bytes) -> Any:
    if _NUL.search(raw):
        raise MalformedError("the character U+0000 has no place in text")
    return canonical.parse(raw, max_bytes=MAX_BODY_BYTES)


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number, _json(raw))
    except MalformedError as error:
        return Line(number, error)


def _fault(name: str, what: str) -> MalformedError:
    return MalformedError(f"{what}: {name[:40]!r}", pointer=f"/{canonical.escape_pointer(name[:40])}")


def _read(stream: Any) -> bytes:
    raw: bytes = stream.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise TooLargeError(f"at most {MAX_BODY_BYTES} bytes are read")
    return raw
