"""Ed25519 keys: strict public keys, key records, and the keysets of a registry."""

from __future__ import annotations

import functools
import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from priorconsent import canonical
from priorconsent.errors import FraudError, MalformedError, NotAvailableError, SignatureError
from priorconsent.records import Bytes16, Bytes32, Count, Digest, Record, Text, Time, Urn, Versioned, convert

KEYSET_HEADER = {"alg": "Ed25519", "typ": "prior-consent-keyset+jws"}
MAX_KEYSET_SIGNATURES = 32
KEY_TAG = "prior-consent-key/v1"
# Goes before what a key signs only to show that it can.
KEY_CHECK = b"prior-consent-key-check/v1\0"
SEED_BYTES = 32

FIELD = 2**255 - 19
# y-coordinates of the points whose order divides 8 (RFC 8032, section 5.1): the neutral point, the one
# of order 2, those of order 4, and the two pairs of order 8.
_ORDER_8_Y = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL_ORDER_Y = frozenset({0, 1, FIELD - 1, _ORDER_8_Y, FIELD - _ORDER_8_Y})


class Jwk(Record, frozen=True):
    """An Ed25519 public key (RFC 8037)."""

    crv: Literal["Ed25519"]
    kty: Literal["OKP"]
    x: Bytes32

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the point."""
        return canonical.from_base64url(self.x, length=32)

    @property
    def thumbprint(self) -> str:
        """RFC 7638, base64url of SHA-256."""
        return canonical.to_base64url(hashlib.sha256(self.encode()).digest())

    def check(self) -> None:
        """Refuse a key that is not canonical or of small order.

        Raises:
            MalformedError: such a key would let one signature fit several messages or keys.
        """
        y = int.from_bytes(self.raw, "little") & (2**255 - 1)
        if y >= FIELD:
            raise MalformedError("Ed25519 key is not canonical", pointer="/x")
        if y in _SMALL_ORDER_Y:
            raise MalformedError("Ed25519 key is of small order", pointer="/x")

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check an Ed25519 signature.

        Raises:
            MalformedError: the key itself is refused.
            SignatureError: it does not fit.
        """
        self.check()
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise SignatureError(f"signature does not verify under key {self.thumbprint}") from None


def jwk_of(public_key: bytes) -> Jwk:
    """The JWK of a raw 32-byte Ed25519 public key."""
    return Jwk(crv="Ed25519", kty="OKP", x=canonical.to_base64url(public_key))


class SigningKey(ABC):
    """An Ed25519 key that signs, wherever it lies; ``jwk`` is its public half."""

    jwk: Jwk

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint, as keysets and headers name the key."""
        return self.jwk.thumbprint

    @abstractmethod
    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032)."""


class PrivateKey(SigningKey):
    """An Ed25519 private key in memory.

    Args:
        seed: 32 bytes. The public half is always recomputed from it.
    """

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.jwk = jwk_of(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        """A new one, to be thrown away: ``signing`` makes those that are kept."""
        return cls(secrets.token_bytes(SEED_BYTES))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032); deterministic."""
        return self._key.sign(message)


class KeyRecord(Versioned, frozen=True):
    """Who holds a public key. Erasable: it is never in the log, only its key id is."""

    registry: Digest
    party: Urn
    method: Literal["key", "passkey", "account"]
    jwk: Jwk
    salt: Bytes16
    passkey: None

    @property
    def key_id(self) -> str:
        """The salted commitment to this record that the log carries."""
        return canonical.tagged_digest(KEY_TAG, self.encode())


def read_key_record(raw: bytes) -> KeyRecord:
    """Read a key record.

    Raises:
        MalformedError: not such a record, or a key that is refused.
        NotAvailableError: a passkey.
    """
    value = canonical.parse_canonical(raw)
    if isinstance(value, dict) and value.get("method") == "passkey":
        raise NotAvailableError("passkeys are not available yet", pointer="/method")
    record = convert(value, KeyRecord)
    record.jwk.check()
    return record


class RegistryKey(Record, frozen=True, rename={"from_": "from"}):
    """A key of the registry for one use, valid in the half-open interval from..until."""

    jwk: Jwk
    use: Literal["log", "grant", "receipt", "account"]
    from_: Time
    until: Time | None

    def valid_at(self, time: str) -> bool:
        """Whether the key counts for something signed at ``time``."""
        return self.from_ <= time and (self.until is None or time < self.until)


class Keyset(Versioned, frozen=True):
    """The keys of a registry and the offline roots that vouch for them."""

    registry: Digest | None
    version: Annotated[int, Meta(ge=1)]
    previous: Digest | None
    threshold: Annotated[int, Meta(ge=1)]
    roots: tuple[Jwk, ...]
    keys: tuple[RegistryKey, ...]
    key_delay_s: Count

    @property
    def digest(self) -> str:
        """Digest of the payload; of version 1 it is the name of the registry."""
        return canonical.digest(self.encode())

    @property
    def registry_id(self) -> str:
        """The registry this keyset belongs to."""
        return self.registry or self.digest

    def key(self, kid: str, use: str, at: str) -> Jwk:
        """The key with this thumbprint, if it is valid for the use at that time.

        Raises:
            SignatureError: there is none.
        """
        for key in self.keys:
            if key.use == use and key.jwk.thumbprint == kid and key.valid_at(at):
                return key.jwk
        raise SignatureError(f"key {kid} is no {use} key of this registry at {at}")

    def is_account_key(self, jwk: Jwk, at: str) -> bool:
        """Whether the registry signs for accounts with this key at that time."""
        return any(key.use == "account" and key.jwk == jwk and key.valid_at(at) for key in self.keys)


class KeysetSignature(Record, frozen=True):
    """One root's signature under a keyset (RFC 7515, section 7.2.1)."""

    protected: Text
    signature: Text


class _General(Record, frozen=True):
    payload: Annotated[str, Meta(min_length=1)]
    signatures: Annotated[tuple[KeysetSignature, ...], Meta(min_length=1, max_length=MAX_KEYSET_SIGNATURES)]


def sign_keyset(keyset: Keyset, roots: Sequence[SigningKey]) -> bytes:
    """The keyset as JWS JSON general serialization, signed by each root."""
    return assemble_keyset(keyset, [keyset_signature(keyset, root) for root in roots])


def keyset_signature(keyset: Keyset, root: SigningKey) -> KeysetSignature:
    """What one root contributes; the roots need not meet."""
    protected = canonical.to_base64url(canonical.encode({**KEYSET_HEADER, "kid": root.kid}))
    signature = root.sign(_signed(protected, canonical.to_base64url(keyset.encode())))
    return KeysetSignature(protected=protected, signature=canonical.to_base64url(signature))


def assemble_keyset(keyset: Keyset, signatures: Iterable[KeysetSignature]) -> bytes:
    """The keyset with signatures that were made apart; nothing is verified here."""
    told = canonical.sorted_set(one.to_json() for one in signatures)
    return canonical.encode({"payload": canonical.to_base64url(keyset.encode()), "signatures": told})


def root_that_signed(keyset: Keyset, signature: KeysetSignature, roots: Iterable[Jwk]) -> str:
    """The thumbprint of the root whose signature this is.

    Raises:
        MalformedError: it is no signature under a keyset.
        SignatureError: by none of the roots, or it does not verify.
    """
    payload = canonical.to_base64url(keyset.encode())
    return _signer(payload, signature, {jwk.thumbprint: jwk for jwk in roots})


def read_keyset(raw: bytes, previous: Keyset | None) -> Keyset:
    """Read and verify one keyset of a chain.

    Version 1 meets its own threshold; version n+1 meets that of n and its own. Distinct keys count.

    Args:
        previous: the keyset before it; ``None`` for version 1.

    Raises:
        MalformedError: not a keyset.
        FraudError: it does not follow the one before.
        SignatureError: a signature fails, or a threshold is not met. Only this may be the fault of a copy: the digest
            of a keyset says nothing about its signatures.
    """
    general = convert(canonical.parse_canonical(raw), _General)
    keyset = payload_of(raw)
    for jwk in (*keyset.roots, *(key.jwk for key in keyset.keys)):
        jwk.check()
    _check_chain(keyset, previous, raw)
    candidates = {jwk.thumbprint: jwk for jwk in (*keyset.roots, *(previous.roots if previous else ()))}
    try:
        signers = {_signer(general.payload, signature, candidates) for signature in general.signatures}
    except MalformedError as error:
        raise SignatureError(error.detail, pointer=error.pointer) from None
    for judge in (keyset, *((previous,) if previous else ())):
        met = len(signers & {jwk.thumbprint for jwk in judge.roots})
        if met < judge.threshold:
            raise SignatureError(f"{met} of {judge.threshold} root signatures under keyset version {keyset.version}")
    return keyset


def payload_of(raw: bytes) -> Keyset:
    """The keyset inside a JWS that was verified before; nothing is verified here."""
    return _payload_of(raw)


# Replay asks for the one in force at every statement.
@functools.lru_cache(maxsize=16)
def _payload_of(raw: bytes) -> Keyset:
    general = convert(canonical.parse_canonical(raw), _General)
    return convert(canonical.parse_canonical(canonical.from_base64url(general.payload)), Keyset)


def _check_chain(keyset: Keyset, previous: Keyset | None, raw: bytes) -> None:
    expected = (1, None, None) if previous is None else (previous.version + 1, previous.digest, previous.registry_id)
    if (keyset.version, keyset.previous, keyset.registry) != expected:
        raise FraudError(f"keyset version {keyset.version} does not follow the one before it", evidence=(raw,))


def _signed(protected: str, payload: str) -> bytes:
    return f"{protected}.{payload}".encode("ascii")


def _signer(payload: str, signature: KeysetSignature, candidates: dict[str, Jwk]) -> str:
    header = canonical.parse_canonical(canonical.from_base64url(signature.protected))
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(kid, str) or header != {**KEYSET_HEADER, "kid": kid}:
        raise MalformedError("a keyset signature has another protected header")
    if kid not in candidates:
        raise SignatureError(f"a keyset signature is by {kid}, which is no root")
    raw = canonical.from_base64url(signature.signature, length=64)
    candidates[kid].verify(raw, _signed(signature.protected, payload))
    return kid
