"""Acknowledgements: the registry's word that a narrowing statement will be in the log, and by when.

Whoever holds one and does not find the statement there by then has the registry's own signature against it
(``withdrawal_unlogged``, docs/spec/receipts.md).
"""

from __future__ import annotations

from collections.abc import Callable

from priorconsent import canonical, jws, times
from priorconsent.errors import MalformedError, SignatureError
from priorconsent.keys import Jwk
from priorconsent.records import Digest, Time, Versioned, convert

HEADER = {"alg": "Ed25519", "typ": "prior-consent-ack+jws"}
LOGGED_WITHIN_S = 60


class Acknowledgement(Versioned, frozen=True):
    """What is signed.

    Args:
        statement: evidence digest of the narrowing statement.
        log_by: at most ``LOGGED_WITHIN_S`` after ``received_at``.
    """

    registry: Digest
    statement: Digest
    received_at: Time
    log_by: Time

    def check(self) -> None:
        """Check what the acknowledgement shows of itself.

        Raises:
            MalformedError: the time promised is before it was received, or too late.
        """
        if not self.received_at <= self.log_by <= times.plus(self.received_at, LOGGED_WITHIN_S):
            raise MalformedError(f"log_by lies within {LOGGED_WITHIN_S} s after received_at", pointer="/log_by")


class SignedAcknowledgement:
    """An acknowledgement with the exact bytes that were signed; nothing is verified yet.

    Raises:
        MalformedError: not an acknowledgement in its one spelling.
    """

    __slots__ = ("_compact", "acknowledgement", "kid", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._compact = jws.Compact(raw)
        self.kid = self._compact.kid(HEADER)
        self.acknowledgement = convert(canonical.parse_canonical(self._compact.payload), Acknowledgement)
        self.acknowledgement.check()

    def verify(self, key: Jwk) -> None:
        """Check the signature.

        Raises:
            SignatureError: another key, or the signature does not fit.
        """
        if key.thumbprint != self.kid:
            raise SignatureError(f"the acknowledgement names key {self.kid}, not {key.thumbprint}")
        key.verify(self._compact.signature, self._compact.signed)


def acknowledge(registry: str, statement: str, received_at: str) -> Acknowledgement:
    """The acknowledgement of a statement received at an instant."""
    log_by = times.plus(received_at, LOGGED_WITHIN_S)
    return Acknowledgement(v=1, registry=registry, statement=statement, received_at=received_at, log_by=log_by)


def sign(acknowledgement: Acknowledgement, kid: str, signer: Callable[[bytes], bytes]) -> bytes:
    """The acknowledgement as a compact JWS."""
    return jws.sign({**HEADER, "kid": kid}, acknowledgement.encode(), signer)
