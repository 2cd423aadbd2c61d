"""Signatures that were made apart become a keyset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from priorconsent.errors import ConflictError, MalformedError, PriorConsentError, SignatureError
from priorconsent.keys import (
    Jwk,
    Keyset,
    KeysetSignature,
    SigningKey,
    assemble_keyset,
    keyset_signature,
    payload_of,
    read_keyset,
    root_that_signed,
)
from priorconsent.records import Digest, Text, Versioned


class SignatureFile(Versioned, frozen=True):
    """What a root holder hands in: one signature, and which keyset it is for."""

    digest: Digest
    protected: Text
    signature: Text

    @property
    def bare(self) -> KeysetSignature:
        """The signature as it stands in the keyset."""
        return KeysetSignature(protected=self.protected, signature=self.signature)


def sign_apart(keyset: Keyset, root: SigningKey) -> SignatureFile:
    """One root's signature, made away from the others."""
    made = keyset_signature(keyset, root)
    return SignatureFile(v=1, digest=keyset.digest, protected=made.protected, signature=made.signature)


def finish(keyset: Keyset, previous: Keyset | None, handed_in: Mapping[str, bytes]) -> tuple[bytes, frozenset[str]]:
    """Put the signatures together.

    Args:
        handed_in: signature files by name.

    Returns:
        The keyset as it is logged and published, and the roots that signed it.

    Raises:
        MalformedError: a file is no signature, or one for another keyset.
        SignatureError: one does not verify, or too few roots signed.
    """
    roots = (*keyset.roots, *(previous.roots if previous else ()))
    by_root: dict[str, KeysetSignature] = {}
    for name, raw in sorted(handed_in.items()):
        kid, signature = _read(name, raw, keyset, roots)
        by_root[kid] = signature
    if not by_root:
        raise SignatureError("nobody has signed yet")
    signed = assemble_keyset(keyset, by_root.values())
    # As everybody will read it: thresholds of both keysets, distinct keys, the chain.
    if read_keyset(signed, previous) != keyset or payload_of(signed).encode() != keyset.encode():
        raise ConflictError("the keyset that was signed is not the one that was prepared")
    return signed, frozenset(by_root)


def _read(name: str, raw: bytes, keyset: Keyset, roots: Iterable[Jwk]) -> tuple[str, KeysetSignature]:
    try:
        told = SignatureFile.parse(raw.strip())
        if told.digest != keyset.digest:
            raise MalformedError(f"it is for the keyset {told.digest}, not for {keyset.digest}")
        return root_that_signed(keyset, told.bare, roots), told.bare
    except PriorConsentError as error:
        raise type(error)(f"{name}: {error}") from error
