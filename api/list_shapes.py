"""The bodies about many works at once; the API description is made from them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from priorconsent.lists import Outcome, Outcomes, SignedLine, UnsignedLine
from priorconsent.records import Digest, Record, Text, Time, Urn
from registry.imports.signing import WORKS_ON_A_PAGE

MAX_NAMES = 20_000

NameText = Annotated[str, Meta(min_length=1, max_length=1000)]


class NamedParty(Record, frozen=True):
    """Whom a name in a catalogue stands for; a name outside NFC may be given in NFC."""

    name: NameText
    party: Urn


class ListIn(Record, frozen=True):
    """What to list for signing.

    Args:
        registrant: whose works; you must be allowed to write for it.
        parties: who is meant by names in catalogues; any other name stands for nobody.
        works: only these; null: all.
        after: the next of the page before.
    """

    registrant: Urn
    parties: Annotated[tuple[NamedParty, ...], Meta(max_length=MAX_NAMES)] = ()
    works: Annotated[tuple[Urn, ...], Meta(max_length=WORKS_ON_A_PAGE)] | None = None
    after: str = "0"


class ImportOut(Record, frozen=True):
    """One reading of a catalogue; ``finished_at`` null: it was broken off after whole batches."""

    file: str
    sha256: Digest
    by: str
    started_at: Time
    finished_at: Time | None


class WorkChangeOut(Record, frozen=True):
    """What a later version of a catalogue changed about a work. What is logged stays as it is.

    Args:
        member: which of its members; of lists, ``old`` has what went and ``new`` what came.
    """

    work: Urn
    member: Text
    old: Any
    new: Any
    source: ImportOut


class SuggestedHolderOut(Record, frozen=True):
    """Whom a catalogue names: a name as written, which stands for nobody until somebody says for whom."""

    name: str
    right: str
    split: str


class SuggestedLinkOut(Record, frozen=True):
    """What a catalogue says a work is made from, where no registered work is named."""

    rel: str
    said: str


class SuggestionsOut(Record, frozen=True):
    """Whom and what a catalogue names beside a work."""

    work: Urn
    holders: tuple[SuggestedHolderOut, ...]
    links: tuple[SuggestedLinkOut, ...]


ALL: tuple[type[Record], ...] = (
    UnsignedLine,
    SignedLine,
    Outcome,
    Outcomes,
    ListIn,
    NamedParty,
    ImportOut,
    WorkChangeOut,
    SuggestedHolderOut,
    SuggestedLinkOut,
    SuggestionsOut,
)
