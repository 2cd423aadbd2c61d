"""Step of ``verify`` about receipts: what the registry answered, by what the bundle shows of its log.

The checks are those of ``receipt_steps``; what they ask of a log is answered here from the entries beside a receipt.
Then the map has its word: a receipt whose yes the proved states do not give shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from priorconsent import canonical, names, receipts
from priorconsent.court import receipt_steps
from priorconsent.court.asked import ask
from priorconsent.court.bundle import Bundle
from priorconsent.court.log_steps import Logged, ProvedStates, require, require_all, unmet
from priorconsent.court.receipt_file import Entry, ShownReceipt, read_shown
from priorconsent.court.report import Answered
from priorconsent.decision import BINDING_OF
from priorconsent.errors import FraudError, NotTrustedError, PriorConsentError, ProofError
from priorconsent.events import Anchor, Event, KeysetChange, MapRoot, read_event
from priorconsent.grants import Token
from priorconsent.head import Head
from priorconsent.keys import Jwk, Keyset
from priorconsent.log.tree import check_consistency, check_inclusion, leaf_hash
from priorconsent.query import Query
from priorconsent.reasons import Verdict
from priorconsent.receipts import AnswerLeaf, GrantRelied, SignedReceipt
from priorconsent.rights import RightsTable
from priorconsent.states import GrantState, KeysetState
from priorconsent.trust import Trust


@dataclass(frozen=True, slots=True)
class Proved:
    """What the steps before have proved, by which receipts are judged."""

    token: Token
    logged: Logged
    now: Head
    keysets: tuple[Keyset, ...]
    states: ProvedStates
    grant: GrantState
    table: RightsTable
    trust: Trust


@dataclass(frozen=True, slots=True)
class LogShown:
    """What a bundle shows of the log about one receipt. Implements ``receipt_steps.Log``."""

    shown: ShownReceipt
    proved: Proved

    @property
    def head(self) -> Head:
        """The later checkpoint of the bundle."""
        return self.proved.now

    def receipt_key(self, kid: str, at: str) -> Jwk:
        """The key for receipts that a signature of an instant names.

        Raises:
            SignatureError: there is no such key.
            NotTrustedError: the keyset in force then is not shown.
        """
        return self.keyset_at(at).key(kid, "receipt", at)

    def keyset_at(self, at: str) -> Keyset:
        """The keyset in force at an instant: it had come in by then, and the next one, if there is one, had not."""
        keysets, following = self.proved.keysets, self.shown.next_keyset
        pos, own = self.shown.keyset.pos, self._keyset(self.shown.keyset)
        if own.time > at:
            raise NotTrustedError(f"keyset {own.version} came into force only at {own.time}")
        if following is None:
            require_all((own.version == len(keysets), f"when keyset {own.version} was replaced is not shown"))
            return keysets[own.version - 1]
        next_one = self._keyset(following)
        require_all(
            (next_one.version == own.version + 1, f"keyset {next_one.version} does not follow keyset {own.version}"),
            (pos < following.pos and at < next_one.time, f"keyset {own.version} had been replaced at {next_one.time}"),
        )
        return keysets[own.version - 1]

    def check_begins_with(self, size: int, root: str, evidence: bytes) -> None:
        """Check that the log began with a tree.

        Raises:
            ProofError: that is not shown. Who made the bundle may have chosen the wrong hashes: no proof of a fork.
            FraudError: two roots of one size were signed; both sides are the evidence.
        """
        for head in (self.proved.logged.head, self.head):
            same = size == head.checkpoint.size
            if same and canonical.digest_bytes(root) != head.checkpoint.root:
                raise FraudError(f"two histories of {size} events were signed", evidence=(evidence, head.note))
        point, path = self.head.checkpoint, _hashes(self.shown.consistency)
        check_consistency(size, point.size, canonical.digest_bytes(root), point.root, path)

    def map_root_before(self, size: int) -> MapRoot:
        """The last entry of a tree of that size.

        Raises:
            ProofError: that is no map-root, or not the entry shown.
        """
        event = self._event(self.shown.map_root)
        if not isinstance(event, MapRoot) or self.shown.map_root.pos != size - 1:
            raise ProofError(f"the last entry of the checkpoint of {size} entries is not shown to be a map-root")
        return event

    def anchored(self, digest: str, since: str) -> tuple[int, str]:
        """Position and time of the anchor shown.

        Raises:
            ProofError: it does not list the receipt, or is of before that instant.
        """
        event, listed = self._event(self.shown.anchor), self.shown.listed
        if not isinstance(event, Anchor) or event.time < since:
            raise ProofError(f"the entry shown is no anchor of {since} or later")
        # A list of a power of two: there the bits of the index are the sides.
        path = _hashes(listed.path)
        receipts.check_listed(digest, listed.sides, 1 << len(path), path, event.digest)
        return self.shown.anchor.pos, event.time

    def _keyset(self, entry: Entry) -> KeysetChange:
        event, keysets = self._event(entry), self.proved.keysets
        if not isinstance(event, KeysetChange) or not 0 < event.version <= len(keysets):
            raise ProofError(f"entry {entry.pos} brings in no keyset of the bundle")
        if event.digest != keysets[event.version - 1].digest:
            raise ProofError(f"entry {entry.pos} brings in another keyset {event.version} than the bundle holds")
        state = self.proved.states.state(names.KEYSET)
        # Of the newest the map tells where it came in; an entry that says the same again has no effect.
        if isinstance(state, KeysetState) and event.version == state.version and entry.pos != state.pos:
            raise ProofError(f"keyset {event.version} came in by entry {state.pos}, not {entry.pos}")
        return event

    def _event(self, entry: Entry) -> Event:
        raw, point = canonical.encode(entry.event), self.head.checkpoint
        check_inclusion(leaf_hash(raw), entry.pos, point.size, _hashes(entry.path), point.root)
        event = read_event(raw)
        if event.time > self.head.map_root.time:
            raise FraudError(f"entry {entry.pos} is later than its checkpoint", evidence=(raw, self.head.note))
        return event


def answered(bundle: Bundle, proved: Proved) -> tuple[Answered, ...]:
    """Step 13: each receipt counts, and the proved states permit what it permits.

    Raises:
        NotTrustedError: one of them does not; whoever made the bundle can leave it out.
    """
    found, faults = [], []
    for name, raw in bundle.receipts.items():
        try:
            found.append(_check(read_shown(raw), proved))
        except PriorConsentError as error:
            faults.append(f"{name}: {error}")
    require(faults)
    return tuple(sorted(found, key=lambda one: (one.receipt.issued_at, one.digest)))


def _check(shown: ShownReceipt, proved: Proved) -> Answered:
    signed, log = SignedReceipt(shown.raw), LogShown(shown, proved)
    receipt = signed.receipt
    # In the order of ``receipted``.
    receipt_steps.some_answers(receipt, [(one.answer, _hashes(one.path)) for one in shown.answers], proved.trust)
    receipt_steps.signature(signed, log)
    receipt_steps.checkpoint(signed, log)
    # Who makes a bundle chooses its later checkpoint: so an anchor that is not due there yet would never be.
    receipt_steps.anchor(signed, log)
    if receipt.checkpoint.size <= proved.logged.pos:
        raise NotTrustedError("its checkpoint is of before the grant")
    require(fault for leaf in shown.leaves for fault in _not_upheld(leaf, receipt.checkpoint.size, proved))
    pos, time = log.anchored(signed.digest, receipt.issued_at)
    keyset = log.keyset_at(receipt.issued_at).version
    return Answered(signed.digest, receipt, shown.leaves, pos, time, keyset)


def _not_upheld(leaf: AnswerLeaf, size: int, proved: Proved) -> Iterator[str]:
    """Why an answer is no yes that rests on this grant and that the proved states give too."""
    offer, query = proved.token.offer, leaf.query
    works = sorted({*leaf.works} & {*offer.works})
    relied = GrantRelied(digest=proved.token.digest, id=offer.grant)
    if query is None or not works or relied not in leaf.grants:
        yield f"answer {leaf.i} does not rest on this grant"
        return
    begin = proved.logged.head.quorum_time
    ends = (entry.ends_at for entry in proved.grant.life if entry.pos < size and entry.ends_at is not None)
    end = min([offer.valid_until, *ends])
    faults = unmet(
        (
            leaf.binding == BINDING_OF[query.kind] and leaf.binding in offer.bindings,
            f"the grant has no {leaf.binding} for {query.kind}",
        ),
        (query.kind != "url" or bool({*_places(query)} & {*offer.locators}), "the place is none that the grant names"),
        (leaf.until is not None and leaf.until <= end, f"it says until {leaf.until}, the grant ends at {end}"),
        (
            not proved.logged.event.time <= query.acquired_at < begin,
            f"that the grant was there when the copy was made, {query.acquired_at}, is shown only from {begin} on",
        ),
    )
    asked = {name: said for name, said in query.to_json().items() if said is not None and name not in _KEY}
    for work in works:
        decision = ask(work, asked, query.at, proved.states, {offer.rights_table: proved.table})
        if decision.verdict is not Verdict.PERMITTED:
            faults.append(f"the proved states say {decision.reason} of {work}")
    yield from (f"answer {leaf.i}: {fault}" for fault in faults)


# What the question about a work has in another form.
_KEY = frozenset({"kind", "key", "at"})


def _places(query: Query) -> Sequence[str]:
    found = names.of_url(query.key)
    return [found.exact, *found.prefixes, *([found.host] if found.host else [])]


def _hashes(path: Sequence[str]) -> list[bytes]:
    return [canonical.digest_bytes(one) for one in path]
