"""What every record has in common: how it is spelled, read, written and refused."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Annotated, Any, Self, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from priorconsent import canonical, times
from priorconsent.errors import MalformedError

# ``$`` alone would let a line feed follow.
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$(?!\n)")]
Urn = Annotated[str, Meta(pattern=r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)")]
# One that is meant, or "*" for all of them.
UrnOrAny = Annotated[
    str, Meta(pattern=r"^(\*|urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$(?!\n)")
]
Time = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$(?!\n)", extra={"instant": True})
]
# The last character leaves no spare bits, so that each value has one spelling.
Bytes16 = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$(?!\n)")]
Bytes32 = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$(?!\n)")]
Code = Annotated[str, Meta(pattern=r"^(\*|[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*)$(?!\n)", max_length=100)]
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
# A URL of 4,096 bytes and the kind of name before it.
Name = Annotated[str, Meta(min_length=1, max_length=4200)]
Count = Annotated[int, Meta(ge=0, le=canonical.MAX_INTEGER)]

R = TypeVar("R", bound="Record")
_PATH = re.compile(r" - at `(.*)`$")
_FORM = "Expected `str` matching regex "
# What the patterns above ask for, in words: a person reads it.
_FORMS: tuple[tuple[object, str], ...] = (
    (Digest, "not a digest: sha256: and 64 hexadecimal digits in lower case"),
    (Urn, "not an id: urn:uuid: and 32 hexadecimal digits in five groups, in lower case"),
    (UrnOrAny, "not an id, nor *: urn:uuid: and 32 hexadecimal digits in five groups, in lower case"),
    (Time, "not a time of the form YYYY-MM-DDThh:mm:ssZ"),
    (Bytes16, "not 16 bytes: 22 characters of base64url without padding"),
    (Bytes32, "not 32 bytes: 43 characters of base64url without padding"),
    (Code, "not a code: letters, digits and _, with single dots or hyphens between them; or *"),
)
_WORDS = {f"{_FORM}{get_args(form)[1].pattern!r}": words for form, words in _FORMS}


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen value with exactly the members that its class lists."""

    def __post_init__(self) -> None:
        for name in _instants(type(self)):
            value = getattr(self, name)
            # Neither null nor left out.
            if isinstance(value, str):
                times.parse(value)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read canonical bytes.

        Raises:
            MalformedError: not canonical, or not this record; the pointer says where.
        """
        return convert(canonical.parse_canonical(raw), cls)

    def encode(self) -> bytes:
        """The canonical bytes."""
        return canonical.encode(self)

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        # By way of JSON: ``to_builtins`` would leave tuples, which are no JSON.
        plain: dict[str, Any] = msgspec.json.decode(self.encode())
        return plain


class Versioned(Record, frozen=True):
    """A record that names its format version."""

    v: Annotated[int, Meta(ge=1, le=1)]


def convert(value: canonical.Json, kind: type[R]) -> R:
    """Turn plain JSON values into a record.

    Raises:
        MalformedError: a member is missing, unknown, or not of its form.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _malformed(error) from None
    except UnicodeEncodeError:
        raise MalformedError("lone surrogate") from None


def in_order(records: Iterable[R]) -> tuple[R, ...]:
    """The records as lists of records are sorted: by their canonical bytes."""
    return tuple(sorted(records, key=Record.encode))


def _malformed(error: msgspec.ValidationError) -> MalformedError:
    text = str(error)
    found = _PATH.search(text)
    if found is None:
        return MalformedError(_WORDS.get(text, text))
    pointer = found[1].removeprefix("$").replace("[", "/").replace("]", "").replace(".", "/")
    said = text[: found.start()]
    return MalformedError(_WORDS.get(said, said), pointer=pointer)


@functools.cache
def _instants(kind: type[Record]) -> tuple[str, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(name for name in kind.__struct_fields__ if "'instant': True" in repr(hints[name]))
