"""The grant token: the offer, countersigned by the registry (docs/spec/records.md, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from priorconsent import canonical, jws
from priorconsent.errors import MalformedError
from priorconsent.keys import Keyset
from priorconsent.offers import Offer
from priorconsent.records import Digest, Record, Time, Urn, convert, in_order

HEADER = {"alg": "Ed25519", "cty": "vc", "typ": "vc+jwt"}
CONTEXT = ("https://www.w3.org/ns/credentials/v2", "urn:prior-consent:context:v1")
TYPE = ("VerifiableCredential", "PriorConsentGrant")
PUBLIC = "urn:prior-consent:public"


class Evidence(Record, frozen=True):
    """A statement that the grant rests on, by its evidence digest."""

    type: Literal["approval", "acceptance"]
    digest: Digest


class Subject(Record, frozen=True):
    """The licensee and, whole, what was offered to it."""

    id: Annotated[str, Meta(max_length=200)]
    offer: Offer


class Credential(Record, frozen=True, rename={"context": "@context"}):
    """The payload: a W3C Verifiable Credential 2.0 that says everything twice at most."""

    context: tuple[str, ...]
    type: tuple[str, ...]
    id: Urn
    issuer: str
    validUntil: Time  # noqa: N815 (the VC data model's spelling)
    credentialSubject: Subject  # noqa: N815
    evidence: tuple[Evidence, ...]
    validFrom: Time | UnsetType = UNSET  # noqa: N815


def credential(offer: Offer, evidence: Iterable[Evidence]) -> Credential:
    """The only credential that fits an offer and the statements under it."""
    return Credential(
        context=CONTEXT,
        type=TYPE,
        id=offer.grant,
        issuer=f"urn:prior-consent:{offer.registry}",
        validUntil=offer.valid_until,
        credentialSubject=Subject(id=offer.licensee.party or PUBLIC, offer=offer),
        evidence=in_order(evidence),
        validFrom=offer.valid_from or UNSET,
    )


def sign(content: Credential, kid: str, signer: Callable[[bytes], bytes]) -> bytes:
    """The grant token: a compact JWS. It is nothing until it is logged.

    Args:
        kid: thumbprint of the registry's grant key.
        signer: signs with that key.
    """
    return jws.sign({**HEADER, "kid": kid}, content.encode(), signer)


class Token:
    """A grant token, read; nothing is verified yet.

    Raises:
        MalformedError: not a grant token in its one spelling, or its duplicates differ from the offer.
    """

    __slots__ = ("_compact", "content", "digest", "kid", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.digest = canonical.digest(raw)
        self._compact = jws.Compact(raw)
        self.kid = self._compact.kid(HEADER)
        self.content = convert(canonical.parse_canonical(self._compact.payload), Credential)
        self.offer.check()
        if self.content != credential(self.offer, self.content.evidence):
            raise MalformedError("the credential's members do not equal those of its offer")

    @property
    def offer(self) -> Offer:
        """The offer that the token countersigns."""
        return self.content.credentialSubject.offer

    def cited(self, kind: str) -> tuple[str, ...]:
        """Evidence digests of one type, sorted."""
        return tuple(item.digest for item in self.content.evidence if item.type == kind)

    def verify(self, keyset: Keyset, at: str) -> None:
        """Check the registry's countersignature.

        Raises:
            SignatureError: no grant key of the registry at that time, or the signature fails.
        """
        keyset.key(self.kid, "grant", at).verify(self._compact.signature, self._compact.signed)
