"""One event on its way into the ledger, and what every kind of event asks of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from priorconsent import canonical, keys, names, times
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.contents import key_id_of
from priorconsent.errors import FraudError, MalformedError, RuleError, SignatureError
from priorconsent.replay.ledger import Archive, Ledger
from priorconsent.statements import Signed, Statement, body_of
from priorconsent.states import KeysetState, PartyState, State

# Spent by the event that closes the log; no digest is spelled so.
CLOSED = "log-close"
# What is longer nobody could read back, and the registry would stand still for everybody.
MAX_STATE_BYTES = canonical.MAX_JSON_BYTES
# These find room whatever else has filled up a state.
_ENDINGS = (ev.PartyKeyEnd, ev.Suspend, ev.Withdraw, ev.Supersede)

S = TypeVar("S", bound=State)


@dataclass
class Step:
    """One event on its way into the ledger: reads through to it, writes are kept aside."""

    event: ev.Event
    ledger: Ledger
    archive: Archive
    changes: dict[str, State] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    cited: tuple[str, ...] = ()

    @property
    def pos(self) -> int:
        """Position of the event."""
        return self.ledger.size

    @property
    def time(self) -> str:
        """Time of the event."""
        return self.event.time

    @property
    def registry(self) -> str:
        """The registry that the log was opened for."""
        first = self.ledger.event(0)
        return first.registry if isinstance(first, ev.LogOpen) else ""

    def state(self, name: str) -> State | None:
        """The state under a name, with what this event changed. Implements ``States``."""
        return self.changes.get(name) or self.ledger.state(name)

    def find(self, name: str, kind: type[S]) -> S | None:
        """The state under a name, if it is of this kind."""
        state = self.state(name)
        return state if isinstance(state, kind) else None

    def get(self, name: str, kind: type[S]) -> S:
        """As ``find``; that it exists is a rule."""
        state = self.find(name, kind)
        must(state is not None, f"{name} does not exist")
        assert state is not None  # noqa: S101 (for the type checker)
        return state

    def change(self, name: str, state: S, **members: Any) -> None:
        """Set members of a state."""
        self.changes[name] = replace(state, pos=self.pos, **members)

    def check_order(self) -> None:
        """Check the rules for every event."""
        must(isinstance(self.event, ev.LogOpen) == (self.pos == 0), "log-open is the first event and no other")
        if self.pos:
            must(self.time >= (self.ledger.last_time or ""), "time goes back")
            closed = self.ledger.is_spent(CLOSED) and not isinstance(self.event, ev.MapRoot)
            must(not closed, "the log is closed")

    def check_unspent(self, digests: tuple[str, ...]) -> None:
        """Check that no event cited this evidence before."""
        for digest in digests:
            must(not self.ledger.is_spent(digest), f"evidence {digest} counted before")

    def check_room(self) -> None:
        """Check that no state grew beyond the room that such an event has."""
        room = MAX_STATE_BYTES // (1 if isinstance(self.event, _ENDINGS) else 4 if _on_own_word(self.event) else 2)
        for name, state in self.changes.items():
            size = len(state.encode())
            before = self.ledger.state(name) if size > room else None
            shrank = before is not None and size < len(before.encode())
            must(size <= room or shrank, f"the state of {name} would be longer than {room} bytes")

    def keyset(self) -> keys.Keyset:
        """The keyset in force."""
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
            record_raw = self.evidence(signed.statement.key, key_id_of)
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

    def asked_for(self, kind: str, digest: str, party: str) -> None:
        """Check the statement of this type by which a party asked for this very event."""
        self.statement(digest, kind, self.body_digest(), frozenset({party}))

    def check_statement(
        self, statement: Statement, digest: str, kind: str, subject: str, parties: frozenset[str]
    ) -> None:
        """Check what a statement says against what the event needs."""
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
        """Check that the key was in force, and its delay over if the statement widens."""
        party = self.find(names.party(statement.party), PartyState)
        key = party.key(statement.key) if party else None
        fault = key.fault(self.time, widening=statement.widening) if key else "the key is not bound to the party"
        if fault is not None:
            raise self.fraud(f"statement {digest}: {fault}", self.archive.evidence(digest) or b"")

    def fraud(self, detail: str, *evidence: bytes) -> FraudError:
        """The error for evidence that is proved invalid, with both sides."""
        return FraudError(f"event {self.pos}: {detail}", evidence=(self.event.encode(), *evidence))

    def body_digest(self) -> str:
        """Subject of the statements that support this event."""
        return canonical.digest(canonical.encode(body_of(self.event.to_json())))


def _on_own_word(event: ev.Event) -> bool:
    # Anybody can claim at E0; what somebody checked must still find room beside it.
    return isinstance(event, ev.Alias) and event.level == words.LEVELS[0]


def must(holds: bool, rule: str) -> None:  # noqa: FBT001 (reads as a sentence at the call)
    """Refuse an event that breaks a rule which log and blobs show."""
    if not holds:
        raise RuleError(rule)


def after(time: str, seconds: int) -> str:
    """The instant ``seconds`` later; one beyond the calendar breaks a rule."""
    try:
        return times.plus(time, seconds)
    except MalformedError as error:
        raise RuleError(str(error)) from error
