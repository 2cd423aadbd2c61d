"""A party's private key on disk: PKCS#8 PEM for its owner alone, and the public key record beside it."""

from __future__ import annotations

import warnings
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent.cli.secrets import Terminal
from priorconsent.errors import MalformedError, NotFoundError
from priorconsent.files import PUBLIC_MODE, write_new
from priorconsent.keys import KeyRecord, SigningKey, read_key_record
from priorconsent.signing import FileUri, open_key, pkcs8

MAX_RECORD_BYTES = 1 << 16


class PlaintextKeyWarning(UserWarning):
    """A private key lies on disk without encryption."""


class PartySecrets(Terminal):
    """What opens a party's key file: a passphrase if it has one; without, there is a warning.

    Args:
        path: of the key, as it was given.
    """

    def __init__(self, path: Path, file: Path | None, *, twice: bool = False) -> None:
        super().__init__(file, twice=twice)
        self._path = path

    def plain(self, what: str) -> None:
        """See ``priorconsent.signing.Secrets``."""
        del what
        _warn(self._path)


def record_path(path: Path) -> Path:
    """Where the public key record of a key file is."""
    return path.with_name(path.name + ".json")


def write(path: Path, key: Ed25519PrivateKey, record: KeyRecord, passphrase: bytes | None = None) -> None:
    """Write a new key file and its record.

    Args:
        passphrase: ``None``: the key lies there for everybody who can read the file.

    Raises:
        ConflictError: one of the two exists; a key that was overwritten is gone for good.
    """
    pem = pkcs8.encode(key, passphrase)
    write_new(record_path(path), record.encode(), PUBLIC_MODE)
    write_new(path, pem)
    if passphrase is None:
        _warn(path)


def read(path: Path, passphrase_file: Path | None = None) -> tuple[SigningKey, KeyRecord]:
    """Read a key file and its record.

    Args:
        passphrase_file: of an encrypted key; ``None``: whoever sits at the terminal is asked.

    Raises:
        NotFoundError, MalformedError: one of the two is missing or damaged, or they do not belong together.
        NotTrustedError: others can read the key, or the passphrase does not open it.
    """
    if not path.exists():
        raise _missing(path)
    key = open_key(FileUri(path), PartySecrets(path, passphrase_file))
    record = read_record(path)
    if record.jwk != key.jwk:
        raise MalformedError(f"{record_path(path)} is the record of another key")
    return key, record


def read_record(path: Path) -> KeyRecord:
    """Read the record beside a key file."""
    try:
        with record_path(path).open("rb") as file:
            return read_key_record(file.read(MAX_RECORD_BYTES))
    except FileNotFoundError:
        raise _missing(record_path(path)) from None


def _missing(path: Path) -> NotFoundError:
    return NotFoundError(f"there is no {path}; make one with: priorconsent key new")


def _warn(path: Path) -> None:
    warnings.warn(f"{path} is not encrypted: whoever copies it can sign for you", PlaintextKeyWarning, stacklevel=3)
