"""Private keys as PKCS#8 PEM, plain or encrypted under a passphrase.

``cryptography`` reads encrypted files, but writes them with 2,048 rounds of PBKDF2 and offers no way to ask for
more. So they are put together here from its scrypt, its AES and its DER, in the standard form: openssl reads them.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.signing.pbes2 import (
    BLOCK_BYTES,
    KEY_BYTES,
    SCRYPT_BLOCK,
    SCRYPT_COST,
    SCRYPT_PARALLEL,
    check_derivation,
    scrypt_container,
)

Key = Ed25519PrivateKey | MLDSA44PrivateKey

MAX_KEY_FILE_BYTES = 1 << 16
MIN_PASSPHRASE_BYTES = 12
PEM_LINE = 64
PLAIN, ENCRYPTED = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"


def encode(key: Key, passphrase: bytes | None) -> bytes:
    """A key as PEM; encrypted, it is another text each time.

    Args:
        passphrase: ``None`` for a plain file.

    Raises:
        MalformedError: the passphrase is too short to be one.
    """
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    if passphrase is None:
        return _armour(plain, PLAIN)
    if len(passphrase) < MIN_PASSPHRASE_BYTES:
        raise MalformedError(f"a passphrase has at least {MIN_PASSPHRASE_BYTES} bytes")
    salt, iv = secrets.token_bytes(BLOCK_BYTES), secrets.token_bytes(BLOCK_BYTES)
    derived = Scrypt(salt, KEY_BYTES, SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_PARALLEL).derive(passphrase)
    padder, encryptor = PKCS7(AES.block_size).padder(), Cipher(AES(derived), CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return _armour(scrypt_container(salt, iv, data), ENCRYPTED)


def is_encrypted(pem: bytes) -> bool:
    """Whether a file says of itself that it is encrypted."""
    return pem.lstrip().startswith(_border("BEGIN", ENCRYPTED).encode("ascii"))


# Deriving takes a quarter of a second, and a server signs with the same few files again and again.
@lru_cache(maxsize=16)
def decode(pem: bytes, passphrase: bytes | None) -> Key:
    """The key in a PEM file. Whatever the file tells as its public half is not looked at: it follows from the key.

    Args:
        passphrase: ``None`` for a plain file.

    Raises:
        MalformedError: no key of a kind that we use.
        NotTrustedError: the passphrase does not open it, or its derivation protects nothing.
    """
    der = _bare(pem, PLAIN if passphrase is None else ENCRYPTED)
    if passphrase is not None:
        check_derivation(der)
    try:
        key = load_der_private_key(der, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if passphrase is not None:
            raise NotTrustedError("the passphrase does not open it") from None
        raise MalformedError("no private key in PKCS#8") from None
    if not isinstance(key, Ed25519PrivateKey | MLDSA44PrivateKey):
        raise MalformedError("the key is neither for Ed25519 nor for ML-DSA-44")
    return key


def _bare(pem: bytes, label: str) -> bytes:
    """The DER in one PEM block with this label and nothing beside it (RFC 7468)."""
    begin, end = _border("BEGIN", label), _border("END", label)
    text = pem.decode("ascii", errors="replace").strip()
    if len(pem) > MAX_KEY_FILE_BYTES or not (text.startswith(begin) and text.endswith(end)):
        raise MalformedError(f"expected one block '{begin}' of at most {MAX_KEY_FILE_BYTES} bytes and nothing else")
    try:
        return base64.b64decode("".join(text[len(begin) : -len(end)].split()), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("the key file is not PEM") from None


def _armour(der: bytes, label: str) -> bytes:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[at : at + PEM_LINE] for at in range(0, len(text), PEM_LINE)]
    return "\n".join([_border("BEGIN", label), *lines, _border("END", label), ""]).encode("ascii")


def _border(side: str, label: str) -> str:
    return f"-----{side} {label}-----"
