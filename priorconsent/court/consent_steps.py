"""Steps of ``verify`` about consent: what the parties signed, and whether all of them did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from priorconsent import canonical, consent, names, rights, times
from priorconsent import vocabulary as words
from priorconsent.consent import Requirement
from priorconsent.court.bundle import Bundle
from priorconsent.court.gather import names_needed
from priorconsent.court.log_steps import Logged, ProvedStates, require, require_all, unmet
from priorconsent.errors import MalformedError, NotTrustedError, PriorConsentError, ProofError, SignatureError
from priorconsent.grants import Token
from priorconsent.keys import Keyset, read_key_record
from priorconsent.offers import Offer
from priorconsent.records import convert
from priorconsent.rights import RightsTable
from priorconsent.shares import ShareSet
from priorconsent.statements import Signed, Statement
from priorconsent.states import BoundKey, Holder, PartyState, RightsTableState, State, WorkState
from priorconsent.trust import Trust


@dataclass(frozen=True, slots=True)
class Signatures:
    """The statements under a grant, verified.

    Args:
        methods: how the approvals were signed.
    """

    approvals: Mapping[str, Statement]
    acceptances: Mapping[str, Statement]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """By what a statement is judged: the grant that cites it, and what stood when that was logged."""

    token: Token
    logged: Logged
    keyset: Keyset
    states: ProvedStates
    trust: Trust

    def check(self, statement: Statement, kind: str) -> BoundKey:
        """Check all about a statement but its signature.

        Returns:
            the key it was signed with, as the map has it.
        """
        time = self.logged.event.time
        party = self.states.state(names.party(statement.party))
        key = party.key(statement.key) if isinstance(party, PartyState) else None
        if key is None:
            raise SignatureError("its key is not bound to the party")
        # Which keys were bound by an earlier one the map does not tell, so a longer delay holds for all.
        counts_from = max(key.counts_from, times.plus(key.from_, self.trust.key_delay_s))
        require_all(
            (statement.type == kind, f"it is of type {statement.type}, not {kind}"),
            (statement.subject == self.token.offer.digest, "it is about another offer"),
            (statement.decision == "approve", "it is a decline"),
            (statement.at <= time, "it was signed later than it was logged"),
            (statement.not_after is not None and time < statement.not_after, "it had lapsed"),
            (key.from_ <= time and (key.until is None or time < key.until), "its key was not in force"),
            (counts_from <= time, f"its key counts only from {counts_from}"),
        )
        return key


def signatures(bundle: Bundle, judge: Judge) -> Signatures:
    """Step 10: the statements that the token cites, and no others, each signed by a key of its party."""
    raws, records = bundle.folder("statements"), bundle.folder("keys")
    cited = [(kind, digest) for kind in ("approval", "acceptance") for digest in judge.token.cited(kind)]
    faults = [f"statement {digest} is missing" for _, digest in cited if digest not in raws]
    faults += [f"statement {digest} is not cited" for digest in raws.keys() - {digest for _, digest in cited}]
    found: dict[str, dict[str, Statement]] = {"approval": {}, "acceptance": {}}
    methods, used = [], set()
    for kind, digest in cited:
        if digest not in raws:
            continue
        try:
            statement, key = _verified(raws[digest], kind, records, judge)
        except PriorConsentError as error:
            faults.append(f"{kind} {digest}: {error}")
            continue
        used.add(statement.key)
        methods += [key.method] if kind == "approval" else []
        if statement.party in found[kind]:
            faults.append(f"{kind} {digest}: a second one by {statement.party}")
        found[kind][statement.party] = statement
    if not faults:
        faults += [f"key {key} is not used" for key in records.keys() - used]
    require(faults)
    return Signatures(found["approval"], found["acceptance"], tuple(methods))


def _verified(raw: bytes, kind: str, records: Mapping[str, bytes], judge: Judge) -> tuple[Statement, BoundKey]:
    signed = Signed(raw)
    if signed.statement.key not in records:
        raise SignatureError(f"its key record {signed.statement.key} is missing")
    record = read_key_record(records[signed.statement.key])
    signed.verify(record, judge.keyset, judge.logged.event.time)
    key = judge.check(signed.statement, kind)
    if record.method != key.method:
        raise SignatureError("its key record names another method than the map")
    return signed.statement, key


def rights_table(bundle: Bundle, offer: Offer, tables: Mapping[str, RightsTable]) -> RightsTable:
    """The table that the offer pins: whose yes it asks for, to those who signed and to nobody else.

    Args:
        tables: known beforehand, by digest; any other is read from the bundle.
    """
    raw = bundle["rights-table.json"]
    if canonical.digest(raw) != offer.rights_table:
        raise NotTrustedError("rights-table.json is not the table that the offer pins")
    return tables.get(offer.rights_table) or rights.read_rights_table(raw)


def completeness(bundle: Bundle, signed: Signatures, table: RightsTable, judge: Judge) -> Requirement:
    """Step 11: everybody whose yes was needed, and nobody else, signed; for all rights concerned."""
    offer = judge.token.offer
    documents = _share_sets(bundle, offer)
    then = _WorksThen(documents, judge.states)
    needed = consent.required_by(offer, table, then)
    licensee = {offer.licensee.party} - {None}
    faults = [f"{problem.detail} ({problem.subject})" for problem in needed.problems]
    faults += [f"no approval by {party}" for party in needed.waiting_for(signed.approvals)]
    faults += [
        f"an approval by {party}, whose it is not to give" for party in signed.approvals.keys() - set(needed.parties)
    ]
    faults += [
        f"the approval by {party} does not name all rights concerned"
        for party, approval in signed.approvals.items()
        if not needed.rights_of(party) <= set(approval.rights)
    ]
    faults += unmet(
        (needed.share_sets == offer.share_sets, "the share sets are not those that the offer pins"),
        (set(needed.works) == documents.keys(), "there are share sets of other works"),
        (set(needed.rights) <= set(offer.rights), "the uses concern rights that the offer does not name"),
        (set(signed.acceptances) == licensee, "the licensee, and nobody else, has to accept"),
    )
    refuser = consent.refused_by(offer, table, _RefusalsThen(then, judge))
    faults += [f"{refuser} had refused before the grant"] if refuser is not None else []
    faults += _contradictions(documents, table, judge)
    faults += _strength(needed, signed, documents, judge)
    require(faults)
    return needed


def _share_sets(bundle: Bundle, offer: Offer) -> dict[str, ShareSet]:
    documents: dict[str, ShareSet] = {}
    for raw in bundle.folder("share-sets").values():
        document = ShareSet.parse(raw)
        document.check()
        if document.registry != offer.registry or document.work in documents:
            raise MalformedError(f"a second share set of {document.work}, or one of another registry")
        documents[document.work] = document
    return documents


class _WorksThen:
    """Works as their share sets had them when the grant was logged; parties as the map has them.

    For *whose yes was needed*: that rests on the shares of that day, which the offer pins. What is not proved
    is an error here, for a holder left out would be a yes too few. Levels stand in no share set, so they are
    taken from the map where it still has the same one.
    """

    def __init__(self, documents: Mapping[str, ShareSet], proved: ProvedStates) -> None:
        self._documents = {names.work(work): document for work, document in documents.items()}
        self._proved = proved

    def state(self, name: str) -> State | None:
        document = self._documents.get(name)
        if names.kind_of(name) != "work":
            return self._proved.state(name)
        if document is None:
            return None
        now = self._proved.state(name)
        if not isinstance(now, WorkState):
            raise ProofError(f"{name} is not in the map")
        if now.share_set == document.digest:
            return now
        strongest = words.LEVELS[-1]
        then = {
            "holders": [
                Holder(right=share.right, party=share.party, level=strongest).to_json() for share in document.shares
            ],
            "links": [link.to_json() for link in document.links],
            "complete": document.complete,
            "share_set": document.digest,
        }
        return convert({**now.to_json(), **then}, WorkState)


class _RefusalsThen:
    """As ``_WorksThen``, with those parties only whose refusals are the same as on the day of the grant.

    For *who had refused*: a refusal made or ended since tells nothing about that day, and a party whose state
    has changed is left out.
    """

    def __init__(self, then: _WorksThen, judge: Judge) -> None:
        self._then = then
        self._judge = judge

    def state(self, name: str) -> State | None:
        if names.kind_of(name) == "work":
            return self._then.state(name)
        party = self._judge.states.known.get(name)
        unchanged = isinstance(party, PartyState) and party.since < self._judge.logged.event.time
        return party if unchanged else None


def _contradictions(documents: Mapping[str, ShareSet], table: RightsTable, judge: Judge) -> list[str]:
    """What the map of today tells about the day of the grant, because it has not changed since."""
    time, offer, known = judge.logged.event.time, judge.token.offer, judge.states.known
    faults = []
    for work, document in documents.items():
        state = known.get(names.work(work))
        if not isinstance(state, WorkState):
            continue
        if state.since < time and state.share_set != document.digest:
            faults.append(f"the share set of {work} had been replaced before the grant")
        if state.share_set == document.digest and not _same(state, document):
            faults.append(f"the map has other holders or links of {work} than its share set")
    in_force = judge.states.state(names.RIGHTS_TABLE)
    if not isinstance(in_force, RightsTableState):
        faults.append("the map has no rights table")
    elif in_force.pos < judge.logged.pos and in_force.digest != offer.rights_table:
        faults.append("another rights table was in force")
    expected = names_needed(offer, table, documents.values(), _WhateverProved(known))
    faults += [f"nothing is proved about {name}" for name in sorted(set(expected) - known.keys())]
    faults += [f"{name[:100]!r} has no place in the bundle" for name in sorted(known.keys() - set(expected))]
    return faults


class _WhateverProved:
    """States of today as far as they are proved, and ``None`` for all others.

    For *what the bundle has to prove*: here a state that is missing is no error yet, it is told by its name.
    """

    def __init__(self, known: Mapping[str, State]) -> None:
        self._known = known

    def state(self, name: str) -> State | None:
        return self._known.get(name)


def _same(state: WorkState, document: ShareSet) -> bool:
    held = {(holder.right, holder.party) for holder in state.holders}
    shares = {(share.right, share.party) for share in document.shares}
    return (held, state.links, state.complete) == (shares, document.links, document.complete)


def _strength(needed: Requirement, signed: Signatures, documents: Mapping[str, ShareSet], judge: Judge) -> list[str]:
    """Method and level are the lowest of those relied on; or less than that, where the level is not told."""
    event = judge.logged.event
    states = {work: judge.states.known.get(names.work(work)) for work in documents}
    current = all(
        isinstance(state, WorkState) and state.share_set == documents[work].digest for work, state in states.items()
    )
    faults = []
    if event.method != words.lowest(words.METHODS, list(signed.methods) or [""]):
        faults.append("the method is not the lowest of the approvals")
    if event.level != needed.level and (current or not words.at_least(words.LEVELS, needed.level, event.level)):
        faults.append("the level is not the lowest of the holders")
    return faults
