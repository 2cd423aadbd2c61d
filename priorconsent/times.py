"""Instants as records spell them: ``YYYY-MM-DDThh:mm:ssZ``, UTC, whole seconds.

The spelling has a fixed width, so comparing two of these strings compares the instants.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from priorconsent.errors import MalformedError

EPOCH = "1970-01-01T00:00:00Z"

_SPELLING = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z", re.ASCII)


def parse(text: str) -> datetime:
    """Read an instant.

    Raises:
        MalformedError: another spelling, or a day that no calendar has.
    """
    if _SPELLING.fullmatch(text) is None:
        raise MalformedError(f"not a time of the form YYYY-MM-DDThh:mm:ssZ: {text[:40]!r}")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise MalformedError(f"no such time: {text}") from None


def spell(instant: datetime) -> str:
    """An aware instant as records spell it; fractions of a second are dropped."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def plus(text: str, seconds: int) -> str:
    """The instant ``seconds`` later.

    Raises:
        MalformedError: beyond the year 9999.
    """
    try:
        return spell(parse(text) + timedelta(seconds=seconds))
    except OverflowError:
        raise MalformedError(f"{seconds} s after {text} is beyond the calendar") from None


def to_unix(text: str) -> int:
    """Seconds since 1970-01-01T00:00:00Z, leap seconds left out (POSIX)."""
    return int(parse(text).timestamp())


def from_unix(seconds: int) -> str:
    """The instant ``seconds`` after 1970-01-01T00:00:00Z.

    Raises:
        MalformedError: beyond the year 9999.
    """
    return plus(EPOCH, seconds)


def now() -> str:
    """The wall clock. Only entry points call this: below them, time is an argument."""
    return spell(datetime.now(UTC))
