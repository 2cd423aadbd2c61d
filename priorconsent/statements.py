"""A statement: one act of one party, signed by that party (docs/spec/records.md, section 2)."""

from __future__ import annotations

from typing import Any, Literal

from priorconsent import canonical, jws, times
from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from priorconsent.keys import KeyRecord, Keyset, SigningKey
from priorconsent.records import Bytes16, Code, Digest, Record, Text, Time, Urn, Versioned, convert

HEADER = {"alg": "Ed25519", "typ": "prior-consent-statement+jws"}
MAX_VALIDITY_S = 400 * 86400

WIDENING = frozenset({"approval", "acceptance", "resume", "refusal-end", "claim", "shares", "key"})
NARROWING = frozenset({"withdrawal", "pause", "refusal", "key-end"})
DECIDING = frozenset({"approval", "acceptance"})
# Their subject is the act that they are about, not a body of their own.
WITHOUT_BODY = frozenset({"approval", "acceptance", "withdrawal", "pause", "resume"})

# Members of an event that its statement cannot know yet, or that are the registry's word.
_NOT_IN_BODY = frozenset({"t", "time", "statement", "statements", "level", "proof", "counts_from", "ends_at"})

Type = Literal[
    "approval",
    "acceptance",
    "withdrawal",
    "pause",
    "resume",
    "refusal",
    "refusal-end",
    "claim",
    "shares",
    "key",
    "key-end",
]


class Shown(Record, frozen=True):
    """What the signer was shown before signing."""

    lang: Code
    text: Digest
    readback: Text


class Statement(Versioned, frozen=True):
    """One act of one party. The signature over it is its authority."""

    type: Type
    registry: Digest
    party: Urn
    by: Urn
    key: Digest
    subject: Digest
    decision: Literal["approve", "decline"] | None
    rights: tuple[Code, ...]
    shown: Shown | None
    at: Time
    not_after: Time | None
    nonce: Bytes16
    body: dict[str, Any]

    @property
    def widening(self) -> bool:
        """Whether it can help to turn a no into a yes, and so may lapse."""
        return self.type in WIDENING

    def check(self) -> None:
        """Check what the statement shows of itself.

        Raises:
            MalformedError: members that contradict each other or the type.
            NotAvailableError: signed by another than the party it is for.
        """
        if self.by != self.party:
            raise NotAvailableError("mandates are not available yet: a party signs for itself", pointer="/by")
        if (self.decision is not None) != (self.type in DECIDING):
            raise MalformedError(f"decision does not fit type {self.type}", pointer="/decision")
        if self.rights and self.type != "approval":
            raise MalformedError("only an approval names rights", pointer="/rights")
        if self.type in WITHOUT_BODY:
            if self.body:
                raise MalformedError(f"a statement of type {self.type} has an empty body", pointer="/body")
        elif self.subject != canonical.digest(canonical.encode(self.body)):
            raise MalformedError("subject is not the digest of body", pointer="/subject")
        self._check_end()

    def _check_end(self) -> None:
        if not self.widening:
            if self.not_after is not None:
                raise MalformedError(f"a statement of type {self.type} never lapses", pointer="/not_after")
        elif self.not_after is None or not self.at < self.not_after <= times.plus(self.at, MAX_VALIDITY_S):
            raise MalformedError("not_after must lie within 400 days after at", pointer="/not_after")


class Signed:
    """A statement with the exact bytes that were signed; nothing is verified yet.

    Raises:
        MalformedError: not a statement in its one spelling.
        NotAvailableError: a form or a mandate that comes later.
    """

    __slots__ = ("_compact", "digest", "raw", "statement")

    def __init__(self, raw: bytes) -> None:
        if raw.lstrip()[:1] == b"{":
            raise NotAvailableError("passkey statements are not available yet")
        self.raw = raw
        self.digest = canonical.digest(raw)
        self._compact = jws.Compact(raw)
        self.statement = convert(canonical.parse_canonical(self._compact.payload), Statement)
        if self._compact.kid(HEADER) != self.statement.key:
            raise MalformedError("the header's kid is not the statement's key")
        self.statement.check()

    def verify(self, record: KeyRecord, keyset: Keyset, at: str) -> None:
        """Check that the key record is the one named, and the signature under it.

        Args:
            keyset: in force when the statement was logged; says which keys sign for accounts.
            at: time of the event that cites the statement.

        Raises:
            SignatureError: another key, party or registry, or the signature fails.
        """
        statement = self.statement
        if record.key_id != statement.key:
            raise SignatureError("the key record is not the one that the statement names")
        if (record.party, record.registry, statement.registry) != (
            statement.by,
            keyset.registry_id,
            keyset.registry_id,
        ):
            raise SignatureError("the key belongs to another party or registry")
        if record.method == "account" and not keyset.is_account_key(record.jwk, at):
            raise SignatureError("an account key that the registry does not sign with")
        record.jwk.verify(self._compact.signature, self._compact.signed)


def sign(statement: Statement, key: SigningKey) -> bytes:
    """The statement as a compact JWS."""
    statement.check()
    return jws.sign({**HEADER, "kid": statement.key}, statement.encode(), key.sign)


def body_of(event: dict[str, Any]) -> dict[str, Any]:
    """What a party signs of an event: all but what only the registry can add.

    Levels are left out inside too; lists are sorted again, since they may change their order.
    """

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: strip(item) for name, item in value.items() if name != "level"}
        if isinstance(value, list):
            return canonical.sorted_set(strip(item) for item in value)
        return value

    body: dict[str, Any] = strip({name: item for name, item in event.items() if name not in _NOT_IN_BODY})
    return body
