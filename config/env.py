"""What the environment may say, and the only place that reads it.

A value that is present and malformed stops the start; a missing one takes the default beside it; every
value may come from a file named by ``NAME_FILE``. ``docs/settings.md`` is held against ``SETTINGS`` by a test.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
PREFIX = "PRIORCONSENT_"
MAX_SECONDS = 400 * 86400
MIN_SECRET_CHARACTERS = 32


class SettingError(MalformedError):
    """A setting is malformed; the message names it, says what is expected, and never shows a secret."""


class StandInWarning(UserWarning):
    """Something unsafe stands in for what production needs; good enough on a laptop."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One documented setting.

    Args:
        read: turns the text into a value, or raises ``ValueError`` with what was expected.
        default: spelled as in the environment; may name other settings in braces; ``None``: no value.
        meaning: one sentence for the documentation.
    """

    name: str
    read: Callable[[str], Any]
    default: str | None
    meaning: str


def warn_of_stand_in(message: str) -> None:
    """Warn in one sentence, without the line of ours that says so: it is of no use to whoever sets things up."""
    formatted = warnings.formatwarning
    warnings.formatwarning = lambda text, *_: f"warning: {text}\n"
    try:
        warnings.warn(message, StandInWarning, stacklevel=2)
    finally:
        warnings.formatwarning = formatted


def use_settings() -> None:
    """Name the settings module, for every program that starts Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def read_environment(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Every setting with its value, in the order of the table.

    Args:
        environment: ``None`` for the process's own.

    Raises:
        SettingError: a value is malformed, or a name with our prefix is none of ours.
    """
    given = os.environ if environment is None else environment
    _refuse_unknown(given)
    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = _given_text(setting.name, given)
        if text is None and setting.default is not None:
            text = setting.default.format_map(texts)
        values[setting.name] = None if text is None else _read(setting, text)
        # Defaults build on values, so a relative folder is made absolute only once.
        texts[setting.name] = str(values[setting.name])
    return values


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = {name for setting in SETTINGS for name in (setting.name, f"{setting.name}_FILE")}
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; is {close[0]} meant?" if close else ""
            raise SettingError(f"{name} is not a setting{hint} (docs/settings.md lists them)")


def _given_text(name: str, given: Mapping[str, str]) -> str | None:
    text, file = given.get(name), given.get(f"{name}_FILE")
    if text is not None and file is not None:
        raise SettingError(f"{name} and {name}_FILE are both set; only one may be")
    if file is None:
        return text
    try:
        # Editors and `echo` end a file with a line break that belongs to no secret.
        return Path(file).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{name}_FILE: {file} cannot be read ({type(error).__name__})") from None


def _read(setting: Setting, text: str) -> Any:
    try:
        return setting.read(text)
    except ValueError as error:
        raise SettingError(f"{setting.name}: {error}") from None


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


SETTINGS = (
    Setting(
        "PRIORCONSENT_DATA",
        read_folder,
        "var",
        "Folder for everything that the server writes: log, snapshots, evidence, and the database if it is SQLite.",
    ),
    Setting(
        "PRIORCONSENT_ORIGIN",
        read_origin,
        "localhost/prior-consent/1",
        "Name of the transparency log; it never changes during the life of a log.",
    ),
    Setting(
        "PRIORCONSENT_BASE_URL",
        read_base_url,
        "http://127.0.0.1:8000",
        "Where the public reaches this server.",
    ),
    Setting(
        "PRIORCONSENT_KEY_DIR",
        read_folder,
        "{PRIORCONSENT_DATA}/keys",
        "Folder of the registry's private keys.",
    ),
    Setting(
        "PRIORCONSENT_LOG_KEY",
        read_keys,
        None,
        "URIs of the key that signs checkpoints; by default `log.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_LOG_MLDSA_KEY",
        read_keys,
        None,
        "URIs of the ML-DSA-44 key that signs checkpoints too; by default `log-mldsa.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_GRANT_KEY",
        read_keys,
        None,
        "URIs of the key that countersigns grants; by default `grant.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_RECEIPT_KEY",
        read_keys,
        None,
        "URIs of the key that signs receipts and acknowledgements; by default `receipt.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_ACCOUNT_KEY",
        read_keys,
        None,
        "URIs of the key that signs for accounts; by default `account.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_KEY_PASSPHRASE",
        read_passphrase,
        None,
        "Opens the key files, and encrypts those that `found_registry` makes.",
    ),
    Setting(
        "PRIORCONSENT_PLAIN_KEYS",
        read_switch,
        None,
        "Whether key files may be unencrypted; by default only for a log named on localhost, or with debug pages.",
    ),
    Setting(
        "PRIORCONSENT_KEY_DELAY_S",
        read_seconds,
        "259200",
        "How long a party's first key waits, in seconds, before its statements can turn a no into a yes.",
    ),
    Setting(
        "PRIORCONSENT_FRESH_FOR_S",
        read_positive_seconds,
        "86400",
        "How long a checkpoint and its snapshot may be relied on, in seconds.",
    ),
    Setting(
        "PRIORCONSENT_WITNESS_POLICY",
        read_witnesses,
        None,
        "Witnesses to ask and how many are needed, as a tlog-policy without `log` lines; none: nobody is asked.",
    ),
    Setting(
        "PRIORCONSENT_SIGNED_STORE",
        read_file,
        None,
        "Remembers what was signed last, best on another disk; by default `signed.sqlite3` in the data folder.",
    ),
    Setting(
        "PRIORCONSENT_TSA_URLS",
        read_authorities,
        "",
        "URLs of RFC 3161 time-stamp authorities, separated by spaces; each is asked about published checkpoints.",
    ),
    Setting(
        "PRIORCONSENT_TSA_CA",
        read_certificates,
        None,
        "Root certificates of these authorities, PEM, one after the other; they stand in the trust file handed out.",
    ),
    Setting(
        "PRIORCONSENT_STAMP_EVERY_S",
        read_positive_seconds,
        "3600",
        "How long to wait after a time-stamp before the next one is asked for, in seconds.",
    ),
    Setting(
        "PRIORCONSENT_ALLOWED_HOSTS",
        read_hosts,
        "localhost,127.0.0.1",
        "Further host names that the server answers to, besides the one of the base URL.",
    ),
    Setting(
        "PRIORCONSENT_LOG_LEVEL",
        read_log_level,
        "info",
        "Least level that is written to standard error: debug, info, warning or error.",
    ),
    Setting(
        "PRIORCONSENT_DEBUG",
        read_switch,
        "false",
        "Django's debug pages; they show what was asked, so never switch them on where strangers ask.",
    ),
    Setting(
        "DATABASE_URL",
        read_database_url,
        "sqlite:///{PRIORCONSENT_DATA}/db.sqlite3",
        "The database: PostgreSQL, or a file of SQLite.",
    ),
    Setting(
        "REDIS_URL",
        read_redis_url,
        None,
        "Broker and cache; without it tasks run in process and the cache is local memory.",
    ),
    Setting(
        "SECRET_KEY",
        read_secret,
        None,
        "Django's secret; without it a random one stands in until the process ends.",
    ),
)
