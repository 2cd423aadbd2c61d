"""The question: one key, one use, and what else the asker says (docs/spec/decision.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from priorconsent import canonical, names
from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError
from priorconsent.records import Record, Text, Time, Urn, convert

KEYS = ("sha256", "url", "work", "identifier")

_USE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)
_HEX = re.compile(r"(sha256:)?[0-9a-fA-F]{64}", re.ASCII)
# Tried in order. Half a digest is still meant as one, and ``ftp://`` as a URL: each is refused as what it is meant as.
_SPELLINGS = (
    ("sha256", re.compile(r"sha256:.*|[0-9a-f]{64}", re.ASCII | re.DOTALL | re.IGNORECASE)),
    ("work", re.compile(r"urn:uuid:.*", re.DOTALL)),
    ("url", re.compile(r"[a-z][a-z0-9+.-]*://.*", re.ASCII | re.DOTALL | re.IGNORECASE)),
    ("identifier", re.compile(r"id:.*|[a-z0-9-]+:\S+", re.ASCII | re.DOTALL)),
)


class _Asked(Record, frozen=True, omit_defaults=True):
    use: Text
    sha256: Text | None = None
    url: str | None = None
    work: Urn | None = None
    identifier: Text | None = None
    at: Time | None = None
    acquired_at: Time | None = None
    vendor: Urn | None = None
    territory: Text | None = None
    modality: Text | None = None
    modality_out: Text | None = None
    model: Text | None = None
    distribution: Text | None = None
    min_level: Text | None = None
    min_method: Text | None = None


class Query(Record, frozen=True):
    """A question that parsed, with every default filled in.

    Args:
        kind: which key is given.
        key: canonical: a ``sha256:`` name, the URL as asked, a work id, or an ``id:`` name.
    """

    kind: Literal["sha256", "url", "work", "identifier"]
    key: str
    use: str
    at: Time
    acquired_at: Time
    vendor: Urn | None
    territory: str | None
    modality: str | None
    modality_out: str | None
    model: str | None
    distribution: str | None
    min_level: str
    min_method: str


def kind_of(text: str) -> str | None:
    """Which kind of key a text is meant as; ``None``: it looks like none of them."""
    return next((kind for kind, spelling in _SPELLINGS if spelling.fullmatch(text)), None)


def parse(value: Mapping[str, Any], *, now: str) -> Query:
    """Read a question from plain JSON values.

    Args:
        value: the members that the asker gave; ``null`` counts as not given.
        now: the default of ``at``, which may never lie in the future.

    Raises:
        MalformedError: says what is wrong and where; it becomes ``invalid_query``.
    """
    members = dict(value)
    canonical.check_profile(members)
    asked = convert(members, _Asked)
    kind = _kind(asked)
    at = asked.at or now
    acquired_at = asked.acquired_at or at
    if at > now:
        raise MalformedError("at lies in the future", pointer="/at")
    if acquired_at > at:
        raise MalformedError("acquired_at is later than at", pointer="/acquired_at")
    _check_codes(asked)
    return Query(
        kind=kind,  # type: ignore[arg-type]
        key=_KEY_READERS[kind](getattr(asked, kind)),
        use=asked.use,
        at=at,
        acquired_at=acquired_at,
        vendor=asked.vendor,
        territory=asked.territory,
        modality=asked.modality,
        modality_out=asked.modality_out,
        model=asked.model,
        distribution=asked.distribution,
        min_level=asked.min_level or "E1",
        min_method=asked.min_method or "passkey",
    )


def _kind(asked: _Asked) -> str:
    given = [kind for kind in KEYS if getattr(asked, kind) is not None]
    if len(given) != 1:
        raise MalformedError(f"give exactly one of {', '.join(KEYS)}")
    return given[0]


def _check_codes(asked: _Asked) -> None:
    if _USE.fullmatch(asked.use) is None:
        raise MalformedError("not the form of a use code", pointer="/use")
    for member, known in _CODES.items():
        code = getattr(asked, member)
        if code is not None and code not in known:
            raise MalformedError(f"unknown code {code[:40]!r}", pointer=f"/{member}")


def _sha256(text: str) -> str:
    if _HEX.fullmatch(text) is None:
        raise MalformedError("not 64 hex digits", pointer="/sha256")
    # Some tools print capitals, and no two digests differ by them.
    return "sha256:" + text.removeprefix("sha256:").lower()


def _url(text: str) -> str:
    try:
        names.of_url(text)
    except MalformedError as error:
        raise MalformedError(error.detail, pointer="/url") from None
    return text


def _identifier(text: str) -> str:
    name = "id:" + text.removeprefix("id:")
    try:
        names.check_alias(name)
    except MalformedError as error:
        raise MalformedError(error.detail, pointer="/identifier") from None
    return name


_KEY_READERS: dict[str, Callable[[str], str]] = {
    "sha256": _sha256,
    "url": _url,
    "work": str,
    "identifier": _identifier,
}
_CODES = {
    "territory": words.TERRITORIES,
    "modality": words.MODALITIES,
    "modality_out": words.MODALITIES,
    "distribution": words.DISTRIBUTIONS,
    # A yes needs E1, so nobody can ask for less.
    "min_level": frozenset(words.LEVELS[1:]),
    "min_method": frozenset(words.METHODS),
}
