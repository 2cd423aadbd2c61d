"""The registry's own keys, one for each use, and where each process finds them.

``PRIORCONSENT_KEYS`` names each key by a URI: a file, a hardware token, or only its public half where another process
signs. Several URIs for a use are several keys, while one takes over from the other; which of them counts is never
decided here, but by the keyset in force (``in_force``).
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.conf import settings

from priorconsent.errors import MalformedError, NotTrustedError, SignatureError, SigningError
from priorconsent.files import PRIVATE_MODE
from priorconsent.keys import Jwk, Keyset, jwk_of
from priorconsent.signing import (
    FileUri,
    KeyUri,
    PublicUri,
    SigningKey,
    TokenUri,
    is_there,
    make_key,
    make_mldsa_key,
    open_key,
    open_mldsa_key,
)
from priorconsent.signing.private_files import read_private
from priorconsent.signing.uris import ED25519_BYTES, MLDSA_BYTES
from transparency.files import write_file

Use = Literal["root", "log", "grant", "receipt", "account"]
OnlineUse = Literal["log", "grant", "receipt", "account"]
ONLINE_USES: tuple[OnlineUse, ...] = ("log", "grant", "receipt", "account")
USES: tuple[Use, ...] = ("root", *ONLINE_USES)
# The log's second key: no keyset names it, the policy in the trust file does.
LOG_MLDSA = "log-mldsa"

SEAL_BYTES = 32
SEAL_FILE = "pending.seal"

logger = logging.getLogger(__name__)


class _Secrets:
    """What opens this process's keys; see ``priorconsent.signing.Secrets``."""

    def passphrase(self, what: str) -> bytes | None:
        del what
        given: str | None = settings.PRIORCONSENT_KEY_PASSPHRASE
        return None if given is None else given.encode("utf-8")

    def pin(self, what: str) -> bytes:
        raise SigningError(f"{what}: a server cannot ask for a PIN; name a file that holds it by pin-source=")

    def plain(self, what: str) -> None:
        del what
        if not settings.PRIORCONSENT_PLAIN_KEYS:
            raise NotTrustedError(
                "it is not encrypted, and PRIORCONSENT_PLAIN_KEYS does not allow that; "
                "PRIORCONSENT_KEY_PASSPHRASE_FILE names the passphrase of encrypted ones"
            )
        _warn_of_plain(str(settings.PRIORCONSENT_KEY_DIR))


_SECRETS = _Secrets()


def signer(use: Use) -> SigningKey:
    """The registry's key for a use; of several, the first.

    Raises:
        SigningError: this process has no such key, nothing opens it, or it may not be used: others can read it,
            nothing worth the name protects it, it is of another kind.
    """
    found = signers(use)
    if not found:
        raise SigningError(f"this process knows only the public half of the {use} key; another one signs")
    return found[0]


def signers(use: Use) -> tuple[SigningKey, ...]:
    """Every key for a use that this process signs with, in the order of the setting."""
    return tuple(_open(uri) for uri in uris(use) if not isinstance(uri, PublicUri))


def in_force(use: OnlineUse, keyset: Keyset, at: str) -> tuple[SigningKey, ...]:
    """Those of this process's keys that a keyset lets sign at a time; at least one.

    So a key that was swapped, or whose time is over, signs nothing that would have to be thrown away.

    Raises:
        SigningError: none of them may, or this process has none.
    """
    at_hand = signers(use)
    good = tuple(one for one in at_hand if _counts(one, use, keyset, at))
    if not good:
        told = ", ".join(one.kid for one in at_hand) or "only a public half"
        raise SigningError(f"no {use} key of keyset version {keyset.version} is at hand at {at}; at hand is {told}")
    return good


def public_halves(use: Use) -> tuple[Jwk, ...]:
    """The public halves of the keys that the setting names, with a private half or without."""
    return tuple(_public(uri) for uri in uris(use))


def holds(use: str) -> bool:
    """Whether this process is meant to sign in a use."""
    return any(not isinstance(uri, PublicUri) for uri in uris(use))


def holds_root() -> bool:
    """Whether a root key lies beside the online ones."""
    return any(is_there(uri, _SECRETS) for uri in uris("root"))


def mldsa_signers() -> tuple[MLDSA44PrivateKey, ...]:
    """The log's ML-DSA-44 keys that this process signs with; several while one takes over from another.

    Raises:
        SigningError: as for ``signer``.
    """
    found = tuple(_open_mldsa(uri) for uri in uris(LOG_MLDSA) if not isinstance(uri, PublicUri))
    if not found:
        raise SigningError("this process knows only the public half of the log-mldsa key; another one signs")
    return found


def mldsa_public_halves() -> tuple[bytes, ...]:
    """The log's ML-DSA-44 public keys, 1,312 bytes each, those that sign no more among them."""
    return tuple(_mldsa_public(uri) for uri in uris(LOG_MLDSA))


def public_settings() -> dict[str, tuple[PublicUri, ...]]:
    """The settings of a process that verifies and does not sign, by their names."""
    halves: dict[str, tuple[PublicUri, ...]] = {LOG_MLDSA: tuple(map(PublicUri, mldsa_public_halves()))}
    halves |= {use: tuple(PublicUri(jwk.raw) for jwk in public_halves(use)) for use in ONLINE_USES}
    return {f"PRIORCONSENT_{use.upper().replace('-', '_')}_KEY": named for use, named in sorted(halves.items())}


def uris(use: str) -> tuple[KeyUri, ...]:
    """Where the keys for a use are."""
    configured: tuple[KeyUri, ...] | None = settings.PRIORCONSENT_KEYS.get(use)
    folder: Path = settings.PRIORCONSENT_KEY_DIR
    return configured or (FileUri(folder / f"{use}.pem"),)


def make_keys(*, root: bool) -> None:
    """Make the keys that are not there yet, where their URIs say; those that are there stay.

    Args:
        root: also make a root key, beside the online ones. For a demo: whoever breaks into the server has it.
    """
    for use in USES if root else ONLINE_USES:
        for uri in _missing(use):
            make_key(uri, _SECRETS)
    for uri in _missing(LOG_MLDSA):
        make_mldsa_key(uri, _SECRETS)
    seal_file = _seal_file()
    if not seal_file.exists():
        seal_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(seal_file, secrets.token_bytes(SEAL_BYTES), PRIVATE_MODE)


def find_or_make(uri: KeyUri) -> Jwk:
    """The public half of a key that a ceremony plans; it is made if it is not there.

    No setting need name it yet: a process whose setting names a key that nobody made would not start.
    """
    if not isinstance(uri, PublicUri) and not is_there(uri, _SECRETS):
        make_key(uri, _SECRETS)
    return _public(uri)


def seal(message: bytes) -> bytes:
    """HMAC-SHA-256 of a message under a key that the database does not hold."""
    return hmac.digest(read_private(_seal_file()), message, "sha256")


def _missing(use: str) -> list[KeyUri]:
    return [uri for uri in uris(use) if not isinstance(uri, PublicUri) and not is_there(uri, _SECRETS)]


def _counts(one: SigningKey, use: OnlineUse, keyset: Keyset, at: str) -> bool:
    try:
        return keyset.key(one.kid, use, at) == one.jwk
    except SignatureError:
        return False


def _public(uri: KeyUri) -> Jwk:
    if not isinstance(uri, PublicUri):
        return _open(uri).jwk
    if len(uri.key) != ED25519_BYTES:
        raise MalformedError("a public half is not one of Ed25519")
    jwk = jwk_of(uri.key)
    jwk.check()
    return jwk


def _open(uri: KeyUri) -> SigningKey:
    with _unfit_is_away():
        return _open_token(uri) if isinstance(uri, TokenUri) else open_key(uri, _SECRETS)


# Opening asks the token for a signature; a file is looked at each time, and deciphered once.
@lru_cache(maxsize=16)
def _open_token(uri: TokenUri) -> SigningKey:
    return open_key(uri, _SECRETS)


@lru_cache(maxsize=1)
def _warn_of_plain(folder: str) -> None:
    """Once for a process, not for each key each time."""
    del folder
    logger.warning("the registry's key files are not encrypted: whoever copies them can sign for it")


def _open_mldsa(uri: KeyUri) -> MLDSA44PrivateKey:
    with _unfit_is_away():
        return open_mldsa_key(uri, _SECRETS)


@contextmanager
def _unfit_is_away() -> Iterator[None]:
    """A key that may not be used is as good as none: whoever waits for a signature meets one kind of error."""
    try:
        yield
    except (MalformedError, NotTrustedError) as error:
        raise SigningError(str(error)) from error


def _mldsa_public(uri: KeyUri) -> bytes:
    if not isinstance(uri, PublicUri):
        return _open_mldsa(uri).public_key().public_bytes_raw()
    if len(uri.key) != MLDSA_BYTES:
        raise MalformedError("a public half is not one of ML-DSA-44")
    return uri.key


def _seal_file() -> Path:
    return cast(Path, settings.PRIORCONSENT_KEY_DIR) / SEAL_FILE
