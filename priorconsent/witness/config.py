"""The folder of a witness: its keys, which of them it signs with, and what it has seen.

``witness.json`` says name and keys; ``witness.sqlite3`` is its state; key files lie beside them, or in a token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from priorconsent import canonical
from priorconsent.errors import ConflictError, MalformedError, NotFoundError, NotTrustedError
from priorconsent.files import PUBLIC_MODE, write_new
from priorconsent.log.cosignature import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Cosigner
from priorconsent.records import Text, Versioned, convert, in_order
from priorconsent.signing import (
    FileUri,
    KeyUri,
    Secrets,
    SigningKey,
    make_key,
    make_mldsa_key,
    open_key,
    open_mldsa_key,
    read_uri,
)
from priorconsent.witness.state import State
from priorconsent.witness.witness import CosigningKey

Kind = Literal["ed25519", "ml-dsa-44"]
KINDS: dict[Kind, int] = {"ed25519": COSIGNATURE_ED25519, "ml-dsa-44": COSIGNATURE_ML_DSA_44}
CONFIG, STATE = "witness.json", "witness.sqlite3"
MAX_CONFIG_BYTES = 1 << 16


class KeyPlace(Versioned, frozen=True):
    """One key of a witness.

    Args:
        vkey: its public half, as policies name it.
        key: a file beside the configuration, or a URI: ``file:/…``, ``pkcs11:…``.
    """

    vkey: Text
    key: Text


class Config(Versioned, frozen=True):
    """What ``witness.json`` says."""

    name: Text
    keys: tuple[KeyPlace, ...]

    @property
    def cosigners(self) -> tuple[Cosigner, ...]:
        """Public halves, in order."""
        found = tuple(Cosigner.parse(one.vkey) for one in self.keys)
        if not found or any(one.name != self.name for one in found):
            raise MalformedError(f"{CONFIG} names no keys, or keys of another witness")
        return found


def make(folder: Path, name: str, places: dict[Kind, str], secrets: Secrets) -> Config:
    """Make keys, database and configuration, in this order: what a crash leaves is no witness yet.

    Args:
        places: where each key is to be made, as ``KeyPlace`` says it.

    Raises:
        ConflictError: there is a witness, or something of one; nothing of it is replaced.
    """
    if any((folder / file).exists() for file in (CONFIG, STATE)):
        raise ConflictError(f"there is a witness in {folder}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = []
    for kind, place in places.items():
        public = _make(kind, _uri(folder, place), secrets)
        keys.append(KeyPlace(v=1, vkey=Cosigner(name, public, KINDS[kind]).vkey(), key=place))
    config = Config(v=1, name=name, keys=in_order(keys))
    State.create(folder / STATE)
    write_new(folder / CONFIG, config.encode() + b"\n", PUBLIC_MODE)
    return config


def read(folder: Path) -> Config:
    """The configuration.

    Raises:
        NotFoundError, MalformedError: it is missing or damaged.
    """
    path = folder / CONFIG
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES)
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}; make a witness with: priorconsent log witness init") from None
    config = convert(canonical.parse(raw), Config)
    # Read once, so that a damaged one shows here.
    _ = config.cosigners
    return config


def state(folder: Path) -> State:
    """What the witness has seen; errors as of ``State``."""
    return State(folder / STATE)


def open_keys(folder: Path, config: Config, secrets: Secrets) -> tuple[CosigningKey, ...]:
    """The keys, ready to sign.

    Raises:
        SigningError, NotTrustedError, MalformedError: one of them is not at hand, badly kept, or no such key.
    """
    pairs = zip(config.keys, config.cosigners, strict=True)
    return tuple(_open(cosigner, _uri(folder, place.key), secrets) for place, cosigner in pairs)


def _open(cosigner: Cosigner, uri: KeyUri, secrets: Secrets) -> CosigningKey:
    key: SigningKey | MLDSA44PrivateKey
    if cosigner.kind == COSIGNATURE_ED25519:
        key = open_key(uri, secrets)
        public = key.jwk.raw
    else:
        key = open_mldsa_key(uri, secrets)
        public = key.public_key().public_bytes_raw()
    if public != cosigner.public_key:
        raise NotTrustedError(f"{uri} is not the key that {CONFIG} says")
    return CosigningKey(cosigner, key.sign)


def _make(kind: Kind, uri: KeyUri, secrets: Secrets) -> bytes:
    if kind == "ed25519":
        return make_key(uri, secrets).jwk.raw
    return make_mldsa_key(uri, secrets).public_key().public_bytes_raw()


def _uri(folder: Path, key: str) -> KeyUri:
    if ":" in key:
        return read_uri(key)
    if "/" in key:
        raise MalformedError("a key is a file beside witness.json, or a URI")
    return FileUri((folder / key).absolute())
