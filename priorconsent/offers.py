"""The offer: the exact content put to the signers (docs/spec/records.md, section 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from priorconsent import canonical, names
from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError
from priorconsent.records import Bytes16, Code, Count, Digest, Name, Record, Text, Time, Urn, Versioned

MAX_WORKS = 500
OFFER_TAG = "prior-consent-offer/v1"

Works = Annotated[tuple[Urn, ...], Meta(min_length=1, max_length=MAX_WORKS)]
Said = Text | bool | UnsetType


class Licensee(Record, frozen=True):
    """Who may: a named party with its affiliates, or everybody."""

    kind: Literal["party", "public"]
    party: Urn | None
    affiliates: tuple[Urn, ...]

    def includes(self, vendor: str | None) -> bool:
        """Whether this vendor is meant; public means everybody."""
        return self.kind == "public" or vendor == self.party or vendor in self.affiliates


class WithdrawalTerms(Record, frozen=True):
    """How the holders end the grant: any of them or all together, with notice in seconds."""

    by: Literal["any", "all"]
    notice_s: Count


class TextPin(Record, frozen=True):
    """A text that belongs to the licence, pinned by its digest."""

    lang: Code
    media_type: Text
    digest: Digest


class Conditions(Record, frozen=True, omit_defaults=True):
    """Promises that are carried and shown, and never decide. What is not said is a no."""

    processors: Said = UNSET
    sub_licence: Said = UNSET
    dataset_sharing: Said = UNSET
    transfer: Said = UNSET
    attribution: Said = UNSET
    reporting: Said = UNSET
    security: Said = UNSET
    labelling: Said = UNSET
    output_limits: Said = UNSET
    at_the_end: Said = UNSET
    manner: Said = UNSET
    compensation: Said = UNSET
    law: Said = UNSET
    forum: Said = UNSET
    prevailing_language: Said = UNSET


class Offer(Versioned, frozen=True):
    """Everything that the holders approve and the licensee accepts, frozen.

    Lists are sorted sets. ``["*"]`` may stand in modalities, models, distribution and territory only.
    ``valid_from`` null means from inclusion in the log. ``share_sets`` and ``rights_table`` pin what
    the completeness of the approvals is judged by.
    """

    registry: Digest
    grant: Urn
    licensee: Licensee
    works: Works
    excluded: tuple[Urn, ...]
    rights: tuple[Code, ...]
    rights_table: Digest
    share_sets: Digest
    uses: tuple[Code, ...]
    bindings: tuple[Code, ...]
    locators: tuple[Name, ...]
    copies: Code
    modalities_in: tuple[Code, ...]
    modalities_out: tuple[Code, ...]
    models: tuple[Text, ...]
    distribution: tuple[Code, ...]
    territory: tuple[Code, ...]
    valid_from: Time | None
    valid_until: Time
    withdrawal: WithdrawalTerms
    conditions: Conditions
    texts: tuple[TextPin, ...]
    supersedes: tuple[Urn, ...]
    lapse_at: Time
    salt: Bytes16

    @property
    def digest(self) -> str:
        """The offer digest, which approvals and the acceptance sign."""
        return canonical.tagged_digest(OFFER_TAG, self.encode())

    @property
    def known(self) -> bool:
        """Whether every code in the terms is one that this version understands."""
        return (
            set(self.uses) <= words.USES
            and set(self.rights) <= words.RIGHTS
            and set(self.bindings) <= words.BINDINGS
            and self.copies == "acquired_after"
            and _within(self.modalities_in, words.MODALITIES)
            and _within(self.modalities_out, words.MODALITIES)
            and _within(self.distribution, words.DISTRIBUTIONS)
            and _within(self.territory, words.TERRITORIES)
        )

    def check(self) -> None:
        """Check what the offer shows of itself.

        Raises:
            MalformedError: members that contradict each other.
        """
        for member in ("works", "rights", "uses", "bindings"):
            if not getattr(self, member) or words.ANY in getattr(self, member):
                raise MalformedError(f"{member} must be listed, one by one", pointer=f"/{member}")
        for member in ("modalities_in", "modalities_out", "models", "distribution", "territory"):
            if words.ANY in getattr(self, member) and len(getattr(self, member)) > 1:
                raise MalformedError('"*" stands alone', pointer=f"/{member}")
        if set(self.works) & set(self.excluded):
            raise MalformedError("a work is both named and excluded", pointer="/excluded")
        self._check_licensee()
        if not (self.valid_from or "") < self.valid_until:
            raise MalformedError("the period ends before it begins", pointer="/valid_until")
        for index, locator in enumerate(self.locators):
            if names.kind_of(locator) not in names.LOCATORS:
                raise MalformedError("not a url:, prefix: or host: name", pointer=f"/locators/{index}")

    def _check_licensee(self) -> None:
        public = self.licensee.kind == "public"
        if public and (self.licensee.party is not None or self.licensee.affiliates):
            raise MalformedError("a public licence names no party", pointer="/licensee")
        if not public and self.licensee.party is None:
            raise MalformedError("the licensee is not named", pointer="/licensee/party")
        if public and self.withdrawal != WithdrawalTerms(by="any", notice_s=0):
            raise MalformedError("a public grant is withdrawn by any holder, at once", pointer="/withdrawal")


def read_offer(raw: bytes) -> Offer:
    """Read an offer from its canonical bytes.

    Raises:
        MalformedError: not an offer, or one that contradicts itself.
    """
    offer = Offer.parse(raw)
    offer.check()
    return offer


def _within(codes: tuple[str, ...], known: frozenset[str]) -> bool:
    return codes == (words.ANY,) or set(codes) <= known
