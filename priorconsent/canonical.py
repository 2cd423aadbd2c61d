"""One profile of JSON, one way to read it, one way to write it, and the digests over it.

Profile (docs/spec/README.md, section G): RFC 8785 canonical form; no floats, integers within ±(2^53-1),
ASCII member names, NFC text, no lone surrogates, no duplicate members; every list is a sorted set,
but for the few named in ``ORDERED_LISTS``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec

from priorconsent.errors import MalformedError

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_JSON_BYTES = 1 << 20

# Lists whose order has a meaning; every other list is a sorted set.
ORDERED_LISTS = frozenset({"life", "siblings", "path", "consistency", "@context", "type", "leaves"})

Json = Any
_ENCODER = msgspec.json.Encoder(order="sorted")


def parse(raw: bytes, *, max_bytes: int = MAX_JSON_BYTES) -> Json:
    """Read JSON of the profile, in any spelling that JSON allows.

    Raises:
        MalformedError: not JSON, or outside the profile; the pointer says where.
    """
    if len(raw) > max_bytes:
        raise MalformedError(f"{len(raw)} bytes of JSON, at most {max_bytes} are read")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise MalformedError(f"nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        raise MalformedError(f"not JSON: {error.msg} at character {error.pos}") from None
    check_profile(value)
    return value


def parse_canonical(raw: bytes, *, max_bytes: int = MAX_JSON_BYTES) -> Json:
    """Read JSON that must already be in canonical form, lists sorted."""
    value = parse(raw, max_bytes=max_bytes)
    if encode(value) != raw:
        raise MalformedError("not in canonical form (RFC 8785)")
    check_sorted(value)
    return value


def encode(value: Json) -> bytes:
    """Canonical bytes (RFC 8785) of a value within the profile.

    Under the profile msgspec's sorted output is byte-identical to RFC 8785; the tests hold it
    against the ``rfc8785`` package.
    """
    return _ENCODER.encode(value)


def digest(raw: bytes) -> str:
    """``sha256:`` and 64 lower-case hex digits."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def tagged_digest(tag: str, raw: bytes) -> str:
    """T(tag, x) = Digest of tag ‖ 00 ‖ x (docs/spec/README.md, section G)."""
    return digest(tag.encode("ascii") + b"\0" + raw)


def digest_bytes(text: str) -> bytes:
    """The 32 bytes of a well-formed digest."""
    return bytes.fromhex(text.removeprefix("sha256:"))


def to_base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str, *, length: int | None = None) -> bytes:
    """Decode base64url without padding; exactly one spelling of a value is accepted.

    Args:
        length: the number of bytes expected; ``None`` for any.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("not base64url") from None
    # Decode, re-encode, compare: loose trailing bits would give one signature several digests.
    if to_base64url(raw) != text or (length is not None and len(raw) != length):
        raise MalformedError("not base64url of the length expected, spelled canonically")
    return raw


def check_profile(value: Json, pointer: str = "", depth: int = 0) -> None:
    """Refuse what the profile excludes, wherever it stands."""
    if depth > MAX_DEPTH:
        raise MalformedError(f"nested deeper than {MAX_DEPTH}", pointer=pointer)
    match value:
        case bool() | None:
            return
        case str():
            _check_text(value, pointer)
        case int():
            if abs(value) > MAX_INTEGER:
                raise MalformedError("integer beyond 2^53-1", pointer=pointer)
        case list():
            for index, item in enumerate(value):
                check_profile(item, f"{pointer}/{index}", depth + 1)
        case dict():
            for name, item in value.items():
                if not name.isascii():
                    raise MalformedError("member name is not ASCII", pointer=pointer)
                check_profile(item, f"{pointer}/{escape_pointer(name)}", depth + 1)
        case _:
            raise MalformedError(f"{type(value).__name__} has no place in a record", pointer=pointer)


def check_sorted(value: Json, pointer: str = "", *, ordered: bool = False) -> None:
    """Refuse a list that is not a sorted set, unless its order has a meaning."""
    if isinstance(value, dict):
        for name, item in value.items():
            check_sorted(item, f"{pointer}/{escape_pointer(name)}", ordered=name in ORDERED_LISTS)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_sorted(item, f"{pointer}/{index}")
        keys = [] if ordered else [sort_key(item) for item in value]
        for index, (left, right) in enumerate(itertools.pairwise(keys)):
            if left >= right:
                raise MalformedError("list is not sorted or has duplicates", pointer=f"{pointer}/{index + 1}")


def sort_key(item: Json) -> bytes:
    """Strings sort by their UTF-8 bytes, everything else by its canonical bytes."""
    return item.encode("utf-8") if isinstance(item, str) else encode(item)


def sorted_set(items: Iterable[Json]) -> list[Json]:
    """The items as a list that the profile accepts: sorted, each once."""
    unique = {sort_key(item): item for item in items}
    return [unique[key] for key in sorted(unique)]


def escape_pointer(name: str) -> str:
    """A member name as a reference token of a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedError("duplicate member name")
    return members


def _no_float(text: str) -> Json:
    raise MalformedError(f"number is not an integer: {text[:20]}")


def _integer(text: str) -> int:
    # A length check first: int() of a million digits is slow, and refused by newer Pythons.
    if len(text) > len(str(-MAX_INTEGER)):
        raise MalformedError("integer beyond 2^53-1")
    if text == "-0":
        raise MalformedError("minus zero is not canonical")
    return int(text)


def _check_text(text: str, pointer: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedError("lone surrogate", pointer=pointer) from None
    if not unicodedata.is_normalized("NFC", text):
        raise MalformedError("text is not in Unicode Normalization Form C", pointer=pointer)
