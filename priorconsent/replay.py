"""Replay: what each event does to the map, validated (formats.md, section 4).

An event that breaks a rule visible in the log and its blobs has no effect and raises an alarm. Evidence
is checked wherever it is at hand: proved invalid, whoever logged it lied (``FraudError``); not at hand,
it is counted as unchecked. ``apply`` is the only place where states come from, for the registry that
writes the log and for everybody who reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from priorconsent import canonical, consent, keys, names, rights, shares, times
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.errors import FraudError, MalformedError, NotTrustedError, RuleError, SignatureError
from priorconsent.grants import Token
from priorconsent.offers import Offer, read_offer
from priorconsent.records import Record
from priorconsent.statements import Signed, Statement, body_of
from priorconsent.states import (
    AliasState,
    BoundKey,
    Claim,
    GrantState,
    KeysetState,
    LifeEntry,
    PartyState,
    Refusal,
    RightsTableState,
    State,
    WorkState,
)

ENDED = frozenset({"withdrawn", "superseded"})
# Spent by the event that closes the log; no digest is spelled so.
CLOSED = "log-close"

S = TypeVar("S", bound=State)
R = TypeVar("R", bound=Record)


class Archive:
    """Where replay finds the bytes that events only name by digest.

    Subclasses give ``blob`` and ``evidence``. What they return is checked against the digest at every
    use, so a wrong answer counts as none.
    """

    def blob(self, digest: str) -> bytes | None:
        """Offers by offer digest, grant tokens, keysets by payload digest, rights tables."""
        raise NotImplementedError

    def evidence(self, digest: str) -> bytes | None:
        """Statements by evidence digest, key records by key id, share-set documents."""
        raise NotImplementedError

    def keyset(self, digest: str) -> bytes:
        """The JWS of a keyset.

        Raises:
            NotTrustedError: the blob is missing; what depends on it cannot be replayed.
        """
        return self._blob(digest, "keyset", _payload_digest)

    def rights_table(self, digest: str) -> rights.RightsTable:
        """A rights table.

        Raises:
            NotTrustedError: the blob is missing or another one.
            MalformedError: it is no rights table.
        """
        return rights.SHIPPED.get(digest) or rights.read_rights_table(self._blob(digest, "rights table"))

    def offer(self, digest: str) -> bytes:
        """The canonical bytes of an offer."""
        return self._blob(digest, "offer", _offer_digest)

    def token(self, digest: str) -> bytes:
        """The bytes of a grant token."""
        return self._blob(digest, "grant token")

    def _blob(self, digest: str, what: str, actual: Callable[[bytes], str] = canonical.digest) -> bytes:
        raw = self.blob(digest)
        if raw is None or actual(raw) != digest:
            raise NotTrustedError(f"the {what} {digest} is missing from the blobs")
        return raw


class Ledger(Protocol):
    """What the events so far amount to."""

    @property
    def size(self) -> int:
        """How many events there were; the position of the next."""

    @property
    def last_time(self) -> str | None:
        """The latest time of any event, also of those without effect; ``None`` before the first."""

    def state(self, name: str) -> State | None:
        """The state under a name."""

    def put(self, name: str, state: State) -> None:
        """Set the state under a name."""

    def event(self, pos: int) -> ev.Event:
        """An event by position."""

    def is_spent(self, digest: str) -> bool:
        """Whether an event has cited this evidence."""

    def spend(self, digest: str, pos: int) -> None:
        """Note that the event at ``pos`` cites this evidence."""

    def record(self, event: ev.Event) -> None:
        """Append the event itself."""


class MemoryLedger:
    """A ledger in memory, empty at first. Its methods are described at ``Ledger``."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.events: list[ev.Event] = []
        self.spent: dict[str, int] = {}
        self._last_time: str | None = None

    @property
    def size(self) -> int:  # noqa: D102
        return len(self.events)

    @property
    def last_time(self) -> str | None:  # noqa: D102
        return self._last_time

    def state(self, name: str) -> State | None:  # noqa: D102
        return self.states.get(name)

    def put(self, name: str, state: State) -> None:  # noqa: D102
        self.states[name] = state

    def event(self, pos: int) -> ev.Event:  # noqa: D102
        return self.events[pos]

    def is_spent(self, digest: str) -> bool:  # noqa: D102
        return digest in self.spent

    def spend(self, digest: str, pos: int) -> None:  # noqa: D102
        self.spent.setdefault(digest, pos)

    def record(self, event: ev.Event) -> None:  # noqa: D102
        self.events.append(event)
        self._last_time = max(self._last_time or "", event.time)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event did.

    Args:
        changed: names whose state changed, in order.
        alarm: the rule it breaks, then it changed nothing; ``None`` if none.
        unchecked: evidence digests that were not at hand.
    """

    changed: tuple[str, ...] = ()
    alarm: str | None = None
    unchecked: tuple[str, ...] = ()


def apply(event: ev.Event, ledger: Ledger, archive: Archive) -> Effect:
    """Take the next event into the ledger.

    Raises:
        FraudError: evidence at hand is proved invalid; the ledger is then of no use.
        NotTrustedError: a blob that the event needs is missing.
    """
    step = _Step(event, ledger, archive)
    alarm = None
    try:
        step.check_order()
        step.check_unspent(ev.cited(event))
        _HANDLERS[type(event)](step, event)
    except RuleError as broken:
        alarm = f"event {step.pos} ({ev.tag_of(event)}): {broken}"
        step.changes.clear()
    for digest in (*ev.cited(event), *step.cited):
        ledger.spend(digest, step.pos)
    for name, state in step.changes.items():
        ledger.put(name, state)
    ledger.record(event)
    return Effect(tuple(step.changes), alarm, tuple(step.unchecked) if alarm is None else ())


@dataclass
class _Step:
    """One event on its way into the ledger: reads through to it, writes are kept aside."""

    event: ev.Event
    ledger: Ledger
    archive: Archive
    changes: dict[str, State] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    cited: tuple[str, ...] = ()

    @property
    def pos(self) -> int:
        return self.ledger.size

    @property
    def time(self) -> str:
        return self.event.time

    @property
    def registry(self) -> str:
        first = self.ledger.event(0)
        return first.registry if isinstance(first, ev.LogOpen) else ""

    def state(self, name: str) -> State | None:
        return self.changes.get(name) or self.ledger.state(name)

    def find(self, name: str, kind: type[S]) -> S | None:
        state = self.state(name)
        return state if isinstance(state, kind) else None

    def get(self, name: str, kind: type[S]) -> S:
        state = self.find(name, kind)
        _must(state is not None, f"{name} does not exist")
        assert state is not None  # noqa: S101 (for the type checker)
        return state

    def change(self, name: str, state: S, **members: Any) -> None:
        self.changes[name] = _replace(state, pos=self.pos, **members)

    def check_order(self) -> None:
        _must(isinstance(self.event, ev.LogOpen) == (self.pos == 0), "log-open is the first event and no other")
        if self.pos:
            _must(self.time >= (self.ledger.last_time or ""), "time goes back")
            closed = self.ledger.is_spent(CLOSED) and not isinstance(self.event, ev.MapRoot)
            _must(not closed, "the log is closed")

    def check_unspent(self, digests: tuple[str, ...]) -> None:
        for digest in digests:
            _must(not self.ledger.is_spent(digest), f"evidence {digest} counted before")

    def keyset(self) -> keys.Keyset:
        state = self.get(names.KEYSET, KeysetState)
        return keys.payload_of(self.archive.keyset(state.digest))

    # Evidence

    def evidence(self, digest: str, actual: Callable[[bytes], str] = canonical.digest) -> bytes | None:
        """Bytes from the archive that really have this digest; else they count as not at hand."""
        raw = self.archive.evidence(digest)
        if raw is not None and actual(raw) == digest:
            return raw
        self.unchecked.append(digest)
        return None

    def signed(self, digest: str) -> tuple[Statement, keys.KeyRecord] | None:
        """A statement verified under the key that it names; ``None``: not at hand."""
        # First: that there is a keyset is a rule, and may not depend on evidence.
        keyset = self.keyset()
        raw = self.evidence(digest)
        if raw is None:
            return None
        try:
            signed = Signed(raw)
            record_raw = self.evidence(signed.statement.key, _key_id)
            if record_raw is None:
                return None
            record = keys.read_key_record(record_raw)
            signed.verify(record, keyset, self.time)
        except (MalformedError, SignatureError) as error:
            raise self.fraud(f"statement {digest}: {error}", raw) from error
        return signed.statement, record

    def statement(self, digest: str, kind: str, subject: str, parties: frozenset[str]) -> Statement | None:
        """A statement of this type about this subject by one of these parties, in force now."""
        found = self.signed(digest)
        if found is None:
            return None
        statement, _ = found
        self.check_statement(statement, digest, kind, subject, parties)
        self.check_key(statement, digest)
        return statement

    def check_statement(
        self, statement: Statement, digest: str, kind: str, subject: str, parties: frozenset[str]
    ) -> None:
        facts = {
            f"is of type {statement.type}, not {kind}": statement.type == kind,
            f"is by {statement.party}, who cannot make it": statement.party in parties,
            "is about something else": statement.subject == subject,
            "is a decline": statement.decision in {None, "approve"},
            "is from the future": statement.at <= self.time,
            "has lapsed": statement.not_after is None or self.time < statement.not_after,
        }
        for fault, holds in facts.items():
            if not holds:
                raise self.fraud(f"statement {digest} {fault}", self.archive.evidence(digest) or b"")

    def check_key(self, statement: Statement, digest: str) -> None:
        party = self.find(names.party(statement.party), PartyState)
        key = party.key(statement.key) if party else None
        in_force = key is not None and key.from_ <= self.time and (key.until is None or self.time < key.until)
        # A first key may refuse and withdraw at once, but widen only after its delay.
        counts = key is not None and (not statement.widening or key.counts_from <= self.time)
        if not (in_force and counts):
            raise self.fraud(f"statement {digest}: its key is not in force", self.archive.evidence(digest) or b"")

    def fraud(self, detail: str, *evidence: bytes) -> FraudError:
        return FraudError(f"event {self.pos}: {detail}", evidence=(self.event.encode(), *evidence))

    def body_digest(self) -> str:
        return canonical.digest(canonical.encode(body_of(self.event.to_json())))


def _must(holds: bool, rule: str) -> None:  # noqa: FBT001 (reads as a sentence at the call)
    if not holds:
        raise RuleError(rule)


def _after(time: str, seconds: int) -> str:
    try:
        return times.plus(time, seconds)
    except MalformedError as error:
        raise RuleError(str(error)) from error


def _replace(record: R, **members: Any) -> R:
    return type(record)(**{name: getattr(record, name) for name in record.__struct_fields__} | members)


def _key_id(raw: bytes) -> str:
    return canonical.tagged_digest("prior-consent-key/v1", raw)


def _offer_digest(raw: bytes) -> str:
    return canonical.tagged_digest("prior-consent-offer/v1", raw)


def _payload_digest(raw: bytes) -> str:
    try:
        return keys.payload_of(raw).digest
    except MalformedError:
        return ""


def _sorted(records: Any) -> tuple[Any, ...]:
    return tuple(sorted(records, key=lambda record: record.encode()))


def _log_open(step: _Step, event: ev.LogOpen) -> None:
    del step, event


def _keyset(step: _Step, event: ev.KeysetChange) -> None:
    before = step.find(names.KEYSET, KeysetState)
    _must(event.version == (before.version if before else 0) + 1, "keyset version does not follow")
    previous = keys.payload_of(step.archive.keyset(before.digest)) if before else None
    # Outside: a blob that is missing breaks no rule, it stops replay.
    raw = step.archive.keyset(event.digest)
    try:
        keyset = keys.read_keyset(raw, previous)
    except (MalformedError, NotTrustedError) as error:
        raise RuleError(str(error)) from error
    _must(keyset.registry_id == step.registry, "keyset of another registry")
    step.changes[names.KEYSET] = KeysetState(version=event.version, digest=event.digest, pos=step.pos)


def _rights_table(step: _Step, event: ev.RightsTableChange) -> None:
    before = step.find(names.RIGHTS_TABLE, RightsTableState)
    _must(event.version == (before.version if before else 0) + 1, "rights table version does not follow")
    try:
        table = step.archive.rights_table(event.digest)
    except MalformedError as error:
        raise RuleError(str(error)) from error
    _must(table.version == event.version, "the blob holds another version")
    step.changes[names.RIGHTS_TABLE] = RightsTableState(version=event.version, digest=event.digest, pos=step.pos)


def _party(step: _Step, event: ev.PartyAdd) -> None:
    name = names.party(event.party)
    _must(step.state(name) is None, "the party exists")
    _must((event.members is not None) <= (event.kind == "committee"), "only a committee has members")
    step.changes[name] = PartyState(
        kind=event.kind, members=event.members, keys=(), refusals=(), since=step.time, pos=step.pos
    )


def _party_key(step: _Step, event: ev.PartyKey) -> None:
    name = names.party(event.party)
    party = step.get(name, PartyState)
    _must(party.kind != "committee", "a committee never signs")
    _must(event.method in words.METHODS, "unknown method")
    _must(party.key(event.key) is None, "the key is bound already")
    first = event.bound_by is None
    _must(len(event.statements) == (1 if first else 2), "one statement by the new key, and one by the earlier key")
    delay = step.keyset().key_delay_s if first else 0
    _must(event.counts_from >= _after(step.time, delay), "counts before its delay is over")
    if event.bound_by is not None:
        earlier = party.key(event.bound_by)
        in_force = earlier is not None and earlier.until is None and earlier.counts_from <= step.time
        _must(in_force, "the earlier key is not in force, or its delay is not over")
    _check_key_statements(step, event)
    key = BoundKey(key=event.key, method=event.method, from_=step.time, until=None, counts_from=event.counts_from)
    step.change(name, party, keys=_sorted((*party.keys, key)), since=step.time)


def _check_key_statements(step: _Step, event: ev.PartyKey) -> None:
    expected = {event.key, event.bound_by} - {None}
    for digest in event.statements:
        found = step.signed(digest)
        if found is None:
            continue
        statement, record = found
        step.check_statement(statement, digest, "key", step.body_digest(), frozenset({event.party}))
        if statement.key not in expected:
            raise step.fraud(f"statement {digest} is by a third key, or twice by one")
        expected.discard(statement.key)
        if statement.key != event.key:
            step.check_key(statement, digest)
        elif record.method != event.method:
            raise step.fraud("the key record names another method", record.encode())


def _party_key_end(step: _Step, event: ev.PartyKeyEnd) -> None:
    name = names.party(event.party)
    party = step.get(name, PartyState)
    key = party.key(event.key)
    _must(key is not None and key.until is None, "no such key in force")
    if event.statement is not None:
        step.statement(event.statement, "key-end", step.body_digest(), frozenset({event.party}))
    ended = (_replace(one, until=step.time) if one.key == event.key else one for one in party.keys)
    step.change(name, party, keys=_sorted(ended), since=step.time)


def _work(step: _Step, event: ev.WorkAdd) -> None:
    name = names.work(event.work)
    _must(step.state(name) is None, "the work exists")
    _must(step.get(names.party(event.party), PartyState).kind != "committee", "a committee never signs")
    step.statement(event.statement, "claim", step.body_digest(), frozenset({event.party}))
    step.changes[name] = WorkState(
        kind=event.kind,
        party=event.party,
        holders=(),
        links=(),
        complete=False,
        share_set=None,
        disputes=(),
        grants=(),
        since=step.time,
        pos=step.pos,
    )


def _alias(step: _Step, event: ev.Alias) -> None:
    try:
        names.check_alias(event.name)
    except MalformedError as error:
        raise RuleError(str(error)) from error
    work = step.get(names.work(event.work), WorkState)
    _must(work.speaks(event.party), "the party holds nothing in the work")
    _must(event.level in words.LEVELS, "unknown level")
    before = step.find(event.name, AliasState) or AliasState(claims=(), since=None, pos=step.pos)
    same = [claim for claim in before.claims if (claim.work, claim.party) == (event.work, event.party)]
    _must(bool(same) or not event.ended, "there is no such claim to end")
    step.statement(event.statement, "claim", step.body_digest(), frozenset({event.party}))
    claim = Claim(work=event.work, party=event.party, level=event.level)
    others = [one for one in before.claims if one not in same]
    # Anybody can make a claim at E0; if that moved ``since``, a stranger could unsettle the past.
    weighty = any(one.level != words.LEVELS[0] for one in (*same, *(() if event.ended else (claim,))))
    step.change(
        event.name,
        before,
        claims=_sorted(others if event.ended else (*others, claim)),
        since=step.time if weighty else before.since,
    )


def _share_set(step: _Step, event: ev.ShareSetChange) -> None:
    name = names.work(event.work)
    work = step.get(name, WorkState)
    _must(event.previous == work.share_set, "the share set before it is another one")
    _must((event.version == 1) == (event.previous is None), "share-set version does not follow")
    for holder in event.holders:
        _must(
            step.get(names.party(holder.party), PartyState).kind != "committee",
            "a committee never stands as holder: its members do",
        )
    for link in event.links:
        _must(link.work is not None or not event.complete, "complete with an unregistered work")
        _must(link.work != event.work, "a work linked to itself")
        _must(
            link.work is None or step.find(names.work(link.work), WorkState) is not None, "linked work does not exist"
        )
    signers = share_set_signers(work, event.holders, event.links, step)
    _must(len(event.statements) == len(signers), f"needs the statements of {len(signers)} parties")
    _check_share_set_evidence(step, event, signers)
    step.change(
        name,
        work,
        holders=event.holders,
        links=event.links,
        complete=event.complete,
        share_set=event.digest,
        since=step.time,
    )


def share_set_signers(work: WorkState, holders: Any, links: Any, states: consent.States) -> frozenset[str]:
    """Who must sign the next share set of a work.

    The first: its registrant. A later one: every holder before and after, and for a link that it drops
    every holder of the linked work. A work without holders is spoken for by its registrant: otherwise
    whoever comes next could take it over with nobody's leave.

    Args:
        holders, links: of the next share set; anything with ``party``, ``rel`` and ``work``.
    """
    if work.share_set is None:
        return frozenset({work.party})
    kept = {(link.rel, link.work) for link in links}
    dropped = [link.work for link in work.links if (link.rel, link.work) not in kept and link.work is not None]
    linked = [states.state(names.work(one)) for one in dropped]
    before = [_spoken_for_by(one) for one in (work, *linked) if isinstance(one, WorkState)]
    return frozenset(holder.party for holder in holders).union(*before)


def _spoken_for_by(work: WorkState) -> frozenset[str]:
    return frozenset(holder.party for holder in work.holders) or frozenset({work.party})


def _check_share_set_evidence(step: _Step, event: ev.ShareSetChange, signers: frozenset[str]) -> None:
    document = _share_set_document(step, event.digest)
    before = _share_set_document(step, event.previous) if event.previous is not None else None
    if document is not None:
        told = {(holder.right, holder.party) for holder in event.holders}
        same = (
            document.registry == step.registry
            and (document.work, document.version, document.previous) == (event.work, event.version, event.previous)
            and {(share.right, share.party) for share in document.shares} == told
            and (document.links, document.complete) == (event.links, event.complete)
        )
        if not same:
            raise step.fraud("the share-set document says something else", document.encode())
    if before is not None and before.version + 1 != event.version:
        raise step.fraud("the share-set version does not follow", before.encode())
    waiting = set(signers)
    for digest in event.statements:
        statement = step.statement(digest, "shares", step.body_digest(), frozenset(waiting))
        if statement is not None:
            waiting.discard(statement.party)


def _share_set_document(step: _Step, digest: str) -> shares.ShareSet | None:
    raw = step.evidence(digest)
    if raw is None:
        return None
    try:
        return shares.ShareSet.parse(raw)
    except MalformedError as error:
        raise step.fraud(f"share set {digest}: {error}", raw) from error


def _refuse(step: _Step, event: ev.Refuse) -> None:
    name = names.party(event.party)
    party = step.get(name, PartyState)
    _must(all(one.refusal != event.refusal for one in party.refusals), "the refusal exists")
    step.statement(event.statement, "refusal", step.body_digest(), frozenset({event.party}))
    refusal = Refusal(refusal=event.refusal, vendors=event.vendors, works=event.works, uses=event.uses)
    step.change(name, party, refusals=_sorted((*party.refusals, refusal)), since=step.time)


def _refuse_end(step: _Step, event: ev.RefuseEnd) -> None:
    name = names.party(event.party)
    party = step.get(name, PartyState)
    kept = tuple(one for one in party.refusals if one.refusal != event.refusal)
    _must(len(kept) < len(party.refusals), "there is no such refusal")
    step.statement(event.statement, "refusal-end", step.body_digest(), frozenset({event.party}))
    step.change(name, party, refusals=kept, since=step.time)


def _grant(step: _Step, event: ev.GrantAdd) -> None:
    name = names.grant(event.grant)
    _must(step.state(name) is None, "the grant exists")
    token, offer = _token_and_offer(step, event)
    step.cited = (*token.cited("approval"), *token.cited("acceptance"))
    step.check_unspent(step.cited)
    needed = check_issue(offer, step.time, step.registry, step, step.archive)
    _must(len(token.cited("approval")) == len(needed.parties), f"needs {len(needed.parties)} approvals")
    accepted_by = {offer.licensee.party} - {None}
    _must(
        len(token.cited("acceptance")) == len(accepted_by), "needs the acceptance of the licensee named, and no other"
    )
    _must(event.level == needed.level, "level is not the lowest of those relied on")
    _must(event.method in words.METHODS, "unknown method")
    _check_consent_evidence(step, event, token, needed)
    step.changes[name] = GrantState(
        digest=event.digest,
        offer_digest=event.offer,
        terms=offer,
        method=event.method,
        level=event.level,
        valid_from=event.valid_from,
        valid_until=event.valid_until,
        life=(LifeEntry(s="active", pos=step.pos, time=step.time, ends_at=None, cause=None),),
        pos=step.pos,
    )
    for work_id in event.works:
        work = step.get(names.work(work_id), WorkState)
        step.change(names.work(work_id), work, grants=tuple(sorted({*work.grants, event.grant})))


def _token_and_offer(step: _Step, event: ev.GrantAdd) -> tuple[Token, Offer]:
    try:
        offer = read_offer(step.archive.offer(event.offer))
        token = Token(step.archive.token(event.digest))
        token.verify(step.keyset(), step.time)
    except (MalformedError, SignatureError) as error:
        raise RuleError(str(error)) from error
    _must(token.offer == offer, "the token countersigns another offer")
    told = (event.grant, event.works, event.valid_from, event.valid_until)
    _must(told == (offer.grant, offer.works, offer.valid_from, offer.valid_until), "the event differs from the offer")
    return token, offer


def check_issue(
    offer: Offer, time: str, registry: str, states: consent.States, archive: Archive
) -> consent.Requirement:
    """Check all that an offer needs at its issue, but the signatures under it.

    Returns:
        whose approvals it needs, and what they must name.

    Raises:
        RuleError: the offer is dead, incomplete or refused; the sentence says why.
    """
    in_force = states.state(names.RIGHTS_TABLE)
    _must(offer.registry == registry, "an offer of another registry")
    _must(
        isinstance(in_force, RightsTableState) and in_force.digest == offer.rights_table,
        "the rights table changed since the offer",
    )
    _must(time < offer.lapse_at, "the offer has lapsed")
    table = archive.rights_table(offer.rights_table)
    needed = consent.required_by(offer, table, states)
    for problem in needed.problems:
        _must(holds=False, rule=f"{problem.detail} ({problem.subject})")
    _must(needed.share_sets == offer.share_sets, "share sets changed since the offer")
    _must(set(needed.rights) <= set(offer.rights), "the uses concern rights that the offer does not name")
    refuser = consent.refused_by(offer, table, states)
    _must(refuser is None, f"refused by {refuser}")
    if offer.licensee.party is not None:
        licensee = states.state(names.party(offer.licensee.party))
        _must(isinstance(licensee, PartyState), "the licensee is not registered")
    return needed


def _check_consent_evidence(step: _Step, event: ev.GrantAdd, token: Token, needed: consent.Requirement) -> None:
    waiting = set(needed.parties)
    methods = []
    for digest in token.cited("approval"):
        statement = step.statement(digest, "approval", event.offer, frozenset(waiting))
        if statement is None:
            continue
        waiting.discard(statement.party)
        if not needed.rights_of(statement.party) <= set(statement.rights):
            raise step.fraud(f"approval {digest} does not name all rights concerned", token.raw)
        key = step.get(names.party(statement.party), PartyState).key(statement.key)
        methods.append(key.method if key else "")
    weakest = words.lowest(words.METHODS, [*methods, event.method])
    if weakest != event.method or (not waiting and event.method not in methods):
        raise step.fraud("method is not the lowest of the approvals", token.raw)
    for digest in token.cited("acceptance"):
        step.statement(digest, "acceptance", event.offer, frozenset({token.offer.licensee.party or ""}))


def open_suspensions(life: tuple[LifeEntry, ...], event_at: Callable[[int], ev.Event]) -> dict[int, ev.Suspend]:
    """The suspensions of a grant that no resumption has ended, by position."""
    steps = {entry.pos: event_at(entry.pos) for entry in life}
    ended = {event.ends for event in steps.values() if isinstance(event, ev.Resume)}
    return {pos: event for pos, event in steps.items() if isinstance(event, ev.Suspend) and pos not in ended}


def _lived(grant: GrantState, entry: LifeEntry) -> dict[str, Any]:
    return {"life": (*grant.life, entry)}


def _has_ended(grant: GrantState, time: str) -> bool:
    return any(entry.s in ENDED and (entry.ends_at or "") <= time for entry in grant.life)


def _suspend(step: _Step, event: ev.Suspend) -> None:
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    _must(not _has_ended(grant, step.time), "the grant has ended")
    of_party = event.cause in {"holder", "key"}
    _must((event.party is not None) == of_party, "a pause names its holder, a suspected key its party; others nobody")
    _must((event.statement is not None) == (event.cause == "holder"), "only a holder's pause has a statement")
    if event.party is not None and event.statement is not None:
        _must(event.party in _holders_of(step, grant), "the party holds nothing in the works granted")
        step.statement(event.statement, "pause", grant.digest, frozenset({event.party}))
    entry = LifeEntry(s="suspended", pos=step.pos, time=step.time, ends_at=None, cause=event.cause)
    step.change(name, grant, **_lived(grant, entry))


def _holders_of(step: _Step, grant: GrantState) -> frozenset[str]:
    works = [step.find(names.work(work), WorkState) for work in grant.terms.works]
    return frozenset(holder.party for work in works if work for holder in work.holders)


def _resume(step: _Step, event: ev.Resume) -> None:
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    suspensions = open_suspensions(grant.life, step.ledger.event)
    _must(event.ends in suspensions, "no open suspension at that position")
    suspension = suspensions[event.ends]
    signed_off = suspension.cause in {"holder", "key"}
    _must(
        (event.party is not None) == signed_off, "a party resumes what a party or its key suspended, and nothing else"
    )
    _must((event.statement is not None) == signed_off, "a resumption by a party has its statement")
    _must(event.party == suspension.party, "only the party whose pause or key it was resumes")
    if event.party is not None and event.statement is not None:
        subject = canonical.digest(suspension.encode())
        step.statement(event.statement, "resume", subject, frozenset({event.party}))
    left = set(suspensions) - {event.ends}
    entry = LifeEntry(s="suspended" if left else "active", pos=step.pos, time=step.time, ends_at=None, cause=None)
    step.change(name, grant, **_lived(grant, entry))


def _withdraw(step: _Step, event: ev.Withdraw) -> None:
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    _must(all(entry.s not in ENDED for entry in grant.life), "the grant has been ended already")
    _must(
        event.ends_at == _after(step.time, grant.terms.withdrawal.notice_s),
        "ends_at is not after the notice agreed",
    )
    token = Token(step.archive.token(grant.digest))
    approvals = token.cited("approval")
    enough = len(approvals) if grant.terms.withdrawal.by == "all" else 1
    _must(len(event.parties) >= enough, "not all who must withdraw did")
    _must(len(event.statements) == len(event.parties), "one statement by each party that withdraws")
    approvers = _approvers(step, approvals)
    waiting = set(event.parties)
    for digest in event.statements:
        statement = step.statement(digest, "withdrawal", grant.digest, frozenset(waiting))
        if statement is not None:
            waiting.discard(statement.party)
            if approvers is not None and statement.party not in approvers:
                raise step.fraud(f"withdrawal {digest} is by a party that approved nothing", token.raw)
    entry = LifeEntry(s="withdrawn", pos=step.pos, time=step.time, ends_at=event.ends_at, cause=None)
    step.change(name, grant, **_lived(grant, entry))


def _approvers(step: _Step, approvals: tuple[str, ...]) -> frozenset[str] | None:
    """Who approved, as far as the archive shows; ``None`` unless it shows all of them."""
    found = [step.signed(digest) for digest in approvals]
    parties = frozenset(one[0].party for one in found if one is not None)
    return parties if len(parties) == len(approvals) else None


def _supersede(step: _Step, event: ev.Supersede) -> None:
    name = names.grant(event.grant)
    grant = step.get(name, GrantState)
    _must(not _has_ended(grant, step.time), "the grant has ended")
    following = step.get(names.grant(event.next), GrantState).terms
    _must(event.grant in following.supersedes, "the next grant's offer does not name this one")
    _must(following.licensee == grant.terms.licensee, "the next grant has another licensee")
    _must(set(grant.terms.works) <= set(following.works), "the next grant leaves out works")
    entry = LifeEntry(s="superseded", pos=step.pos, time=step.time, ends_at=step.time, cause=None)
    step.change(name, grant, **_lived(grant, entry))


def _map_root(step: _Step, event: ev.MapRoot) -> None:
    _must(event.size == step.pos, "size is not its own index")


def _log_close(step: _Step, event: ev.LogClose) -> None:
    del event
    step.cited = (CLOSED,)


_HANDLERS: dict[type[ev.Event], Callable[[_Step, Any], None]] = {
    ev.LogOpen: _log_open,
    ev.KeysetChange: _keyset,
    ev.RightsTableChange: _rights_table,
    ev.PartyAdd: _party,
    ev.PartyKey: _party_key,
    ev.PartyKeyEnd: _party_key_end,
    ev.WorkAdd: _work,
    ev.Alias: _alias,
    ev.ShareSetChange: _share_set,
    ev.Refuse: _refuse,
    ev.RefuseEnd: _refuse_end,
    ev.GrantAdd: _grant,
    ev.Suspend: _suspend,
    ev.Resume: _resume,
    ev.Withdraw: _withdraw,
    ev.Supersede: _supersede,
    ev.MapRoot: _map_root,
    ev.LogClose: _log_close,
}
