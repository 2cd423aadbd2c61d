"""Cosignatures: what a witness says about a checkpoint, and when it said so.

Two types, told apart by a byte in the key: 0x04 signs the whole text with Ed25519; 0x06 signs origin, size and
root with ML-DSA-44 (FIPS 204, no context), and the cosigner's name with them. A log's own ML-DSA signature
is a cosignature under the log's name.

A cosignature says: of all sizes of this log that I have seen until then, this is the largest, and the earlier
ones lead to it.

Source: C2SP tlog-cosignature.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from priorconsent.errors import MalformedError, SignatureError
from priorconsent.log import note, spelling
from priorconsent.log.checkpoint import Checkpoint

COSIGNATURE_ED25519 = 0x04
COSIGNATURE_ML_DSA_44 = 0x06
ML_DSA_44_KEY_BYTES = 1312
TIMESTAMP_BYTES = 8
# Lengths of names are a byte in what ML-DSA signs.
MAX_SIGNED_NAME_BYTES = 255

_SUBTREE = b"subtree/v1\n\0"
# The second part of an ML-DSA-44 key; the first is a seed.
_ML_DSA_44_T1 = slice(32, None)


def _check_ml_dsa_44(public_key: bytes) -> None:
    if len(public_key) != ML_DSA_44_KEY_BYTES:
        raise MalformedError(f"an ML-DSA-44 key has {ML_DSA_44_KEY_BYTES} bytes, this one {len(public_key)}")
    # Under such a key anybody can sign, without any secret.
    if not any(public_key[_ML_DSA_44_T1]):
        raise MalformedError("ML-DSA-44 key without a public vector")


def _ed25519_message(_: str, checkpoint: Checkpoint, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{checkpoint.text()}".encode()


def _ml_dsa_44_message(name: str, checkpoint: Checkpoint, time_s: int) -> bytes:
    parts = (
        _SUBTREE,
        _with_length(name),
        struct.pack(">Q", time_s),
        _with_length(checkpoint.origin),
        struct.pack(">QQ", 0, checkpoint.size),
        checkpoint.root,
    )
    return b"".join(parts)


def _with_length(name: str) -> bytes:
    raw = name.encode()
    if len(raw) > MAX_SIGNED_NAME_BYTES:
        raise MalformedError(f"a name of {len(raw)} bytes, ML-DSA cosignatures have room for {MAX_SIGNED_NAME_BYTES}")
    return bytes([len(raw)]) + raw


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How one type signs.

    Args:
        signature_bytes: without the timestamp.
        message: of the cosigner's name, the checkpoint, and the time.
    """

    signature_bytes: int
    check_key: Callable[[bytes], None]
    message: Callable[[str, Checkpoint, int], bytes]
    public_key: Callable[[bytes], Ed25519PublicKey | MLDSA44PublicKey]


_SCHEMES = {
    COSIGNATURE_ED25519: _Scheme(64, note.check_ed25519, _ed25519_message, Ed25519PublicKey.from_public_bytes),
    COSIGNATURE_ML_DSA_44: _Scheme(2420, _check_ml_dsa_44, _ml_dsa_44_message, MLDSA44PublicKey.from_public_bytes),
}
# What may follow the key id in a signature line that anybody here could check; in bytes.
SIGNATURE_BYTES = frozenset({64, *(TIMESTAMP_BYTES + scheme.signature_bytes for scheme in _SCHEMES.values())})


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A known witness, or the log itself in that role.

    Args:
        name: key name; for the log itself, its origin.
        public_key: 32 bytes, or 1,312.
        kind: ``COSIGNATURE_ED25519`` or ``COSIGNATURE_ML_DSA_44``.
    """

    name: str
    public_key: bytes
    kind: int

    def __post_init__(self) -> None:
        note.check_name(self.name)
        if self.kind not in _SCHEMES:
            raise MalformedError(f"signatures of type {self.kind:#04x} carry no time: no key of a witness")
        if self.kind == COSIGNATURE_ML_DSA_44:
            _with_length(self.name)
        _SCHEMES[self.kind].check_key(self.public_key)

    @classmethod
    def parse(cls, text: str) -> Cosigner:
        """Read a verifier key: ``name+key id+base64(type ‖ key)``.

        Raises:
            MalformedError: another form, a key id of another key, or a key that is no witness's.
            NotAvailableError: a signature type that nobody here knows.
        """
        name, kind, key = note.read_vkey(text)
        return cls(name, key, kind)

    @property
    def key_id(self) -> bytes:
        """Implements ``note.Known``."""
        return note.key_id(self.name, self.kind, self.public_key)

    def vkey(self) -> str:
        """The verifier key as text, as ``parse`` reads it."""
        return note.spell_vkey(self.name, self.kind, self.public_key)

    def verify(self, text: str, signature: bytes) -> None:
        """Implements ``note.Known``: over the text of a checkpoint, at the time that the signature begins with."""
        scheme = _SCHEMES[self.kind]
        if len(signature) != TIMESTAMP_BYTES + scheme.signature_bytes:
            raise SignatureError(f"the cosignature by {self.name} has another length")
        message = scheme.message(self.name, Checkpoint.parse(text), timestamp(signature))
        try:
            scheme.public_key(self.public_key).verify(signature[TIMESTAMP_BYTES:], message)
        except (InvalidSignature, ValueError):
            raise SignatureError(f"the cosignature by {self.name} does not verify") from None

    def cosign(self, checkpoint: Checkpoint, time_s: int, sign: note.Sign) -> note.SignatureLine:
        """The signature line of a cosignature.

        Args:
            time_s: seconds since 1970; 0 says nothing of when, and counts for nothing.
            sign: makes the bare signature over bytes.

        Raises:
            MalformedError: a time or name that the format has no room for.
            SignatureError: ``sign`` does not belong to this key.
        """
        if not 0 <= time_s <= spelling.MAX_NUMBER:
            raise MalformedError(f"not a time for a cosignature: {time_s}")
        signed = sign(_SCHEMES[self.kind].message(self.name, checkpoint, time_s))
        signature = struct.pack(">Q", time_s) + signed
        # Also for a hardware key: what does not verify must not be handed out.
        self.verify(checkpoint.text(), signature)
        return note.SignatureLine(self.name, self.key_id, signature)


def timestamp(signature: bytes) -> int:
    """The time that a cosignature begins with, in seconds since 1970.

    Raises:
        SignatureError: beyond 2^63-1, which the format forbids.
    """
    (time_s,) = struct.unpack_from(">Q", signature)
    if time_s > spelling.MAX_NUMBER:
        raise SignatureError("the time of a cosignature is beyond 63 bits")
    return int(time_s)
