"""Receipts: what the registry signs about its answers, one signature for a whole batch (docs/spec/receipts.md).

Answer for answer there is a leaf, which says in full what was asked and what was told; the receipt signs the root
of the tree over them, the request that they answer, and the checkpoint that they rest on. Nothing of the leaves
is kept by the registry: it keeps the receipt's digest until the log has committed to it (``ANCHOR_EVERY_S``).
A receipt never outranks the map.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from priorconsent import canonical, jws, names, times
from priorconsent import query as queries
from priorconsent.consent import States
from priorconsent.decision import Decision
from priorconsent.errors import MalformedError, ProofError, SignatureError
from priorconsent.keys import Jwk
from priorconsent.log import tree
from priorconsent.query import Query
from priorconsent.reasons import REASONS, Verdict
from priorconsent.records import Bytes16, Code, Count, Digest, Record, Text, Time, Urn, Versioned, convert
from priorconsent.states import GrantState

HEADER = {"alg": "Ed25519", "typ": "prior-consent-receipt+jws"}
# The procedure that decided: version 1 of docs/spec/decision.md.
ENGINE = "prior-consent-decision/1"

FRESH_FOR_S = 300
MAX_ANSWERS = 1000
# How often the log commits to the receipts given, and when that is overdue.
ANCHOR_EVERY_S = 3600
ANCHOR_OVERDUE_S = 7200
# Half of what a blob may hold.
MAX_LISTED = 16_384

Sign = Callable[[bytes], bytes]


class GrantRelied(Record, frozen=True):
    """A grant that a yes rests on."""

    digest: Digest
    id: Urn


class AnswerLeaf(Record, frozen=True):
    """One answer as it is signed.

    Args:
        i: its place in the request, from 0.
        query: as understood, every default filled in; ``None``: it could not be understood.
    """

    i: Count
    query: Query | None
    verdict: Literal["permitted", "not_permitted"]
    reason: Code
    works: tuple[Urn, ...]
    grants: tuple[GrantRelied, ...]
    binding: Literal["digest", "location", "named"] | None
    until: Time | None

    def __post_init__(self) -> None:
        # Made by the thousand from states that were read before; ``check`` looks at what comes from outside.
        pass

    @property
    def permitted(self) -> bool:
        """Whether it is a yes."""
        return self.verdict == Verdict.PERMITTED.value

    def check(self) -> None:
        """Check what the leaf shows of itself.

        Raises:
            MalformedError: a yes without what it rests on or after its end, a no with it, or a query in another
            spelling.
        """
        rests = (self.reason == "granted", bool(self.grants), self.binding is not None, self.until is not None)
        if rests != (self.permitted,) * len(rests) or self.reason not in REASONS:
            raise MalformedError(f"answer {self.i} contradicts itself")
        if (self.query is None) != (self.reason == "invalid_query"):
            raise MalformedError(f"answer {self.i} has no query, or one that was not understood", pointer="/query")
        if self.query is not None and _again(self.query) != self.query:
            raise MalformedError(f"answer {self.i} has its query in another spelling", pointer="/query")
        if self.until is not None:
            times.parse(self.until)
        if self.query is not None and self.until is not None and self.until <= self.query.at:
            raise MalformedError(f"answer {self.i} ends before the time asked about", pointer="/until")


class Mark(Record, frozen=True):
    """The checkpoint that the answers rest on."""

    origin: Text
    root: Digest
    size: Count


class Answers(Record, frozen=True):
    """How many answers, and the root of the RFC 6962 tree over their leaves."""

    n: Annotated[int, Meta(ge=0, le=MAX_ANSWERS)]
    root: Digest


class Receipt(Versioned, frozen=True):
    """What is signed.

    Args:
        id: random, so that a digest tells nothing of what was asked.
        audience: the party that asked, if it said so by its API key.
        request: digest of the request's body; of a GET, of its parameters as one canonical object.
        nonce: the asker's own, which no receipt given before can know.
        fresh_until: when its yeses have to be asked for again; where an answer is about the past, that is over.
        engine: which procedure decided.
    """

    registry: Digest
    id: Bytes16
    audience: Urn | None
    request: Digest
    nonce: Bytes16 | None
    issued_at: Time
    fresh_until: Time
    checkpoint: Mark
    engine: Text
    answers: Answers


class SignedReceipt:
    """A receipt with the exact bytes that were signed; nothing is verified yet.

    Raises:
        MalformedError: not a receipt in its one spelling.
    """

    __slots__ = ("_compact", "digest", "kid", "raw", "receipt")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.digest = canonical.digest(raw)
        self._compact = jws.Compact(raw)
        self.kid = self._compact.kid(HEADER)
        self.receipt = convert(canonical.parse_canonical(self._compact.payload), Receipt)

    def verify(self, key: Jwk) -> None:
        """Check the signature.

        Raises:
            SignatureError: another key, or the signature does not fit.
        """
        if key.thumbprint != self.kid:
            raise SignatureError(f"the receipt names key {self.kid}, not {key.thumbprint}")
        key.verify(self._compact.signature, self._compact.signed)


def sign(receipt: Receipt, kid: str, signer: Sign) -> bytes:
    """The receipt as a compact JWS."""
    return jws.sign({**HEADER, "kid": kid}, receipt.encode(), signer)


def leaf(i: int, query: Query | None, decision: Decision, states: States) -> AnswerLeaf:
    """The leaf of one answer.

    Args:
        states: of the map that was decided from.
    """
    return AnswerLeaf(
        i=i,
        query=query,
        verdict=decision.verdict.value,
        reason=decision.reason,
        works=decision.works,
        grants=tuple([_relied(grant, states) for grant in decision.grants]),
        binding=decision.binding,  # type: ignore[arg-type]
        until=decision.until,
    )


def read_leaves(value: canonical.Json) -> tuple[AnswerLeaf, ...]:
    """Read answers from plain JSON values: a list of leaves, in the order of the questions.

    Raises:
        MalformedError: not such a list; the pointer says where.
    """
    if not isinstance(value, list) or len(value) > MAX_ANSWERS:
        raise MalformedError(f"expected a list of at most {MAX_ANSWERS} answers")
    leaves = []
    for i, one in enumerate(value):
        canonical.check_profile(one)
        canonical.check_sorted(one)
        read = convert(one, AnswerLeaf)
        read.check()
        if read.i != i:
            raise MalformedError(f"answer {read.i} stands in place {i}", pointer=f"/{i}/i")
        leaves.append(read)
    return tuple(leaves)


def answers_of(leaves: Iterable[AnswerLeaf]) -> Answers:
    """What a receipt says of its leaves."""
    hashes = [tree.leaf_hash(canonical.encode(one)) for one in leaves]
    return Answers(n=len(hashes), root="sha256:" + tree.root(hashes).hex())


def fresh_until(issued_at: str, leaves: Iterable[AnswerLeaf], limit: str) -> str:
    """The instant from which the answers have to be asked for anew.

    Args:
        limit: until when the map that they rest on is fresh.
    """
    ends = (one.until for one in leaves if one.until is not None)
    return min(times.plus(issued_at, FRESH_FOR_S), limit, *ends)


# The list that an anchor commits to


def write_list(digests: Iterable[str]) -> bytes:
    """Receipt digests, 32 bytes each, ascending."""
    return b"".join(sorted({canonical.digest_bytes(one) for one in digests}))


def read_list(raw: bytes) -> list[bytes]:
    """The digests of a list, 32 bytes each.

    Raises:
        MalformedError: empty, too long, not of whole digests, or not strictly ascending.
    """
    step = tree.HASH_BYTES
    if not raw or len(raw) % step or len(raw) > MAX_LISTED * step:
        raise MalformedError(f"not a list of 1 to {MAX_LISTED} receipt digests of {step} bytes each")
    digests = [raw[start : start + step] for start in range(0, len(raw), step)]
    if any(left >= right for left, right in itertools.pairwise(digests)):
        raise MalformedError("the list of receipts is not strictly ascending")
    return digests


def list_digest(raw: bytes) -> str:
    """What an anchor says of a list: the root of the RFC 6962 tree over its digests; empty if it is none."""
    try:
        return "sha256:" + tree.root(tree.leaf_hash(one) for one in read_list(raw)).hex()
    except MalformedError:
        return ""


def check_listed(digest: str, index: int, n: int, path: Sequence[bytes], anchored: str) -> None:
    """Check that a receipt is in the list of ``n`` that an anchor commits to, without the list.

    Raises:
        ProofError: it is not shown to be.
    """
    if not 0 < n <= MAX_LISTED:
        raise ProofError(f"a list of {n} receipts")
    leaf_hash = tree.leaf_hash(canonical.digest_bytes(digest))
    tree.check_inclusion(leaf_hash, index, n, path, canonical.digest_bytes(anchored))


def _relied(grant: str, states: States) -> GrantRelied:
    state = states.state(names.grant(grant))
    if not isinstance(state, GrantState):
        raise ProofError(f"the map that was decided from has no grant {grant}")
    return GrantRelied(digest=state.digest, id=grant)


def _again(query: Query) -> Query | None:
    """The query as it would be understood once more; ``None`` if not at all."""
    members = query.to_json()
    kind, key = members.pop("kind"), members.pop("key")
    try:
        return queries.parse({**members, kind: key}, now=query.at)
    except MalformedError:
        return None
