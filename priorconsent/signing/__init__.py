"""Keys that sign, wherever they lie: in a file or in a hardware token, named by a URI.

Whoever asks for a signature does not know which of the two; ``open_key`` and ``make_key`` do.
"""

from __future__ import annotations

from types import ModuleType
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from priorconsent.errors import MalformedError, NotAvailableError, PriorConsentError, SigningError
from priorconsent.files import write_new
from priorconsent.keys import PrivateKey, SigningKey
from priorconsent.signing import pkcs8
from priorconsent.signing.private_files import read_private
from priorconsent.signing.uris import FileUri, KeyUri, PublicUri, TokenUri, read_uri

__all__ = [
    "FileUri",
    "KeyUri",
    "PublicUri",
    "Secrets",
    "SigningKey",
    "TokenUri",
    "is_there",
    "make_key",
    "make_mldsa_key",
    "open_key",
    "open_mldsa_key",
    "read_uri",
]


class Secrets(Protocol):
    """What opens keys, and who decides on those that nothing protects."""

    def passphrase(self, what: str) -> bytes | None:
        """The passphrase of a key file, told in words; ``None``: there is none."""

    def pin(self, what: str) -> bytes:
        """The PIN of a token whose URI names no file for it.

        Raises:
            SigningError: there is none.
        """

    def plain(self, what: str) -> None:
        """Warn of a key file without a passphrase, or refuse it.

        Raises:
            NotTrustedError: such files are not used here.
        """


def open_key(uri: KeyUri, secrets: Secrets) -> SigningKey:
    """The Ed25519 key at a URI.

    Raises:
        SigningError: it is not there, or nothing opens it.
        NotTrustedError: others may read it, the passphrase is wrong, or nothing worth the name protects it.
        MalformedError: it is no Ed25519 key.
        SignatureError: the public half in a token is that of another key.
    """
    if isinstance(uri, TokenUri):
        key: SigningKey = _tokens().TokenKey(uri, secrets.pin)
        return key
    return _ed25519(_read(uri, secrets), uri)


def make_key(uri: KeyUri, secrets: Secrets) -> SigningKey:
    """Make an Ed25519 key there.

    Raises:
        ConflictError: there is one; it stays.
    """
    if isinstance(uri, TokenUri):
        key: SigningKey = _tokens().generate(uri, secrets.pin)
        return key
    return _ed25519(_write(uri, Ed25519PrivateKey.generate(), secrets), uri)


def open_mldsa_key(uri: KeyUri, secrets: Secrets) -> MLDSA44PrivateKey:
    """The ML-DSA-44 key in a file.

    Raises:
        NotAvailableError: in a token; few of them know ML-DSA.
    """
    return _mldsa(_read(_in_file(uri), secrets), uri)


def make_mldsa_key(uri: KeyUri, secrets: Secrets) -> MLDSA44PrivateKey:
    """Make an ML-DSA-44 key in a file."""
    return _mldsa(_write(_in_file(uri), MLDSA44PrivateKey.generate(), secrets), uri)


def is_there(uri: KeyUri, secrets: Secrets) -> bool:
    """Whether a file or token holds this key; a public half alone is no key."""
    if isinstance(uri, TokenUri):
        there: bool = _tokens().holds(uri, secrets.pin)
        return there
    return isinstance(uri, FileUri) and uri.path.exists()


def _tokens() -> ModuleType:
    try:
        from priorconsent.signing import tokens
    except ImportError:
        raise SigningError("keys in tokens (PKCS#11) need the extra hsm: pip install 'priorconsent[hsm]'") from None
    return tokens


def _read(uri: KeyUri, secrets: Secrets) -> pkcs8.Key:
    if not isinstance(uri, FileUri):
        raise SigningError("only the public half of this key is here; it signs elsewhere")
    pem = read_private(uri.path)
    try:
        if not pkcs8.is_encrypted(pem):
            secrets.plain(uri.path.name)
            return pkcs8.decode(pem, None)
        passphrase = secrets.passphrase(uri.path.name)
        if passphrase is None:
            raise SigningError("it is encrypted, and no passphrase is given")
        return pkcs8.decode(pem, passphrase)
    except PriorConsentError as error:
        raise type(error)(f"{uri.path.name}: {error.detail}") from error


def _write(uri: KeyUri, key: pkcs8.Key, secrets: Secrets) -> pkcs8.Key:
    if not isinstance(uri, FileUri):
        raise SigningError("a key is made in a file or a token")
    passphrase = secrets.passphrase(uri.path.name)
    if passphrase is None:
        secrets.plain(uri.path.name)
    write_new(uri.path, pkcs8.encode(key, passphrase))
    return key


def _ed25519(key: pkcs8.Key, uri: KeyUri) -> PrivateKey:
    if not isinstance(key, Ed25519PrivateKey):
        raise MalformedError(f"{uri} is no Ed25519 key")
    # From the seed alone: a public half that came along could belong to another key.
    return PrivateKey(key.private_bytes_raw())


def _mldsa(key: pkcs8.Key, uri: KeyUri) -> MLDSA44PrivateKey:
    if not isinstance(key, MLDSA44PrivateKey):
        raise MalformedError(f"{uri} is no ML-DSA-44 key")
    return key


def _in_file(uri: KeyUri) -> KeyUri:
    if isinstance(uri, TokenUri):
        raise NotAvailableError("ML-DSA keys in tokens (PKCS#11) are not available yet")
    return uri
