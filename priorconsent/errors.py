"""What can go wrong, as one small tree.

::

    PriorConsentError
    ├── MalformedError            bytes or values that are no record of ours
    ├── NotAvailableError         decided, not built yet: refused by name
    ├── SigningError              a key is not at hand: missing, elsewhere, or in a token that does not answer
    ├── RuleError                 well formed, but a rule of the registry forbids it
    │   ├── NotAllowedError       the actor may not do this
    │   ├── NotFoundError         no such record
    │   └── ConflictError         the record moved on meanwhile, or exists already
    └── NotTrustedError           could not be believed
        ├── SignatureError        a signature does not verify
        ├── ProofError            a Merkle proof does not lead to the root
        ├── QuorumError           too few witnesses have countersigned
        ├── FraudError            two signed things contradict each other
        ├── StaleError            too old to rely on
        └── UnreachableError      the registry did not answer, or not in full
"""

from __future__ import annotations


class PriorConsentError(Exception):
    """Base of every error that this project raises on purpose.

    Args:
        detail: one plain sentence: what, where, and what to do.
        pointer: JSON Pointer (RFC 6901) to the faulty member; empty for the whole.
    """

    code = "error"

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer

    def __str__(self) -> str:
        return f"{self.detail} (at {self.pointer})" if self.pointer else self.detail


class MalformedError(PriorConsentError, ValueError):
    """Bytes or values that are no record of ours."""

    code = "malformed"


class NotAvailableError(PriorConsentError):
    """Decided, but not built yet: refused by name."""

    code = "not_available"


class SigningError(PriorConsentError):
    """A key is not at hand: missing, elsewhere, or in a token that does not answer."""

    code = "cannot_sign"


class RuleError(PriorConsentError):
    """Well formed, but a rule of the registry forbids it."""

    code = "rule"


class NotAllowedError(RuleError):
    """The actor may not do this."""

    code = "not_allowed"


class NotFoundError(RuleError):
    """No such record."""

    code = "not_found"


class ConflictError(RuleError):
    """The record moved on meanwhile, or exists already."""

    code = "conflict"


class NotTrustedError(PriorConsentError):
    """Something that could not be believed."""

    code = "not_trusted"


class SignatureError(NotTrustedError):
    """A signature does not verify."""

    code = "bad_signature"


class UnknownSignerError(SignatureError):
    """Signed perhaps, but by nobody who is known here."""


class ProofError(NotTrustedError):
    """A Merkle proof does not lead to the root."""

    code = "bad_proof"


class QuorumError(NotTrustedError):
    """Too few of the witnesses that the reader asks for have countersigned a checkpoint.

    Args:
        missing: witnesses, as the policy names them, that did not and whose cosignature would help.
    """

    code = "no_quorum"

    def __init__(self, detail: str, *, pointer: str = "", missing: tuple[str, ...] = ()) -> None:
        super().__init__(detail, pointer=pointer)
        self.missing = missing


class FraudError(NotTrustedError):
    """Signed things that contradict each other.

    Args:
        evidence: the raw bytes of both sides, kept as proof.
    """

    code = "fraud"

    def __init__(self, detail: str, *, pointer: str = "", evidence: tuple[bytes, ...] = ()) -> None:
        super().__init__(detail, pointer=pointer)
        self.evidence = evidence


class StaleError(NotTrustedError):
    """Too old to rely on."""

    code = "stale_snapshot"


class UnreachableError(NotTrustedError):
    """The registry did not answer, or not in full."""

    code = "unreachable"
