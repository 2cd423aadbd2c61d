"""Names, titles, language tags and dates as people type them, tidied and checked on the way in."""

from __future__ import annotations

import re
import unicodedata
from datetime import date as calendar_date

from priorconsent.errors import MalformedError

MAX_TEXT_CHARACTERS = 1000
MAX_RIGHTS_STATEMENT_CHARACTERS = 4000

# Which kind of title it is.
TITLE_FORMS = ("main", "kana", "romaji", "translated", "alternative")

_TAG = re.compile(
    r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-x(-[a-z0-9]{1,8})+)?",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", re.ASCII)


def tidy(text: str, pointer: str) -> str:
    """The text in Unicode Normalization Form C, without white space around it.

    Never used on what somebody signs or what must stay verbatim.

    Raises:
        MalformedError: empty, too long, or with control characters.
    """
    tidied = unicodedata.normalize("NFC", text).strip()
    if not tidied or len(tidied) > MAX_TEXT_CHARACTERS:
        raise MalformedError(f"expected 1 to {MAX_TEXT_CHARACTERS} characters of text", pointer=pointer)
    check_characters(tidied, pointer)
    return tidied


def check_characters(text: str, pointer: str) -> None:
    """Refuse control characters and halves of surrogate pairs: they print as nothing, or as something else."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise MalformedError("text holds control characters", pointer=pointer)


def language(tag: str, pointer: str) -> str:
    """A language tag, well formed, with the letter case that RFC 5646 recommends.

    Source: RFC 5646 sections 2.1 and 2.1.1; extensions and grandfathered tags are refused.
    """
    if _TAG.fullmatch(tag) is None:
        raise MalformedError(f"not a language tag such as ja, en or ja-Latn: {tag[:40]!r}", pointer=pointer)
    first, *rest = tag.lower().split("-")
    return "-".join([first, *map(_case, rest)])


def date(text: str, pointer: str) -> str:
    """A date as precise as it is known: year, month or day.

    Source: EDTF level 0 (ISO 8601-2), dates only.
    """
    if _DATE.fullmatch(text) is None or not _is_in_calendar((text + "-01-01")[:10]):
        raise MalformedError("not a date of the form 2024, 2024-05 or 2024-05-03", pointer=pointer)
    return text


def _is_in_calendar(day: str) -> bool:
    try:
        calendar_date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _case(subtag: str) -> str:
    if len(subtag) == len("Latn") and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == len("JP") else subtag
