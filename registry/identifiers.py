"""Identifiers of works and parties, by scheme; where a scheme has check digits, they are tested."""

from __future__ import annotations

import re
from collections.abc import Callable

from stdnum import ean, isan, isbn, ismn, isni, isrc, issn, lei
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36
from stdnum.jp import cn

from priorconsent import names
from priorconsent.errors import MalformedError

_ISWC = re.compile(r"T([0-9]{9})([0-9])", re.ASCII)
_EIDR = re.compile(
    r"10\.5240/([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-Z])", re.ASCII
)
_EDITION_CHARACTERS = 24


def _isan(value: str) -> str:
    # With the version part and both check characters, so that one work has one spelling.
    isan.validate(value)
    bare = isan.compact(value)
    return str(isan.validate(bare.ljust(_EDITION_CHARACTERS, "0"), add_check_digits=True))


def _iswc(value: str) -> str:
    compact = re.sub(r"[-. ]", "", value).upper()
    found = _ISWC.fullmatch(compact)
    # ISO 15707, annex B: one, plus each digit times its place, plus the check digit, is a multiple of ten.
    if found is None or (1 + sum(int(d) * n for n, d in enumerate(found[1], 1)) + int(found[2])) % 10:
        raise ValidationError
    return compact


def _eidr(value: str) -> str:
    upper = value.upper()
    found = _EIDR.fullmatch(upper)
    if found is None:
        raise ValidationError
    mod_37_36.validate("".join(found.groups()))
    return upper


# Without colon: else the number of one scheme could be spelled as a value of another, and go unchecked.
_SCHEME = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)

SCHEMES: dict[str, Callable[[str], str]] = {
    "ean": ean.validate,
    "eidr": _eidr,
    "isan": _isan,
    "isbn": lambda value: str(isbn.validate(value, convert=True)),
    "ismn": lambda value: str(ismn.to_ismn13(ismn.validate(value))),
    "isni": isni.validate,
    "isrc": isrc.validate,
    "issn": issn.validate,
    "iswc": _iswc,
    "jp-cn": cn.validate,
    "lei": lei.validate,
}


def canonical(scheme: str, value: str, pointer: str = "/value") -> str:
    """The one spelling of an identifier; of a scheme without check digits, the value as it is.

    Raises:
        MalformedError: wrong check digit, or no identifier of that scheme.
    """
    check = SCHEMES.get(scheme)
    if _SCHEME.fullmatch(scheme) is None:
        raise MalformedError(f"no scheme of identifiers: {scheme[:40]!r}", pointer=pointer)
    try:
        spelled = check(value) if check else value
        names.check_alias(f"id:{scheme}:{spelled}")
    except (ValidationError, ValueError):
        raise MalformedError(
            f"{value[:80]!r} is no {scheme[:40]}, or its check digit is wrong", pointer=pointer
        ) from None
    return spelled


def check_name(name: str) -> None:
    """Refuse the name ``id:scheme:value`` unless its check digits and its spelling are right."""
    _, scheme, value = name.split(":", 2)
    spelled = canonical(scheme, value, "/body/name")
    if spelled != value:
        raise MalformedError(f"the canonical spelling is id:{scheme}:{spelled}", pointer="/body/name")
