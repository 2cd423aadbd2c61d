"""What the environment may say, and the only place that reads it.

A value that is present and malformed stops the start; a missing one takes the default beside it; every
value may come from a file named by ``NAME_FILE``. ``docs/settings.md`` is held against ``SETTINGS`` by a test.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import values
from priorconsent.errors import MalformedError

PREFIX = "PRIORCONSENT_"


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
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        text = _given_text(setting.name, given)
        if text is None and setting.default is not None:
            text = setting.default.format_map(texts)
        found[setting.name] = None if text is None else _read(setting, text)
        # Defaults build on what was read, so a relative folder is made absolute only once.
        texts[setting.name] = str(found[setting.name])
    return found


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


SETTINGS = (
    Setting(
        "PRIORCONSENT_DATA",
        values.read_folder,
        "var",
        "Folder for everything that the server writes: log, snapshots, evidence, and the database if it is SQLite.",
    ),
    Setting(
        "PRIORCONSENT_ORIGIN",
        values.read_origin,
        "localhost/prior-consent/1",
        "Name of the transparency log; it never changes during the life of a log.",
    ),
    Setting(
        "PRIORCONSENT_BASE_URL",
        values.read_base_url,
        "http://127.0.0.1:8000",
        "Where the public reaches this server.",
    ),
    Setting(
        "PRIORCONSENT_KEY_DIR",
        values.read_folder,
        "{PRIORCONSENT_DATA}/keys",
        "Folder of the registry's private keys.",
    ),
    Setting(
        "PRIORCONSENT_LOG_KEY",
        values.read_keys,
        None,
        "URIs of the key that signs checkpoints; by default `log.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_LOG_MLDSA_KEY",
        values.read_keys,
        None,
        "URIs of the ML-DSA-44 key that signs checkpoints too; by default `log-mldsa.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_GRANT_KEY",
        values.read_keys,
        None,
        "URIs of the key that countersigns grants; by default `grant.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_RECEIPT_KEY",
        values.read_keys,
        None,
        "URIs of the key that signs receipts and acknowledgements; by default `receipt.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_ACCOUNT_KEY",
        values.read_keys,
        None,
        "URIs of the key that signs for accounts; by default `account.pem` in the folder of keys.",
    ),
    Setting(
        "PRIORCONSENT_KEY_PASSPHRASE",
        values.read_passphrase,
        None,
        "Opens the key files, and encrypts those that `found_registry` makes.",
    ),
    Setting(
        "PRIORCONSENT_PLAIN_KEYS",
        values.read_switch,
        None,
        "Whether key files may be unencrypted; by default only for a log named on localhost, or with debug pages.",
    ),
    Setting(
        "PRIORCONSENT_KEY_DELAY_S",
        values.read_seconds,
        "259200",
        "How long a party's first key waits, in seconds, before its statements can turn a no into a yes.",
    ),
    Setting(
        "PRIORCONSENT_FRESH_FOR_S",
        values.read_positive_seconds,
        "86400",
        "How long a checkpoint and its snapshot may be relied on, in seconds.",
    ),
    Setting(
        "PRIORCONSENT_WITNESS_POLICY",
        values.read_witnesses,
        None,
        "Witnesses to ask and how many are needed, as a tlog-policy without `log` lines; none: nobody is asked.",
    ),
    Setting(
        "PRIORCONSENT_SIGNED_STORE",
        values.read_file,
        None,
        "Remembers what was signed last, best on another disk; by default `signed.sqlite3` in the data folder.",
    ),
    Setting(
        "PRIORCONSENT_TSA_URLS",
        values.read_authorities,
        "",
        "URLs of RFC 3161 time-stamp authorities, separated by spaces; each is asked about published checkpoints.",
    ),
    Setting(
        "PRIORCONSENT_TSA_CA",
        values.read_certificates,
        None,
        "Root certificates of these authorities, PEM, one after the other; they stand in the trust file handed out.",
    ),
    Setting(
        "PRIORCONSENT_STAMP_EVERY_S",
        values.read_positive_seconds,
        "3600",
        "How long to wait after a time-stamp before the next one is asked for, in seconds.",
    ),
    Setting(
        "PRIORCONSENT_ALLOWED_HOSTS",
        values.read_hosts,
        "localhost,127.0.0.1",
        "Further host names that the server answers to, besides the one of the base URL.",
    ),
    Setting(
        "PRIORCONSENT_LOG_LEVEL",
        values.read_log_level,
        "info",
        "Least level that is written to standard error: debug, info, warning or error.",
    ),
    Setting(
        "PRIORCONSENT_DEBUG",
        values.read_switch,
        "false",
        "Django's debug pages; they show what was asked, so never switch them on where strangers ask.",
    ),
    Setting(
        "DATABASE_URL",
        values.read_database_url,
        "sqlite:///{PRIORCONSENT_DATA}/db.sqlite3",
        "The database: PostgreSQL, or a file of SQLite.",
    ),
    Setting(
        "REDIS_URL",
        values.read_redis_url,
        None,
        "Broker and cache; without it tasks run in process and the cache is local memory.",
    ),
    Setting(
        "SECRET_KEY",
        values.read_secret,
        None,
        "Django's secret; without it a random one stands in until the process ends.",
    ),
)
