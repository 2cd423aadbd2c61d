"""The bodies that come and go, one record each; the API description is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from priorconsent.receipts import AnswerLeaf
from priorconsent.records import Bytes16, Count, Digest, Record, Text, Time, Urn
from registry.verbs.check_shares import MAX_SETS_AT_ONCE

Ref = Annotated[str, Meta(min_length=1, max_length=200)]


class Mark(Record, frozen=True):
    """The checkpoint that an answer rests on."""

    origin: str
    size: Count
    root: Digest
    time: Time


class Problem(Record, frozen=True):
    """A problem document (RFC 9457).

    Args:
        type: ``urn:prior-consent:problem:`` and a stable code.
        title: in English or Japanese, as asked for by ``Accept-Language``.
        pointer: JSON Pointer to the faulty member of the body.
        problems: every single reason, where there are several.
    """

    type: str
    title: str
    status: int
    detail: str | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    problems: tuple[dict[str, str], ...] | UnsetType = UNSET


# Decisions


class ReceiptWish(Record, frozen=True):
    """Whether a receipt is wanted.

    Args:
        nonce: the asker's own, 16 random bytes in base64url, which the receipt repeats.
    """

    receipt: bool = False
    nonce: Bytes16 | None = None


class Batch(ReceiptWish, frozen=True, kw_only=True):
    """Many questions at once.

    Args:
        queries: each with a ``ref`` of the asker's own, which its answer repeats.
        defaults: members of every query that does not give its own.
    """

    queries: tuple[dict[str, Any], ...]
    defaults: dict[str, Any] = {}


class Named(Record, frozen=True):
    """What a query in a batch is called by who asks."""

    ref: Ref


class Decision(Record, frozen=True):
    """An answer.

    Args:
        detail: what is wrong with the question, if the reason is ``invalid_query``; so is ``pointer``.
    """

    verdict: Literal["permitted", "not_permitted"]
    reason: str
    works: tuple[Urn, ...]
    grants: tuple[Urn, ...]
    binding: Literal["digest", "location", "named"] | None
    until: Time | None
    contested: tuple[Urn, ...]
    conditions: dict[str, Any]
    detail: Text | UnsetType = UNSET
    pointer: str | UnsetType = UNSET


class OneDecision(Decision, frozen=True, kw_only=True):
    """An answer, and the checkpoint it rests on.

    Args:
        receipt: compact JWS, where one was asked for; keep it with ``answers``.
        answers: the leaves that it signs, in the order of the questions.
    """

    checkpoint: Mark
    receipt: str | UnsetType = UNSET
    answers: tuple[AnswerLeaf, ...] | UnsetType = UNSET


class RefDecision(Decision, frozen=True, kw_only=True):
    """An answer in a batch."""

    ref: Ref


class Decisions(Record, frozen=True):
    """As many answers as questions, in their order; the rest as in ``OneDecision``."""

    decisions: tuple[RefDecision, ...]
    checkpoint: Mark
    receipt: str | UnsetType = UNSET
    answers: tuple[AnswerLeaf, ...] | UnsetType = UNSET


# Statements

Jws = Annotated[str, Meta(min_length=1, max_length=1 << 20)]


class StatementIn(Record, frozen=True):
    """A signed statement; the signature is the authority.

    Args:
        statement: compact JWS.
        key_record: the record of the key that a ``key`` statement binds.
        by_earlier_key: a second ``key`` statement with the same body, by the key that vouches.
    """

    statement: Jws
    key_record: dict[str, Any] | None = None
    by_earlier_key: Jws | None = None


class Recorded(Record, frozen=True):
    """A statement was taken.

    Args:
        evidence: digest of the statement's bytes, under which the log will cite it.
        says: what happens next, in the language asked for.
        acknowledgement: of a narrowing statement, compact JWS: the registry's word that it will be in the log, and by
            when. Keep it. Null: of any other, or as long as it waits for the signatures of others.
    """

    evidence: Digest
    type: str
    says: str
    acknowledgement: str | None


# The registry


class Number(Record, frozen=True):
    """A number under which a party or work is known elsewhere."""

    scheme: Text
    value: Text


class PartyIn(Record, frozen=True):
    """A party to add.

    Args:
        names: by language tag; kept beside the log, never in it.
        members: of a committee.
    """

    kind: Text
    names: dict[str, Text]
    identifiers: tuple[Number, ...] = ()
    members: tuple[Urn, ...] = ()


class PartyOut(Record, frozen=True):
    """A party. Of people neither names nor numbers are told."""

    party: Urn
    kind: str
    names: dict[str, str]
    identifiers: tuple[Number, ...]
    members: tuple[Urn, ...]
    added_at: Time


class TitleOf(Record, frozen=True):
    """A title in one language and one form."""

    lang: Text
    form: Literal["main", "kana", "romaji", "translated", "alternative"]
    text: Text


class FileOf(Record, frozen=True):
    """One file of a work; ``sha256:`` and 64 hex digits."""

    sha256: Digest
    size_bytes: Count
    media_type: Text


class WorkIn(Record, frozen=True):
    """A work to add.

    Args:
        date: year, month or day.
        rights_statement: as printed, to the character.
        locators: ``url:``, ``prefix:`` or ``host:`` names.
    """

    kind: Text
    registrant: Urn
    titles: tuple[TitleOf, ...]
    date: str = ""
    rights_statement: str = ""
    identifiers: tuple[Number, ...] = ()
    files: tuple[FileOf, ...] = ()
    locators: tuple[Text, ...] = ()


class ToSign(Record, frozen=True):
    """What goes into a statement.

    Args:
        type: of the statement.
        subject: a digest; of ``body``, where there is one.
        rights: those that this party's approval has to name; else empty.
    """

    type: str
    subject: Digest
    body: dict[str, Any]
    rights: tuple[str, ...] = ()


class WorkOut(Record, frozen=True):
    """A work.

    Args:
        to_sign: the claim that registers it, as long as the log does not know it.
        match: how it was found by ``q``: a title is the text, begins with it, has it in it, or has its words in it.
            It says nothing about permission: ask for that by ``work``.
        logged: of a work that was found, whether the log knows it; if not, nothing can be permitted yet.
    """

    work: Urn
    kind: str
    registrant: Urn
    titles: tuple[TitleOf, ...]
    date: str
    rights_statement: str
    identifiers: tuple[Number, ...]
    files: tuple[FileOf, ...]
    locators: tuple[str, ...]
    added_at: Time
    to_sign: ToSign | UnsetType = UNSET
    match: Literal["whole", "beginning", "part", "words"] | UnsetType = UNSET
    logged: bool | UnsetType = UNSET


class ShareIn(Record, frozen=True):
    """One holder of one right."""

    right: Text
    party: Urn


class LinkIn(Record, frozen=True):
    """A tie to another work; ``work`` null: known, not registered."""

    rel: Text
    work: Urn | None


class ShareSetIn(Record, frozen=True):
    """A share set to propose."""

    work: Urn
    shares: tuple[ShareIn, ...]
    links: tuple[LinkIn, ...]
    complete: bool


class ShareSetOut(Record, frozen=True):
    """A version of the holders and links of a work.

    Args:
        state: ``proposed``, ``sent``, ``logged`` or ``refused``.
        signed_by: parties whose statement is there.
        checked: whom an operator's check of this very set covers; without one, a signature logs it at E0.
        to_sign: while it is proposed, what each of its signers puts into a ``shares`` statement.
    """

    share_set: Digest
    state: str
    reason: str
    document: dict[str, Any]
    signed_by: tuple[Urn, ...]
    checked: tuple[ShareIn, ...]
    proposed_at: Time
    to_sign: ToSign | UnsetType = UNSET


class RefusalOut(Record, frozen=True):
    """A standing no; ``ended_at`` null: it stands."""

    refusal: Urn
    party: Urn
    vendors: tuple[str, ...]
    works: tuple[str, ...]
    uses: tuple[str, ...]
    received_at: Time
    ended_at: Time | None


class NamesCheckIn(Record, frozen=True):
    """An operator saw how a party controls these names: evidence of level E3 for what it claims from now on."""

    party: Urn
    work: Urn
    names: tuple[Text, ...]
    seen: Text
    level: Text = "E3"


class ShareSetsCheckIn(Record, frozen=True):
    """An operator saw the documents behind these proposals: evidence of level E3, for exactly these share sets.

    Args:
        holders: whose documents were seen, each named by every one of the sets; null: all that a set names.
    """

    share_sets: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_SETS_AT_ONCE)]
    seen: Text
    holders: tuple[ShareIn, ...] | None = None
    level: Text = "E3"


class CheckOut(Record, frozen=True):
    """A recorded check: of which names, or of which share sets."""

    checked: tuple[str, ...]
    at: Time


# Offers and grants


class OfferIn(Record, frozen=True):
    """A draft: members of an offer, but for those that the registry fills in."""

    terms: dict[str, Any]


class OfferOut(Record, frozen=True):
    """An offer, or the grant that it became.

    Args:
        says: where it stands and who is waited for, in the language asked for.
        turn: ``author``, ``signers``, ``holders``, ``operator`` or ``nobody``.
        accepted: whether the licensee named accepted; null: none is named.
        terms: of a draft what was drafted, else the whole offer.
        offer: the offer digest, from the time when it was offered.
        token: the grant digest, from the time when it was issued.
        to_sign: what the party that asks puts into its approval or acceptance.
    """

    grant: Urn
    state: str
    turn: str
    says: str
    needed: tuple[Urn, ...]
    waiting_for: tuple[Urn, ...]
    accepted: bool | None
    terms: dict[str, Any]
    offer: Digest | None
    token: Digest | None
    to_sign: tuple[ToSign, ...] = ()


class SuspendIn(Record, frozen=True):
    """Why an operator suspends: ``court`` or ``dispute``, and a reason for people."""

    cause: Text
    reason: Text


class ResumeIn(Record, frozen=True):
    """Which suspensions end: those of this cause."""

    cause: Text


ALL: tuple[type[Record], ...] = (
    Mark,
    Problem,
    Batch,
    Decision,
    OneDecision,
    RefDecision,
    Decisions,
    StatementIn,
    Recorded,
    Number,
    PartyIn,
    PartyOut,
    TitleOf,
    FileOf,
    WorkIn,
    ToSign,
    WorkOut,
    ShareIn,
    LinkIn,
    ShareSetIn,
    ShareSetOut,
    RefusalOut,
    NamesCheckIn,
    ShareSetsCheckIn,
    CheckOut,
    OfferIn,
    OfferOut,
    SuspendIn,
    ResumeIn,
)
