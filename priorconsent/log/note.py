"""Signed notes: text, a blank line, and a line for each signature.

This module makes and verifies plain Ed25519 signatures (type 0x01); ``cosignature`` has those with a time.
Lines by keys that the reader does not know are ignored, as the format demands: they let a log change keys
and witnesses join.

Source: C2SP signed-note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from priorconsent.errors import MalformedError, NotAvailableError, SignatureError, UnknownSignerError
from priorconsent.keys import jwk_of
from priorconsent.log import spelling

# 32 lines of 3.5 kB by witnesses with ML-DSA keys, and 32 short ones by keys of the log.
MAX_NOTE_BYTES = 1 << 17
MAX_SIGNATURES = 64
KEY_ID_BYTES = 4
ED25519_KEY_BYTES = 32
ED25519 = 0x01

_OTHER_TYPES = {
    0x02: "ECDSA signatures",
    0x05: "RFC 6962 tree head signatures",
}

Sign = Callable[[bytes], bytes]


class Known(Protocol):
    """A key whose signatures a reader checks."""

    @property
    def name(self) -> str:
        """Key name."""

    @property
    def key_id(self) -> bytes:
        """Four bytes; a hint, no proof of anything."""

    def verify(self, text: str, signature: bytes) -> None:
        """Check one signature over the text of a note.

        Raises:
            MalformedError: such a key signs no such text.
            SignatureError: it does not verify.
        """


@dataclass(frozen=True, slots=True)
class Verifier:
    """A signer of notes; of a log.

    Args:
        name: key name; for a log, its origin.
        public_key: Ed25519, 32 bytes.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        check_ed25519(self.public_key)

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key: ``name+key id+base64(type ‖ key)``.

        Raises:
            MalformedError: another form, a key id of another key, or the key of a witness.
            NotAvailableError: a signature type that nobody here knows.
        """
        name, kind, key = read_vkey(text)
        if kind != ED25519:
            raise MalformedError(
                f"signatures of type {kind:#04x} are for witnesses; a log's key is Ed25519 (type 0x01)"
            )
        return cls(name, key)

    @property
    def key_id(self) -> bytes:
        """Implements ``Known``."""
        return key_id(self.name, ED25519, self.public_key)

    def vkey(self) -> str:
        """The verifier key as text, as ``parse`` reads it."""
        return spell_vkey(self.name, ED25519, self.public_key)

    def verify(self, text: str, signature: bytes) -> None:
        """Implements ``Known``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            raise SignatureError(f"the signature by {self.name} does not verify") from None


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line under a note; whether it verifies is another question.

    Args:
        signature: what comes after the key id, at least a byte.
    """

    name: str
    key_id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> SignatureLine:
        """Read a line, without its newline.

        Raises:
            MalformedError: another form.
        """
        match line.split(" "):
            case ["—", name, encoded]:
                check_name(name)
                raw = spelling.from_base64(encoded)
            case _:
                raise MalformedError(f"not a signature line: {line[:60]!r}")
        if len(raw) <= KEY_ID_BYTES:
            raise MalformedError(f"no signature after the key id: {line[:60]!r}")
        return cls(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])

    def text(self) -> str:
        """The line with its newline."""
        return f"— {self.name} {spelling.to_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note that at least one known key signed.

    Args:
        text: ends in a newline.
        signed: the known keys that signed, each with its signature, in the order of their lines.
    """

    text: str
    signed: tuple[tuple[Known, bytes], ...]


def sign_note(text: str, name: str, sign: Sign, public_key: bytes) -> bytes:
    """Sign a text.

    Args:
        text: ends in a newline, no other control characters.
        sign: makes the Ed25519 signature over bytes.
        public_key: the key that belongs to ``sign``, 32 bytes.

    Raises:
        SignatureError: ``sign`` does not belong to ``public_key``.
    """
    return assemble_note(text, [sign_line(text, Verifier(name, public_key), sign)])


def sign_line(text: str, verifier: Verifier, sign: Sign) -> SignatureLine:
    """The line of one Ed25519 signature under a text; arguments and errors as for ``sign_note``."""
    _check_text(text)
    signature = sign(text.encode())
    # A note under the wrong key would be published and could never be taken back.
    verifier.verify(text, signature)
    return SignatureLine(verifier.name, verifier.key_id, signature)


def assemble_note(text: str, lines: Iterable[SignatureLine]) -> bytes:
    """The note of a text and its signatures, in the order given.

    Raises:
        MalformedError: no text of a note, no line, or more than readers read.
    """
    _check_text(text)
    raw = f"{text}\n{''.join(line.text() for line in lines)}".encode()
    split_note(raw)
    return raw


def split_note(raw: bytes) -> tuple[str, tuple[SignatureLine, ...]]:
    """Text and signature lines of a note; nothing is verified.

    Raises:
        MalformedError: not a signed note, or beyond a limit.
    """
    # The text may hold blank lines itself, so the last one separates.
    text, blank, signatures = spelling.decode_text(raw, max_bytes=MAX_NOTE_BYTES).rpartition("\n\n")
    lines = signatures.split("\n")
    if not blank or not text or lines[-1] or not lines[0]:
        raise MalformedError("not a signed note: text, a blank line, signature lines")
    if len(lines) - 1 > MAX_SIGNATURES:
        raise MalformedError(f"{len(lines) - 1} signatures, at most {MAX_SIGNATURES} are read")
    return text + "\n", tuple(map(SignatureLine.parse, lines[:-1]))


def open_note(raw: bytes, keys: Sequence[Known]) -> OpenedNote:
    """Read a note and check all signatures by known keys.

    Raises:
        MalformedError: not a signed note, or beyond a limit.
        SignatureError: a known key's signature fails, or no known key signed (``UnknownSignerError``).
    """
    known = {(key.name, key.key_id): key for key in keys}
    if len(known) != len(keys):
        raise MalformedError("two known keys share name and key id")
    text, lines = split_note(raw)
    signed = []
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is not None:
            key.verify(text, line.signature)
            signed.append((key, line.signature))
    if not signed:
        raise UnknownSignerError("no known key signed this note: another log, or the keys known here are out of date")
    return OpenedNote(text, tuple(signed))


def read_vkey(text: str) -> tuple[str, int, bytes]:
    """Name, signature type and public key of a verifier key; the key itself is not looked into.

    Raises:
        MalformedError: another form, or a key id of another key.
        NotAvailableError: a signature type that has a name but no use here.
    """
    # At most two splits: base64 has plus signs of its own.
    match text.split("+", 2):
        case [name, spelled_id, encoded] if encoded:
            kind, *rest = spelling.from_base64(encoded)
        case _:
            raise MalformedError(f"not a verifier key: {text[:60]!r}")
    if kind in _OTHER_TYPES:
        raise NotAvailableError(f"{_OTHER_TYPES[kind]} are not available")
    check_name(name)
    key = bytes(rest)
    if key_id(name, kind, key).hex() != spelled_id:
        raise MalformedError(f"key id {spelled_id[:16]!r} belongs to another key or name")
    return name, kind, key


def spell_vkey(name: str, kind: int, key: bytes) -> str:
    """A verifier key as ``read_vkey`` reads it."""
    return f"{name}+{key_id(name, kind, key).hex()}+{spelling.to_base64(bytes([kind]) + key)}"


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """The first four bytes of SHA-256(name ‖ 0A ‖ type ‖ key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:KEY_ID_BYTES]


def check_ed25519(public_key: bytes) -> None:
    """Refuse what is no Ed25519 key, or one under which a signature could fit several messages."""
    if len(public_key) != ED25519_KEY_BYTES:
        raise MalformedError(f"an Ed25519 key has {ED25519_KEY_BYTES} bytes, this one {len(public_key)}")
    jwk_of(public_key).check()


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
