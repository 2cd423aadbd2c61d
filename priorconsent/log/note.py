"""Signed notes: text, a blank line, and a line for each signature.

Only Ed25519 signatures (type 0x01) are made and verified. Lines by keys that the reader does not
know are ignored, as the format demands: they let a log change keys and witnesses join.

Source: C2SP signed-note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from priorconsent.keys import jwk_of
from priorconsent.log import spelling

MAX_NOTE_BYTES = 1 << 16
MAX_SIGNATURES = 32
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
ED25519 = 0x01

_OTHER_TYPES = {
    0x02: "ECDSA signatures",
    0x04: "Ed25519 witness cosignatures",
    0x05: "RFC 6962 tree head signatures",
    0x06: "ML-DSA-44 cosignatures",
}

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A known signer of notes.

    Args:
        name: key name; for a log, its origin.
        public_key: Ed25519, 32 bytes.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise MalformedError(f"an Ed25519 key has {PUBLIC_KEY_BYTES} bytes, this one {len(self.public_key)}")
        jwk_of(self.public_key).check()

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key: ``name+key id+base64(type ‖ key)``.

        Raises:
            MalformedError: another form, or a key id of another key.
            NotAvailableError: a signature type other than Ed25519.
        """
        # At most two splits: base64 has plus signs of its own.
        match text.split("+", 2):
            case [name, key_id, encoded] if encoded:
                kind, *key = spelling.from_base64(encoded)
            case _:
                raise MalformedError(f"not a verifier key: {text[:60]!r}")
        if kind != ED25519:
            raise NotAvailableError(
                f"{_OTHER_TYPES.get(kind, f'signatures of type {kind:#04x}')} are not available yet"
            )
        verifier = cls(name, bytes(key))
        if verifier.key_id.hex() != key_id:
            raise MalformedError(f"key id {key_id[:16]!r} belongs to another key or name")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ 0A ‖ type ‖ key); a hint, no proof of anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed_key()).digest()[:KEY_ID_BYTES]

    def vkey(self) -> str:
        """The verifier key as text, as ``parse`` reads it."""
        return f"{self.name}+{self.key_id.hex()}+{spelling.to_base64(self._typed_key())}"

    def verify(self, text: str, signature: bytes) -> None:
        """Check one signature over the text of a note.

        Raises:
            SignatureError: it does not verify.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            raise SignatureError(f"the signature by {self.name} does not verify") from None

    def _typed_key(self) -> bytes:
        return bytes([ED25519]) + self.public_key


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note that at least one known key signed.

    Args:
        text: ends in a newline.
        names: names of the known keys that signed, each once, in the order of their lines.
    """

    text: str
    names: tuple[str, ...]


def sign_note(text: str, name: str, sign: Sign, public_key: bytes) -> bytes:
    """Sign a text.

    Args:
        text: ends in a newline, no other control characters.
        sign: makes the Ed25519 signature over bytes.
        public_key: the key that belongs to ``sign``, 32 bytes.

    Raises:
        SignatureError: ``sign`` does not belong to ``public_key``.
    """
    verifier = Verifier(name, public_key)
    _check_text(text)
    signature = sign(text.encode())
    # A note under the wrong key would be published and could never be taken back.
    verifier.verify(text, signature)
    raw = f"{text}\n— {name} {spelling.to_base64(verifier.key_id + signature)}\n".encode()
    if len(raw) > MAX_NOTE_BYTES:
        raise MalformedError(f"a note of {len(raw)} bytes, at most {MAX_NOTE_BYTES} are read")
    return raw


def open_note(raw: bytes, verifiers: Sequence[Verifier]) -> OpenedNote:
    """Read a note and check all signatures by known keys.

    Raises:
        MalformedError: not a signed note, or beyond a limit.
        SignatureError: a known key's signature fails, or no known key signed.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise MalformedError("two known keys share name and key id")
    text, lines = _split(spelling.decode_text(raw, max_bytes=MAX_NOTE_BYTES))
    names: dict[str, None] = {}
    for name, signature in map(_signature, lines):
        verifier = known.get((name, signature[:KEY_ID_BYTES]))
        if verifier is not None:
            verifier.verify(text, signature[KEY_ID_BYTES:])
            names[name] = None
    if not names:
        raise SignatureError("no known key signed this note")
    return OpenedNote(text, tuple(names))


def check_name(name: str) -> None:
    """Refuse a key name that is empty or holds spaces, plus signs or control characters."""
    if not name or any(map(_has_no_place_in_a_name, name)):
        raise MalformedError(f"not a key name: {name[:60]!r}")


def _has_no_place_in_a_name(character: str) -> bool:
    return character.isspace() or character < " " or character == "+" or "\ud800" <= character <= "\udfff"


def _check_text(text: str) -> None:
    spelling.check_controls(text)
    if not text.endswith("\n"):
        raise MalformedError("the text of a note ends in a newline")


def _split(note: str) -> tuple[str, list[str]]:
    """The text with its last newline, and the signature lines without theirs."""
    # The text may hold blank lines itself, so the last one separates.
    text, blank, signatures = note.rpartition("\n\n")
    lines = signatures.split("\n")
    if not blank or not text or lines[-1] or not lines[0]:
        raise MalformedError("not a signed note: text, a blank line, signature lines")
    if len(lines) - 1 > MAX_SIGNATURES:
        raise MalformedError(f"{len(lines) - 1} signatures, at most {MAX_SIGNATURES} are read")
    return text + "\n", lines[:-1]


def _signature(line: str) -> tuple[str, bytes]:
    """Key name, and key id ‖ signature."""
    match line.split(" "):
        case ["—", name, encoded]:
            check_name(name)
            raw = spelling.from_base64(encoded)
        case _:
            raise MalformedError(f"not a signature line: {line[:60]!r}")
    if len(raw) <= KEY_ID_BYTES:
        raise MalformedError(f"no signature after the key id: {line[:60]!r}")
    return name, raw
