"""Ed25519 keys in a PKCS#11 token: they sign where they lie, and nobody sees them.

This module alone needs the extra ``hsm``. A process has one session with each token, since logging in counts for
all of them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PinIncorrect, PKCS11Error

from priorconsent.errors import ConflictError, MalformedError, SigningError
from priorconsent.keys import KEY_CHECK, Jwk, SigningKey, jwk_of
from priorconsent.signing.private_files import read_secret
from priorconsent.signing.uris import TokenUri

# Gives the PIN of a token that names no file for it.
Ask = Callable[[str], bytes]
# Library, label and serial number of a token.
Place = tuple[Path, str | None, str | None]

# DER of the object identifier 1.3.101.112, and of the name that PKCS#11 v3.0 allows in its place.
ED25519_PARAMETERS = (bytes.fromhex("06032b6570"), b"\x13\x0cedwards25519")
# DER: OCTET STRING of 32 bytes around the point; some tokens give the bare point.
POINT_PREFIX = bytes.fromhex("0420")
POINT_BYTES = 32
NEW_ID_BYTES = 16

_lock = threading.RLock()
_sessions: dict[Place, Any] = {}
_refused: set[tuple[object, ...]] = set()
_libraries: set[Path] = set()
_inherited: set[Path] = set()

_REASONS = {
    "PinIncorrect": "the PIN is wrong",
    "PinLenRange": "the PIN is wrong",
    "PinInvalid": "the PIN is wrong",
    "PinLocked": "the token locked itself after wrong PINs",
    "NoSuchToken": "there is no such token",
    "MultipleTokensReturned": "there are several such tokens; name one by serial=",
    "TokenNotPresent": "there is no token",
    "DeviceRemoved": "the token was removed",
    "MechanismInvalid": "the token does not know Ed25519",
    "PKCS11Error": "the library cannot be loaded",
}


class TokenKey(SigningKey):
    """One key in a token.

    Args:
        uri: where it is.
        ask: gives the PIN if the URI names no file for it.

    Raises:
        SigningError: no such library, token or key, or the PIN is wrong.
        MalformedError: the key is no Ed25519 key.
        SignatureError: the public half beside it belongs to another key.
    """

    def __init__(self, uri: TokenUri, ask: Ask) -> None:
        self._uri, self._ask = uri, ask
        with _session(uri, ask) as session:
            self.jwk = _public_half(session, uri)
        # Nothing in a token ties the two halves together but a signature.
        self.sign(KEY_CHECK + secrets.token_bytes(NEW_ID_BYTES))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature, verified before anybody else sees it.

        Raises:
            SigningError: the token does not sign.
            SignatureError: what it gave does not verify under the public half.
        """
        with _session(self._uri, self._ask) as session:
            key = _only(session, self._uri, ObjectClass.PRIVATE_KEY)
            signature = bytes(key.sign(message, mechanism=Mechanism.EDDSA))
        self.jwk.verify(signature, message)
        return signature


def generate(uri: TokenUri, ask: Ask) -> TokenKey:
    """Make a key inside the token; it never leaves it.

    Raises:
        ConflictError: there is one by this name.
        SigningError: the token refuses.
    """
    with _session(uri, ask, writing=True) as session:
        if any(_found(session, uri, kind) for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)):
            raise ConflictError(f"{uri} exists and is not replaced")
        session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: ED25519_PARAMETERS[0]}, local=True
        ).generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            label=uri.label or "",
            id=uri.id or secrets.token_bytes(NEW_ID_BYTES),
            store=True,
            private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )
    return TokenKey(uri, ask)


def holds(uri: TokenUri, ask: Ask) -> bool:
    """Whether the token has a private key by this name."""
    with _session(uri, ask) as session:
        return bool(_found(session, uri, ObjectClass.PRIVATE_KEY))


@contextmanager
def _session(uri: TokenUri, ask: Ask, *, writing: bool = False) -> Iterator[Any]:
    """The session with a token, for one caller at a time; after an error the next caller gets a new one."""
    with _lock:
        try:
            if writing:
                _close(uri)
            yield _sessions.get(_place(uri)) or _open(uri, ask, writing=writing)
        except PKCS11Error as error:
            _close(uri)
            # What the library itself says may quote anything.
            raise SigningError(f"{uri}: {_REASONS.get(type(error).__name__, type(error).__name__)}") from None
        finally:
            if writing:
                _close(uri)


def _open(uri: TokenUri, ask: Ask, *, writing: bool) -> Any:
    """Open a session and log in.

    A PIN that a token refused is not tried again by this process: after a few attempts tokens lock themselves.
    """
    pin = read_secret(uri.pin_source) if uri.pin_source else ask(str(uri))
    attempt = (*_place(uri), hashlib.sha256(pin).digest())
    if attempt in _refused:
        raise SigningError(f"{uri}: the PIN was wrong before and is not tried again")
    try:
        token = _library(uri.module).get_token(
            token_label=uri.token, token_serial=uri.serial.encode() if uri.serial else None
        )
        session = token.open(rw=writing, user_pin=pin.decode("utf-8", errors="replace"))
    except PinIncorrect:
        _refused.add(attempt)
        raise
    _sessions[_place(uri)] = session
    return session


def _close(uri: TokenUri) -> None:
    session = _sessions.pop(_place(uri), None)
    if session is not None:
        # A token that was pulled out cannot even say goodbye.
        with suppress(PKCS11Error):
            session.close()


def _library(path: Path) -> Any:
    library = pkcs11.lib(str(path))
    if path in _inherited:
        # PKCS#11 2.40, section 5.4: a child that was forked off has to initialise the library for itself.
        library.reinitialize()
        _inherited.discard(path)
    _libraries.add(path)
    return library


def _public_half(session: Any, uri: TokenUri) -> Jwk:
    key = _only(session, uri, ObjectClass.PUBLIC_KEY)
    if bytes(key[Attribute.EC_PARAMS]) not in ED25519_PARAMETERS:
        raise MalformedError(f"{uri} is no Ed25519 key")
    point = bytes(key[Attribute.EC_POINT])
    jwk = jwk_of(point.removeprefix(POINT_PREFIX) if len(point) > POINT_BYTES else point)
    jwk.check()
    return jwk


def _only(session: Any, uri: TokenUri, kind: ObjectClass) -> Any:
    found = _found(session, uri, kind)
    if not found:
        raise SigningError(f"{uri}: the token holds no such {kind.name.lower().replace('_', ' ')}")
    if len(found) > 1:
        raise SigningError(f"{uri}: the token holds several such keys; name one by id=")
    return found[0]


def _found(session: Any, uri: TokenUri, kind: ObjectClass) -> list[Any]:
    wanted = {Attribute.CLASS: kind, Attribute.LABEL: uri.label, Attribute.ID: uri.id}
    return list(session.get_objects({name: value for name, value in wanted.items() if value is not None}))


def _place(uri: TokenUri) -> Place:
    return (uri.module, uri.token, uri.serial)


def _begin_anew() -> None:
    """In a forked child: sessions and locks of the parent are of no use."""
    global _lock  # noqa: PLW0603 (a lock that another thread held at the fork stays held for ever)
    _lock = threading.RLock()
    _sessions.clear()
    _inherited.update(_libraries)


os.register_at_fork(after_in_child=_begin_anew)
