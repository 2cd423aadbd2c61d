"""What the events about parties do: parties, their keys, their refusals."""

from __future__ import annotations

from msgspec.structs import replace

from priorconsent import events as ev
from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.records import in_order
from priorconsent.replay.step import Step, after, must
from priorconsent.states import BoundKey, PartyState, Refusal


def party(step: Step, event: ev.PartyAdd) -> None:
    """Let a party come to exist."""
    name = names.party(event.party)
    must(step.state(name) is None, "the party exists")
    must((event.members is not None) <= (event.kind == "committee"), "only a committee has members")
    step.changes[name] = PartyState(
        kind=event.kind, members=event.members, keys=(), refusals=(), since=step.time, pos=step.pos
    )


def party_key(step: Step, event: ev.PartyKey) -> None:
    """Bind a key to a party."""
    name = names.party(event.party)
    party = step.get(name, PartyState)
    must(party.kind != "committee", "a committee never signs")
    must(event.method in words.METHODS, "unknown method")
    must(party.key(event.key) is None, "the key is bound already")
    first = event.bound_by is None
    must(len(event.statements) == (1 if first else 2), "one statement by the new key, and one by the earlier key")
    delay = step.keyset().key_delay_s if first else 0
    must(event.counts_from >= after(step.time, delay), "counts before its delay is over")
    if event.bound_by is not None:
        earlier = party.key(event.bound_by)
        in_force = earlier is not None and earlier.until is None and earlier.counts_from <= step.time
        must(in_force, "the earlier key is not in force, or its delay is not over")
    _check_key_statements(step, event)
    key = BoundKey(key=event.key, method=event.method, from_=step.time, until=None, counts_from=event.counts_from)
    step.change(name, party, keys=in_order((*party.keys, key)), since=step.time)


def _check_key_statements(step: Step, event: ev.PartyKey) -> None:
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


def party_key_end(step: Step, event: ev.PartyKeyEnd) -> None:
    """End a key from here on."""
    name = names.party(event.party)
    party = step.get(name, PartyState)
    key = party.key(event.key)
    must(key is not None and key.until is None, "no such key in force")
    if event.statement is not None:
        step.asked_for("key-end", event.statement, event.party)
    ended = (replace(one, until=step.time) if one.key == event.key else one for one in party.keys)
    step.change(name, party, keys=in_order(ended), since=step.time)


def refuse(step: Step, event: ev.Refuse) -> None:
    """Take in a standing no."""
    name = names.party(event.party)
    party = step.get(name, PartyState)
    must(all(one.refusal != event.refusal for one in party.refusals), "the refusal exists")
    step.asked_for("refusal", event.statement, event.party)
    refusal = Refusal(refusal=event.refusal, vendors=event.vendors, works=event.works, uses=event.uses)
    step.change(name, party, refusals=in_order((*party.refusals, refusal)), since=step.time)


def refuse_end(step: Step, event: ev.RefuseEnd) -> None:
    """End a standing no."""
    name = names.party(event.party)
    party = step.get(name, PartyState)
    kept = tuple(one for one in party.refusals if one.refusal != event.refusal)
    must(len(kept) < len(party.refusals), "there is no such refusal")
    step.asked_for("refusal-end", event.statement, event.party)
    step.change(name, party, refusals=kept, since=step.time)
