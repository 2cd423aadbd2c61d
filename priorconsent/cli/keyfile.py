"""A party's private key on disk: PKCS#8 PEM for its owner alone, and the public key record beside it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from priorconsent.errors import ConflictError, MalformedError, NotAllowedError, NotAvailableError, NotFoundError
from priorconsent.keys import KeyRecord, PrivateKey, read_key_record

MAX_KEY_FILE_BYTES = 1 << 16


class PlaintextKeyWarning(UserWarning):
    """A private key lies on disk without encryption."""


def record_path(path: Path) -> Path:
    """Where the public key record of a key file is."""
    return path.with_name(path.name + ".json")


def write(path: Path, key: Ed25519PrivateKey, record: KeyRecord) -> None:
    """Write a new key file and its record.

    Raises:
        ConflictError: one of the two exists; a key that was overwritten is gone for good.
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_new(record_path(path), record.encode(), 0o644)
    _write_new(path, pem, 0o600)
    _warn(path)


def read(path: Path) -> tuple[PrivateKey, KeyRecord]:
    """Read a key file and its record.

    Raises:
        NotFoundError, MalformedError: one of the two is missing or damaged, or they do not belong together.
        NotAllowedError: others can read the key.
        NotAvailableError: an encrypted key.
    """
    pem = _read(path)
    if path.stat().st_mode & 0o077:
        raise NotAllowedError(f"others can read {path}; run: chmod 600 {path}")
    if b"ENCRYPTED" in pem:
        raise NotAvailableError(f"{path}: encrypted key files are not available yet")
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise MalformedError(f"{path} holds no private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise MalformedError(f"{path} holds no Ed25519 key")
    key, record = PrivateKey(private.private_bytes_raw()), read_record(path)
    if record.jwk != key.jwk:
        raise MalformedError(f"{record_path(path)} is the record of another key")
    _warn(path)
    return key, record


def read_record(path: Path) -> KeyRecord:
    """Read the record beside a key file."""
    return read_key_record(_read(record_path(path)))


def _warn(path: Path) -> None:
    warnings.warn(f"{path} is not encrypted: whoever copies it can sign for you", PlaintextKeyWarning, stacklevel=3)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_FILE_BYTES)
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}; make one with: priorconsent key new") from None


def _write_new(path: Path, raw: bytes, mode: int) -> None:
    try:
        # The mode is given at once: afterwards would be a moment too late.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise ConflictError(f"{path} exists and is not overwritten; choose another name") from None
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
