"""Statements at the door: each is checked in full before anything is stored.

1. It parses in its one spelling, is of the type expected, and the one who hands it in may do so.
2. No event has cited it, none that waits does, it is of today, and it has not lapsed.
3. Its key is in force in the log and, if the statement widens, the key's delay is over.
4. The key record on file is that key's, and the signature verifies under it.
5. The event that it asks for is well formed, and says what the statement's body says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from priorconsent import events, names
from priorconsent.consent import States
from priorconsent.errors import (
    ConflictError,
    MalformedError,
    NotAllowedError,
    NotAvailableError,
    NotFoundError,
    RuleError,
)
from priorconsent.keys import KeyRecord, read_key_record
from priorconsent.statements import Signed, Statement, body_of
from priorconsent.states import BoundKey, PartyState
from registry.actor import Actor
from registry.models import PartyKeyRecord, ShareSet, SharesStatement
from registry.policy import RULES, permit
from transparency.append import waiting
from transparency.store import DatabaseLedger, current_states, keyset

LATER = {"pause": "pauses by holders are not available yet: withdraw, or ask the operator to suspend"}
# What only the sequencer knows; any instant will do to see whether the rest is well formed.
_FILLED_IN = {"party-key": ("counts_from",), "withdraw": ("ends_at",)}


@dataclass(frozen=True, slots=True)
class Received:
    """A statement that verified, with the bytes that were signed.

    Args:
        log: what it was judged by, for the rest of the verb to look at the same.
    """

    statement: Statement
    raw: bytes
    digest: str
    log: DatabaseLedger

    @property
    def party(self) -> str:
        """Whose act it is."""
        return self.statement.party

    @property
    def evidence(self) -> dict[str, bytes]:
        """As the archive keeps it."""
        return {self.digest: self.raw}


def receive(actor: Actor, raw: bytes, kind: str, now: str) -> Received:
    """Take in a statement of one type.

    Args:
        kind: the type expected, as in docs/spec/records.md, section 2.

    Raises:
        MalformedError, NotAvailableError: no statement that the verb takes.
        RuleError: handed in by another, used before, lapsed, or its key does not count.
        SignatureError: the signature fails.
    """
    signed = _parse(actor, raw, kind)
    log = current_states()
    check_time(signed, log, now)
    if waiting([signed.digest]):
        raise ConflictError(f"statement {signed.digest} waits for its place in the log already")
    check_key(signed.statement, log, now)
    signed.verify(_record(signed.statement.key, log), keyset(log), now)
    return Received(signed.statement, raw, signed.digest, log)


def receive_by_new_key(actor: Actor, raw: bytes, record: KeyRecord, now: str) -> Received:
    """Take in the ``key`` statement of a key that is not bound yet; its own signature proves possession."""
    signed = _parse(actor, raw, "key")
    log = current_states()
    check_time(signed, log, now)
    signed.verify(record, keyset(log), now)
    return Received(signed.statement, raw, signed.digest, log)


def there_already(digests: Iterable[str], log: DatabaseLedger) -> set[str]:
    """Which of these statements were logged, wait for it, or wait for other signatures: nothing is left to hand in."""
    asked = set(digests)
    log.load_spent(asked)
    signed = SharesStatement.objects.filter(digest__in=asked).exclude(share_set__state=ShareSet.State.REFUSED)
    return {one for one in asked if log.is_spent(one)} | waiting(asked) | set(signed.values_list("digest", flat=True))


def check_time(signed: Signed, log: DatabaseLedger, now: str) -> None:
    """Refuse what was cited before, is from the future, or has lapsed."""
    statement = signed.statement
    if log.is_spent(signed.digest):
        raise ConflictError(f"statement {signed.digest} counted before; sign anew for another act")
    if statement.at > now:
        raise RuleError(f"signed at {statement.at}, which is still to come", pointer="/at")
    if statement.not_after is not None and now >= statement.not_after:
        raise RuleError(f"the statement lapsed at {statement.not_after}", pointer="/not_after")


def check_key(statement: Statement, states: States, now: str) -> BoundKey:
    """The key that signed, if it is in force and counts for this statement.

    Raises:
        NotAllowedError: the log does not know the key, it has ended, or its delay is not over.
    """
    party = states.state(names.party(statement.by))
    key = party.key(statement.key) if isinstance(party, PartyState) else None
    fault = key.fault(now, widening=statement.widening) if key else "the log does not bind this key to the party (yet)"
    if key is None or fault is not None:
        raise NotAllowedError(str(fault), pointer="/key")
    return key


def record_on_file(key: str) -> KeyRecord:
    """The key record under a key id.

    Raises:
        NotFoundError: never received, or erased.
    """
    row = PartyKeyRecord.objects.filter(key=key, record__isnull=False).first()
    if row is None or row.record is None:
        raise NotFoundError("no key record on file under this key id", pointer="/key")
    return read_key_record(bytes(row.record))


def _record(key: str, log: DatabaseLedger) -> KeyRecord:
    return log.once(("key record", key), lambda: record_on_file(key))


def drafted(received: Received, tag: str, now: str, **added: Any) -> dict[str, Any]:
    """The event that a statement asks for, ready for the sequencer.

    Args:
        added: what only the registry can add, such as levels and the digests of statements.

    Raises:
        MalformedError: the body is not that of such an event.
    """
    draft = {**received.statement.body, **added, "t": tag}
    check_draft(draft, received.statement.body, now)
    return draft


def check_draft(draft: Mapping[str, Any], body: Mapping[str, Any], now: str) -> None:
    """Check that a draft is an event, and that its body is what was signed."""
    if body_of(check_event(draft, now).to_json()) != body:
        raise MalformedError("the body holds more than a party signs of this event", pointer="/body")


def check_event(draft: Mapping[str, Any], now: str) -> events.Event:
    """The event that a draft would be at this time, if there is one that the log takes.

    Raises:
        MalformedError: no event of the list, or longer than a leaf may be.
    """
    event = events.event_of({**draft, **dict.fromkeys(("time", *_FILLED_IN.get(draft["t"], ())), now)})
    if len(event.encode()) > events.MAX_EVENT_BYTES:
        raise MalformedError(f"more than {events.MAX_EVENT_BYTES} bytes for one entry of the log")
    return event


def still_counts(signed: Signed, log: DatabaseLedger, now: str) -> bool:
    """Whether a statement that was received earlier could be cited now."""
    try:
        check_time(signed, log, now)
        check_key(signed.statement, log, now)
    except RuleError:
        return False
    return True


def _parse(actor: Actor, raw: bytes, kind: str) -> Signed:
    signed = Signed(raw)
    if signed.statement.type in LATER:
        raise NotAvailableError(LATER[signed.statement.type], pointer="/type")
    if signed.statement.type != kind:
        raise MalformedError(f"a statement of type {kind} is expected here", pointer="/type")
    permit(actor, RULES["hand_in"], [signed.statement.party])
    return signed
