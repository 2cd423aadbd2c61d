"""How the C2SP text formats spell bytes and numbers: exactly one way each."""

from __future__ import annotations

import base64
import binascii
import re

from priorconsent.errors import MalformedError

MAX_NUMBER = 2**63 - 1

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def to_base64(raw: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str, *, length: int | None = None) -> bytes:
    """Decode standard base64 with padding.

    Args:
        length: the number of bytes expected; ``None`` for any.

    Raises:
        MalformedError: another length, or another spelling of the same bytes.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(f"not base64: {text[:60]!r}") from None
    # Decode, re-encode, compare: loose trailing bits would give one signature several spellings.
    if to_base64(raw) != text or (length is not None and len(raw) != length):
        raise MalformedError(f"not base64 of the length expected, spelled canonically: {text[:60]!r}")
    return raw


def from_decimal(text: str) -> int:
    """A number from 0 to 2^63-1 without sign, leading zeros, spaces or separators.

    ``int()`` accepts all of those, and digits of other scripts, so it is asked only afterwards.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_NUMBER:
        raise MalformedError(f"not a canonical decimal number: {text[:30]!r}")
    return int(text)


def decode_text(raw: bytes, *, max_bytes: int) -> str:
    """UTF-8 text whose only control characters (below U+0020) are newlines.

    Raises:
        MalformedError: longer, not UTF-8, or with other control characters.
    """
    if len(raw) > max_bytes:
        raise MalformedError(f"{len(raw)} bytes of text, at most {max_bytes} are read")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from None
    check_controls(text)
    return text


def check_controls(text: str) -> None:
    """Refuse control characters other than newline."""
    if _CONTROL.search(text):
        raise MalformedError("control characters other than newline")
