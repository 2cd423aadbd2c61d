"""Whom an event concerns: parties, works and names, by the states before it and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from priorconsent import consent, names
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.errors import MalformedError
from priorconsent.records import Digest, Record, Urn, convert
from priorconsent.states import GrantState, PartyState, WorkState

MAX_INTERESTS_BYTES = 1 << 24
# What concerns everybody: new keys of the registry, new rules, the end of the log.
LOG = "registry:log"
EVERYBODYS = frozenset({names.KEYSET, names.RIGHTS_TABLE, LOG})


@dataclass(frozen=True, slots=True)
class Interests:
    """What somebody watches for.

    Args:
        names: of the map: parties, works, and names that stand for works.
        keys: key ids of their own keys.
        statements: evidence digests of what they signed.
    """

    names: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()

    def join(self, other: Interests) -> Interests:
        """These and those of another."""
        members = {member: getattr(self, member) | getattr(other, member) for member in self.__slots__}
        return replace(self, **members)

    def is_own(self, digest: str, key: str | None) -> bool | None:
        """Whether a statement is their own; ``None`` if they did not say how to tell."""
        if not self.keys and not self.statements:
            return None
        return digest in self.statements or key in self.keys


def of_party(text: str) -> Interests:
    """Everything about a party, by its id."""
    return Interests(frozenset({names.party(convert({"id": text}, _Id).id)}))


def of_work(text: str) -> Interests:
    """Everything about a work, by its id."""
    return Interests(frozenset({names.work(convert({"id": text}, _Id).id)}))


def of_name(text: str) -> Interests:
    """Everything about a name that stands for works, and places below it."""
    return Interests(frozenset({names.canonical_alias(text)}))


def of_key(text: str) -> Interests:
    """A key of their own, by its key id."""
    return Interests(keys=frozenset({convert({"digest": text}, _Digest).digest}))


def of_statement(text: str) -> Interests:
    """What they signed, by its evidence digest."""
    return Interests(statements=frozenset({convert({"digest": text}, _Digest).digest}))


KINDS: dict[str, Callable[[str], Interests]] = {
    "party": of_party,
    "work": of_work,
    "name": of_name,
    "key": of_key,
    "statement": of_statement,
}


def read_interests(raw: bytes) -> Interests:
    """Read a list: one a line, its kind and what it is; empty lines and those that begin with # say nothing.

    Raises:
        MalformedError: says in which line.
    """
    if len(raw) > MAX_INTERESTS_BYTES:
        raise MalformedError(f"{len(raw)} bytes of interests, at most {MAX_INTERESTS_BYTES} are read")
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from None
    found = Interests()
    told = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    for number, line in told:
        if not line or line.startswith("#"):
            continue
        kind, _, rest = line.partition(" ")
        if kind not in KINDS:
            raise MalformedError(f"line {number}: expected one of {', '.join(KINDS)}, and what to watch for")
        try:
            found = found.join(KINDS[kind](rest.strip()))
        except MalformedError as error:
            raise MalformedError(f"line {number}: {error}") from None
    return found


def concerned(event: ev.Event, states: States) -> frozenset[str]:
    """The names of the map that an event has to do with.

    Args:
        states: before the event or after it; who is concerned may differ, and either counts.
    """
    return frozenset(_CONCERNS.get(type(event), _nobody)(event, states))


class _Id(Record, frozen=True):
    id: Urn


class _Digest(Record, frozen=True):
    digest: Digest


def _nobody(event: ev.Event, states: States) -> Iterator[str]:
    del event, states
    yield from ()


def _of_keyset(event: ev.KeysetChange, states: States) -> Iterator[str]:
    del states
    # The first one is the registry itself.
    yield from (names.KEYSET,) if event.version > 1 else ()


def _of_rights_table(event: ev.RightsTableChange, states: States) -> Iterator[str]:
    del states
    yield from (names.RIGHTS_TABLE,) if event.version > 1 else ()


def _of_end(event: ev.LogClose, states: States) -> Iterator[str]:
    del event, states
    yield LOG


def _parties(parties: Iterable[str | None]) -> Iterator[str]:
    return (names.party(party) for party in parties if party is not None and party != words.ANY)


def _work(work: str, states: States) -> Iterator[str]:
    """A work, and who speaks for it."""
    yield names.work(work)
    state = states.state(names.work(work))
    if isinstance(state, WorkState):
        yield from _parties([state.party, *(holder.party for holder in state.holders)])


def _grant(grant: str, states: States) -> Iterator[str]:
    """The licensee, the places it names, the works that its consent reaches, and their holders."""
    state = states.state(names.grant(grant))
    if isinstance(state, GrantState):
        terms = state.terms
        yield from _parties([terms.licensee.party, *terms.licensee.affiliates])
        yield from terms.locators
        for work in {*terms.works, *consent.closure(terms.works, words.CONSENT_LINKS, states).works}:
            yield from _work(work, states)


def _of_party(event: ev.PartyAdd, states: States) -> Iterator[str]:
    del states
    return _parties([event.party, *(event.members or ())])


def _of_key(event: ev.PartyKey | ev.PartyKeyEnd, states: States) -> Iterator[str]:
    del states
    return _parties([event.party])


def _of_work(event: ev.WorkAdd, states: States) -> Iterator[str]:
    yield from _parties([event.party])
    yield from _work(event.work, states)


def _of_alias(event: ev.Alias, states: States) -> Iterator[str]:
    yield event.name
    yield from _around(event.name)
    yield from _parties([event.party])
    yield from _work(event.work, states)


def _around(name: str) -> Iterator[str]:
    """The places that a place lies below."""
    kind, _, url = name.partition(":")
    if kind not in {"url", "prefix"}:
        return
    try:
        found = names.of_url(url)
    except MalformedError:
        # The event has no effect; its own name is told all the same.
        return
    yield from found.prefixes
    if found.host is not None:
        yield found.host


def _of_share_set(event: ev.ShareSetChange, states: States) -> Iterator[str]:
    yield from _work(event.work, states)
    yield from _parties(holder.party for holder in event.holders)
    for link in event.links:
        if link.work is not None:
            yield from _work(link.work, states)


def _of_refusal(event: ev.Refuse, states: States) -> Iterator[str]:
    del states
    yield from _parties([event.party, *event.vendors])
    yield from (names.work(work) for work in event.works if work != words.ANY)


def _of_refusal_end(event: ev.RefuseEnd, states: States) -> Iterator[str]:
    yield from _parties([event.party])
    party = states.state(names.party(event.party))
    for refusal in party.refusals if isinstance(party, PartyState) else ():
        if refusal.refusal == event.refusal:
            yield from _parties(refusal.vendors)
            yield from (names.work(work) for work in refusal.works if work != words.ANY)


def _of_grant(event: ev.GrantAdd, states: States) -> Iterator[str]:
    for work in event.works:
        yield from _work(work, states)
    yield from _grant(event.grant, states)


def _of_life(event: ev.Suspend | ev.Resume, states: States) -> Iterator[str]:
    yield from _parties([event.party])
    yield from _grant(event.grant, states)


def _of_withdrawal(event: ev.Withdraw, states: States) -> Iterator[str]:
    yield from _parties(event.parties)
    yield from _grant(event.grant, states)


def _of_supersede(event: ev.Supersede, states: States) -> Iterator[str]:
    yield from _grant(event.grant, states)
    yield from _grant(event.next, states)


_CONCERNS: dict[type[ev.Event], Callable[[Any, States], Iterator[str]]] = {
    ev.KeysetChange: _of_keyset,
    ev.RightsTableChange: _of_rights_table,
    ev.LogClose: _of_end,
    ev.PartyAdd: _of_party,
    ev.PartyKey: _of_key,
    ev.PartyKeyEnd: _of_key,
    ev.WorkAdd: _of_work,
    ev.Alias: _of_alias,
    ev.ShareSetChange: _of_share_set,
    ev.Refuse: _of_refusal,
    ev.RefuseEnd: _of_refusal_end,
    ev.GrantAdd: _of_grant,
    ev.Suspend: _of_life,
    ev.Resume: _of_life,
    ev.Withdraw: _of_withdrawal,
    ev.Supersede: _of_supersede,
}
