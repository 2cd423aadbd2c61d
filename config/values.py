"""What a setting may say: each function turns its text into a value, or says in a ``ValueError`` what was expected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from priorconsent import timestamps
from priorconsent.errors import MalformedError, PriorConsentError
from priorconsent.log.countersigners import Countersigners
from priorconsent.signing.pkcs8 import MIN_PASSPHRASE_BYTES
from priorconsent.signing.uris import KeyUri, read_uri
from priorconsent.witness.protocol import check_url

BASE_DIR = Path(__file__).resolve().parent.parent
MAX_SECONDS = 400 * 86400
MIN_SECRET_CHARACTERS = 32


def read_folder(text: str) -> Path:
    """A folder; a relative one is below the checkout."""
    if not text or "\0" in text:
        raise ValueError("expected a folder")
    return BASE_DIR / text


def read_file(text: str) -> Path:
    """A file; a relative one is below the checkout."""
    if not text or "\0" in text or text.endswith("/"):
        raise ValueError("expected a file")
    return BASE_DIR / text


def read_origin(text: str) -> str:
    """The log's name: words separated by slashes, the last one a number (docs/spec/files.md)."""
    if re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)*/[1-9][0-9]{0,8}", text) is None:
        raise ValueError("expected <name>/<number> in lower-case ASCII, such as registry.example/prior-consent/1")
    return text


def read_base_url(text: str) -> str:
    """Scheme and host, perhaps a port: nothing after it."""
    expected = "expected http(s)://host or http(s)://host:port, in lower case, without a final slash"
    parts, port = _split(text, expected)
    bare = f"{parts.scheme}://{parts.netloc}"
    plain = re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?|\[[0-9a-f:.]+\](:[0-9]+)?", parts.netloc)
    if parts.scheme not in {"http", "https"} or plain is None or port == 0 or text != bare:
        raise ValueError(expected)
    return text


def read_seconds(text: str) -> int:
    """Whole seconds, at most 400 days."""
    if re.fullmatch(r"0|[1-9][0-9]{0,8}", text) is None or int(text) > MAX_SECONDS:
        raise ValueError(f"expected whole seconds from 0 to {MAX_SECONDS}")
    return int(text)


def read_positive_seconds(text: str) -> int:
    """Whole seconds, at least one."""
    if (seconds := read_seconds(text)) == 0:
        raise ValueError(f"expected whole seconds from 1 to {MAX_SECONDS}")
    return seconds


def read_switch(text: str) -> bool:
    """``true`` or ``false``, in no other spelling."""
    if text not in {"true", "false"}:
        raise ValueError("expected true or false")
    return text == "true"


def read_hosts(text: str) -> tuple[str, ...]:
    """Host names separated by commas."""
    hosts = tuple(text.split(","))
    if not all(re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]", host) for host in hosts):
        raise ValueError("expected host names in lower case, separated by commas; no wildcard, no port")
    return hosts


def read_log_level(text: str) -> str:
    """A level of Python's logging."""
    levels = ("debug", "info", "warning", "error")
    if text not in levels:
        raise ValueError("expected one of " + ", ".join(levels))
    return text.upper()


def read_authorities(text: str) -> tuple[str, ...]:
    """URLs of time-stamp authorities, separated by spaces."""
    urls = tuple(text.split())
    if not all(re.fullmatch(r"https?://[^\s/]+(/\S*)?", url) for url in urls) or len(set(urls)) != len(urls):
        raise ValueError("expected http(s) URLs of time-stamp authorities, separated by spaces, each once")
    return urls


def read_certificates(text: str) -> tuple[str, ...]:
    """Certificates in PEM, one after the other."""
    found = tuple(sorted(re.findall(r"-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----", text)))
    try:
        timestamps.read_authorities(found)
    except MalformedError as error:
        raise ValueError(f"expected certificates in PEM: {error.detail}") from None
    if not found:
        raise ValueError("expected certificates in PEM")
    return found


def read_witnesses(text: str) -> Countersigners:
    """A policy without the log: witnesses with names, keys and URLs, groups, and a quorum."""
    try:
        # Where a value comes from a file, its last line break was taken off.
        found = Countersigners.parse(text if text.endswith("\n") else f"{text}\n")
        for witness in found.witnesses:
            check_url(witness.url or "")
    except PriorConsentError as error:
        raise ValueError(f"expected a tlog-policy of witnesses with URLs, and a quorum: {error}") from None
    return found


def read_secret(text: str) -> str:
    """A secret that is long enough to be one."""
    if len(text) < MIN_SECRET_CHARACTERS:
        raise ValueError(f"expected at least {MIN_SECRET_CHARACTERS} characters")
    return text


def read_keys(text: str) -> tuple[KeyUri, ...]:
    """URIs of keys, separated by spaces; the first one counts where one is enough."""
    uris = tuple(read_uri(part) for part in text.split())
    if not uris:
        raise ValueError("expected URIs of keys: file:/…, pkcs11:… or public:…")
    return uris


def read_passphrase(text: str) -> str:
    """A passphrase that is long enough to be one."""
    if len(text.encode("utf-8", "surrogateescape")) < MIN_PASSPHRASE_BYTES:
        raise ValueError(f"expected at least {MIN_PASSPHRASE_BYTES} bytes")
    return text


def read_redis_url(text: str) -> str:
    """Where Redis listens."""
    expected = "expected redis://host:port/number, or rediss:// with TLS"
    parts, _ = _split(text, expected)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError(expected)
    return text


def read_database_url(text: str) -> dict[str, Any]:
    """``sqlite:///file`` or ``postgresql://user:password@host:port/name?option=value``, as Django wants it."""
    expected = "expected sqlite:///file or postgresql://user:password@host:port/name?option=value"
    parts, port = _split(text, expected)
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme == "sqlite" and not parts.netloc and name and not parts.query:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / name)}
    if parts.scheme not in {"postgres", "postgresql"} or not name:
        raise ValueError(expected)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(parts.query, keep_blank_values=True)),
    }


def _split(text: str, expected: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        # The original message may show a password.
        raise ValueError(expected) from None
    return parts, port
