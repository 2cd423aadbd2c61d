"""Where a key is, as a URI: ``file:``, ``pkcs11:`` (RFC 7512), or ``public:`` where only its public half is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from priorconsent import canonical
from priorconsent.errors import MalformedError, NotAvailableError

MAX_URI_CHARACTERS = 4096
MAX_ID_BYTES = 64
# Of public keys.
ED25519_BYTES, MLDSA_BYTES = 32, 1312

_ESCAPED = re.compile(r"(?:[A-Za-z0-9._~!$'()*+,:@/\[\]=&?-]|%[0-9A-Fa-f]{2})*")
# name in the URI → name in ``TokenUri``. What RFC 7512 has besides would say less clearly which key is meant.
_PATH = {"token": "token", "serial": "serial", "object": "label", "id": "id"}
_QUERY = {"module-path": "module", "pin-source": "pin_source"}
_LATER = frozenset(
    "manufacturer model library-manufacturer library-description library-version "
    "slot-id slot-description slot-manufacturer module-name".split()
)


@dataclass(frozen=True, slots=True)
class FileUri:
    """A key file in PKCS#8."""

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class PublicUri:
    """Only the public half of a key: whoever has this verifies and does not sign."""

    key: bytes

    def __str__(self) -> str:
        return f"public:{canonical.to_base64url(self.key)}"


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A key in a PKCS#11 token.

    Args:
        token: label of the token; with ``serial`` one of the two is enough.
        label: of the key; with ``id`` one of the two is enough.
        module: the token's library, loaded into this process.
        pin_source: file that holds the PIN; ``None``: somebody is asked.
    """

    module: Path
    token: str | None = None
    serial: str | None = None
    label: str | None = None
    id: bytes | None = None
    pin_source: Path | None = None

    def __str__(self) -> str:
        where = self.token if self.token is not None else f"serial {self.serial}"
        which = self.label if self.label is not None else (self.id or b"").hex()
        return f"pkcs11: key {which!r} in token {where!r}"


KeyUri = FileUri | PublicUri | TokenUri


def read_uri(text: str) -> KeyUri:
    """Read the URI of a key.

    Raises:
        MalformedError: none of ours, not spelled as one, or incomplete.
        NotAvailableError: an attribute of RFC 7512 that is decided and not built.
    """
    scheme, colon, rest = text.partition(":")
    reader = _READERS.get(scheme)
    if not colon or reader is None or len(text) > MAX_URI_CHARACTERS:
        raise MalformedError("a key is named by file:/…, pkcs11:token=…;object=…?module-path=/…, or public:…")
    return reader(rest)


def _read_file(rest: str) -> FileUri:
    return FileUri(_path(rest.removeprefix("//") if rest.startswith("///") else rest, "file:"))


def _read_public(rest: str) -> PublicUri:
    key = canonical.from_base64url(rest)
    if len(key) not in {ED25519_BYTES, MLDSA_BYTES}:
        raise MalformedError("public: wants the public key of Ed25519 or ML-DSA-44, in base64url")
    return PublicUri(key)


def _read_token(rest: str) -> TokenUri:
    path, _, query = rest.partition("?")
    members: dict[str, Any] = {
        **_attributes(path, ";", _PATH, fixed={"type": "private"}),
        **_attributes(query, "&", _QUERY, fixed={}),
    }
    if "id" in members and not 0 < len(members["id"]) <= MAX_ID_BYTES:
        raise MalformedError(f"id= has 1 to {MAX_ID_BYTES} bytes")
    for name in ("token", "serial", "label"):
        if name in members:
            members[name] = _text(members[name], name)
    if not {"token", "serial"} & set(members) or not {"label", "id"} & set(members) or "module" not in members:
        raise MalformedError("pkcs11: needs token= (or serial=), object= (or id=) and ?module-path=")
    members["module"] = _path(_text(members["module"], "module-path"), "module-path=")
    if "pin_source" in members:
        members["pin_source"] = _path(_text(members["pin_source"], "pin-source").removeprefix("file:"), "pin-source=")
    return TokenUri(**members)


def _attributes(text: str, separator: str, known: dict[str, str], fixed: dict[str, str]) -> dict[str, bytes]:
    """Attributes by our names, decoded."""
    found: dict[str, bytes] = {}
    seen = set()
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise MalformedError("a PIN does not belong into a URI, where lists of processes show it: use pin-source=")
        if name in _LATER:
            raise NotAvailableError(f"the attribute {name} of pkcs11: is not available yet")
        if not equals or name in seen or name not in {*known, *fixed} or _ESCAPED.fullmatch(value) is None:
            raise MalformedError("pkcs11: has an attribute twice, unknown or misspelled")
        seen.add(name)
        if name in known:
            found[known[name]] = unquote_to_bytes(value)
        elif value != fixed[name]:
            raise MalformedError(f"pkcs11: names an object that is not {name}={fixed[name]}")
    return found


def _text(raw: bytes, name: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"{name}= is not UTF-8") from None
    if not text or not text.isprintable():
        raise MalformedError(f"{name}= is empty, or does not print")
    return text


def _path(text: str, where: str) -> Path:
    if not text.startswith("/") or text.startswith("//") or not text.isprintable():
        raise MalformedError(f"{where} wants an absolute path")
    return Path(text)


_READERS: dict[str, Callable[[str], KeyUri]] = {"file": _read_file, "pkcs11": _read_token, "public": _read_public}
