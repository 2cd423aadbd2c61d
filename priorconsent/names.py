"""The names under which the map keeps states: works, parties, grants, digests, identifiers, places.

Places are URLs by the WHATWG standard, in one canonical spelling (docs/spec/map.md).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import can_ada

from priorconsent.errors import MalformedError

MAX_URL_BYTES = 4096
# More path segments than this match an exact name only: each one is a look-up.
MAX_PREFIXES = 64

LOCATORS = frozenset({"url", "prefix", "host"})
ALIASES = LOCATORS | {"sha256", "id"}

KEYSET = "registry:keyset"
RIGHTS_TABLE = "registry:rights-table"

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_IDENTIFIER = re.compile(r"id:[a-z0-9]+(-[a-z0-9]+)*:[!-~]{1,200}", re.ASCII)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Not behind a stray percent sign: decoded there, it could complete another escape.
_CLEAN_ESCAPE = re.compile(r"(?<!%)(?<!%[0-9A-Fa-f])%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# What servers read in more than one way: empty segments, hidden separators, parameters of a segment, and
# segments that end in a space or a full stop.
_DISPUTED = re.compile(r"//|%2f|%5c|;|(%20|\.)(?=/|$)", re.IGNORECASE)
# Escapes of controls, and of what a URL parser leaves as it is: each gives one place a second spelling.
_NEEDLESS_ESCAPE = re.compile(
    "%[01][0-9a-f]|%7f|" + "|".join(f"%{ord(character):02x}" for character in "!$&'()*+,;=:@[]|"), re.IGNORECASE
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class UrlNames:
    """The names that one URL can stand under.

    Args:
        exact: the whole URL.
        base: the URL without its query; ``None`` if it has none.
        queries: where the map notes that URLs of this path are told apart by their query; ``None`` as above.
        prefixes: longest first.
        host: ``None`` where a host rule never counts (other port, final dot, dubious path).
    """

    exact: str
    base: str | None
    queries: str | None
    prefixes: tuple[str, ...]
    host: str | None


def work(work_id: str) -> str:
    """The name of a work's state."""
    return f"work:{work_id}"


def party(party_id: str) -> str:
    """The name of a party's state."""
    return f"party:{party_id}"


def grant(grant_id: str) -> str:
    """The name of a grant's state."""
    return f"grant:{grant_id}"


def kind_of(name: str) -> str:
    """What stands before the first colon."""
    return name.partition(":")[0]


def of_url(text: str) -> UrlNames:
    """Every name that may speak for a URL.

    Raises:
        MalformedError: no http(s) URL, with credentials, or too long.
    """
    url = _parse(text)
    whole = _spell(_without_fragment(url.href))
    base = whole.partition("?")[0] if "?" in whole else None
    own = (f"url:{whole}", base and f"url:{base}", base and f"query:{base}")
    path = _spell(_escape_carets(url.pathname))
    if _DISPUTED.search(path) or _is_misspelt(url.pathname) or path.count("/") > MAX_PREFIXES:
        return UrlNames(*own, (), None)
    origin = f"{url.protocol}//{url.host}"
    folders = [path[: index + 1] for index, character in enumerate(path) if character == "/"]
    prefixes = tuple(f"prefix:{origin}{folder}" for folder in reversed(folders))
    # ada leaves the port empty where it is the scheme's own.
    host = None if url.port or url.hostname.endswith(".") else f"host:{url.hostname}"
    return UrlNames(*own, prefixes, host)


def check_alias(name: str) -> None:
    """Refuse a name that is not spelled canonically, or that nobody may claim.

    Raises:
        MalformedError: says what is wrong and, for a URL, what the canonical spelling is.
    """
    check = _CHECKS.get(kind_of(name))
    if check is None:
        raise MalformedError(f"names begin with one of {', '.join(sorted(ALIASES))}", pointer="/name")
    check(name)


def canonical_alias(name: str) -> str:
    """The canonical spelling of a name that a person typed.

    Raises:
        MalformedError: nothing that can be claimed.
    """
    kind, _, rest = name.partition(":")
    if kind == "url":
        name = of_url(rest).exact
    elif kind == "prefix":
        name = next(iter(of_url(rest).prefixes), name)
    elif kind == "host":
        name = of_url(f"https://{rest}/").host or name
    elif kind == "sha256":
        name = name.lower()
    check_alias(name)
    return name


def _check_digest(name: str) -> None:
    if _SHA256.fullmatch(name) is None:
        raise MalformedError("not sha256: and 64 lower-case hex digits", pointer="/name")


def _check_identifier(name: str) -> None:
    if _IDENTIFIER.fullmatch(name) is None:
        raise MalformedError("not id:scheme:value in printable ASCII without spaces", pointer="/name")


def _check_url(name: str) -> None:
    spelled = of_url(name.removeprefix("url:")).exact
    if spelled != name:
        raise MalformedError(f"the canonical spelling is {spelled}", pointer="/name")
    if _NEEDLESS_ESCAPE.search(name.partition("?")[0]):
        raise MalformedError("write the characters that need no escape in a path as they are", pointer="/name")


def _check_prefix(name: str) -> None:
    url = name.removeprefix("prefix:")
    prefixes = of_url(url).prefixes
    if "?" in url or "#" in url or not prefixes or prefixes[0] != name:
        raise MalformedError(
            "a prefix is an http(s) URL in canonical spelling, without query, with a plain path that ends in /",
            pointer="/name",
        )


def _check_host(name: str) -> None:
    host = name.removeprefix("host:")
    if re.search(r"[/?#@\\\s]", host) or of_url(f"https://{host}/").host != name:
        raise MalformedError("a host is a lower-case domain or address without port and final dot", pointer="/name")


_CHECKS = {
    "sha256": _check_digest,
    "id": _check_identifier,
    "url": _check_url,
    "prefix": _check_prefix,
    "host": _check_host,
}


def _parse(text: str) -> can_ada.URL:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_URL_BYTES:
        raise MalformedError(f"URL longer than {MAX_URL_BYTES} bytes")
    try:
        url = can_ada.parse(text)
    except (ValueError, TypeError, UnicodeError):
        raise MalformedError("not a URL (WHATWG): one begins with https:// or http:// and names a host") from None
    if url.protocol not in {"http:", "https:"}:
        raise MalformedError("only http and https URLs are places")
    if url.username or url.password:
        raise MalformedError("URL with credentials")
    if "xn--" in url.hostname and not _is_international(url.hostname):
        raise MalformedError("no host: an xn-- label that stands for no name in other letters")
    if max(len(url.href), len(_without_fragment(url.href))) > MAX_URL_BYTES:
        raise MalformedError(f"URL longer than {MAX_URL_BYTES} bytes")
    return url


def _is_international(host: str) -> bool:
    """Whether the standard makes this host of the letters that it stands for, and they are read in one order.

    Since June 2026 the standard takes any ``xn--`` label that is ASCII; parsers of before look what it stands for.
    The order of letters (RFC 5893, section 2) is always asked for by the standard, and not tested by all parsers.
    """
    labels = host.split(".")
    try:
        letters = [label[4:].encode().decode("punycode") if label.startswith("xn--") else label for label in labels]
        made = can_ada.parse(f"https://{'.'.join(letters)}").hostname
    except (ValueError, TypeError, UnicodeError):
        return False
    directions = [[unicodedata.bidirectional(letter) for letter in label] for label in letters]
    mixed = any(direction in {"R", "AL", "AN"} for label in directions for direction in label)
    return made == host and (not mixed or all(_has_one_order(label) for label in directions if label))


def _has_one_order(directions: list[str]) -> bool:
    """Whether a label of a host with letters from right to left keeps the six rules of RFC 5893, section 2."""
    to_left = directions[0] in {"R", "AL"}
    allowed = {"R", "AL", "AN", "EN"} if to_left else {"L", "EN"}
    last = next((one for one in reversed(directions) if one != "NSM"), "")
    return (
        directions[0] in {"L", "R", "AL"}
        and set(directions) <= allowed | {"ES", "CS", "ET", "ON", "BN", "NSM"}
        and last in allowed
        and not {"EN", "AN"} <= set(directions)
    )


def _without_fragment(href: str) -> str:
    place, mark, query = href.partition("#")[0].partition("?")
    return _escape_carets(place) + mark + query


def _escape_carets(path: str) -> str:
    """Escape ``^``, as the standard asks since March 2025: some parsers do, some never, some only at times."""
    return path.replace("^", "%5E")


def _spell(text: str) -> str:
    """Decode escapes of unreserved characters, write the others in upper case, once."""

    def one(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _CLEAN_ESCAPE.sub(one, text)


def _is_misspelt(path: str) -> bool:
    """Whether escapes in the path are no escapes, needless, or not UTF-8."""
    if _BAD_ESCAPE.search(path) or _NEEDLESS_ESCAPE.search(path):
        return True
    raw = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), path).encode("latin-1", "replace")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False
