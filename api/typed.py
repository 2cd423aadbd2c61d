"""What a person typed, in the one spelling that a question takes. Programs get no such help."""

from __future__ import annotations

import re
from typing import Final

from priorconsent import query
from priorconsent.errors import MalformedError
from registry import identifiers

MAX_CHARACTERS: Final = 4096

# They come along when something is copied out of a text.
_QUOTES: Final = "\"'`“”„‟‘’‚«»‹›「」『』<>"
_DIGEST: Final = re.compile(r"(?:sha-?256)?[:=\s]*([0-9a-f]{64})", re.ASCII | re.IGNORECASE)
_URN: Final = re.compile(r"urn:uuid:[0-9a-f-]+", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:id:)?([a-z-]+)\s*(:|\s)\s*(.+)", re.ASCII | re.IGNORECASE)


def tidy(text: str) -> str:
    """Without blanks and quotes around it; an id in small letters."""
    text = text[:MAX_CHARACTERS].replace("\0", "").strip().strip(_QUOTES).strip()
    return text.lower() if _URN.fullmatch(text) else text


def tidy_country(text: str) -> str:
    """The same, in capitals."""
    return tidy(text).upper()


def read_key(text: str) -> tuple[str | None, str]:
    """Which kind of key a tidied text is meant as, and the key; ``None``: it can only be part of a title."""
    digest = _DIGEST.fullmatch(text)
    if digest is not None:
        return "sha256", digest[1].lower()
    text = _number(text) or text
    return query.kind_of(text), text


def _number(text: str) -> str | None:
    """A number in its canonical spelling; as it is, with the scheme in small letters, if it is wrong."""
    found = _NUMBER.fullmatch(text)
    if found is None or found[1].lower() not in identifiers.SCHEMES:
        return None
    scheme, value = found[1].lower(), found[3]
    try:
        return f"{scheme}:{identifiers.canonical(scheme, value)}"
    except MalformedError:
        # After a blank it may as well be a title: "Ean has come".
        return f"{scheme}:{''.join(value.split())}" if found[2] == ":" else None
