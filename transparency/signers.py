"""The registry's own keys, one per use, behind a small signer.

Keys are unencrypted PKCS#8 files of mode 600 in ``PRIORCONSENT_KEY_DIR``. Hardware tokens and encrypted
files come later; whoever holds the key changes, who asks for a signature does not.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from priorconsent.errors import MalformedError, NotAvailableError, NotFoundError, NotTrustedError
from priorconsent.keys import Jwk, PrivateKey
from transparency.files import PRIVATE_MODE, write_file

Use = Literal["root", "log", "grant", "receipt", "account"]
USES: tuple[Use, ...] = ("root", "log", "grant", "receipt", "account")

SEED_BYTES = 32
MLDSA_FILE = "log-mldsa.pem"
SEAL_FILE = "pending.seal"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for the registry in one use.

    Args:
        key: never leaves this object.
    """

    use: Use
    key: PrivateKey = field(repr=False)

    @property
    def jwk(self) -> Jwk:
        """The public key."""
        return self.key.jwk

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint, as keysets and headers name the key."""
        return self.key.jwk.thumbprint

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature."""
        return self.key.sign(message)


def signer(use: Use) -> Signer:
    """The registry's signer for a use.

    Raises:
        NotFoundError: there is no such key yet.
        NotAvailableError: the key is encrypted, or kept in a token.
        NotTrustedError: others than its owner may read the key.
    """
    path = _path(use)
    key = _load(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise MalformedError(f"{path.name} is no Ed25519 key")
    return Signer(use, PrivateKey(key.private_bytes_raw()))


def _load(path: Path) -> PrivateKeyTypes:
    raw = _read_private(path)
    if raw.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"):
        raise NotAvailableError(f"encrypted key files are not available yet: {path.name}")
    if raw.startswith(b"pkcs11:"):
        raise NotAvailableError(f"keys in hardware tokens (PKCS#11) are not available yet: {path.name}")
    try:
        return load_pem_private_key(raw, password=None)
    except (ValueError, TypeError):
        raise MalformedError(f"{path.name} is no private key in PKCS#8") from None


@dataclass(frozen=True, slots=True)
class MldsaSigner:
    """Signs checkpoints in the log's own ML-DSA-44 line (FIPS 204, empty context).

    The keyset knows Ed25519 only, so no keyset names this key: the policy in the trust file does.

    Args:
        key: never leaves this object.
    """

    key: MLDSA44PrivateKey = field(repr=False)

    @property
    def public_bytes(self) -> bytes:
        """The public key, 1,312 bytes."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature, 2,420 bytes; another one each time."""
        return self.key.sign(message)


def mldsa_signer() -> MldsaSigner:
    """The log's ML-DSA-44 signer.

    Raises:
        NotFoundError: there is no such key yet.
        NotTrustedError: others than its owner may read the key.
    """
    folder: Path = settings.PRIORCONSENT_KEY_DIR
    key = _load(folder / MLDSA_FILE)
    if not isinstance(key, MLDSA44PrivateKey):
        raise MalformedError(f"{MLDSA_FILE} is no ML-DSA-44 key")
    return MldsaSigner(key)


def make_keys() -> None:
    """Create the keys that are not there yet; those that are stay."""
    folder: Path = settings.PRIORCONSENT_KEY_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for use in USES:
        if not _path(use).exists():
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_file(_path(use), pem, PRIVATE_MODE)
    if not (folder / MLDSA_FILE).exists():
        pem = MLDSA44PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_file(folder / MLDSA_FILE, pem, PRIVATE_MODE)
    if not (folder / SEAL_FILE).exists():
        write_file(folder / SEAL_FILE, secrets.token_bytes(SEED_BYTES), PRIVATE_MODE)


def seal(message: bytes) -> bytes:
    """HMAC-SHA-256 of a message under a key that the database does not hold."""
    return hmac.digest(_read_private(settings.PRIORCONSENT_KEY_DIR / SEAL_FILE), message, "sha256")


def _path(use: Use) -> Path:
    folder: Path = settings.PRIORCONSENT_KEY_DIR
    return folder / f"{use}.pem"


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise NotTrustedError(f"others may read the key {path.name}: chmod 600 it, and consider it lost")
            return file.read()
    except FileNotFoundError:
        raise NotFoundError(f"there is no key {path.name}: manage.py found_registry makes the keys") from None
