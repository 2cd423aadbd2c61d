"""How a court checks a grant, years later, without us.

Needed: the bundle, a trust file from elsewhere, and the instant T in question. Nobody's word is taken
but where the report says so. Whatever is wrong in a step is said; what rests on it is not checked.

 1. The archive holds exactly the files of a bundle; those named by a digest have it.
 2. Its manifest, README and certificate are what the other files give.
 3. The keysets follow each other from version 1, whose digest is the registry's name and which the
    trusted roots signed.
 4. The first checkpoint is signed by the trusted log and its witnesses, holds the grant's event, and ends in a
    map-root.
 5. So is the later one, and its log begins with the first one's.
 6. No trusted time-stamp authority saw the first checkpoint, or one that continues it, before the registry made it.
 7. The states in the bundle lead to the later map-root: present, and exactly so.
 8. The registry countersigned the token, with a key for grants that was valid when it was logged; and a key for
    the log that was valid then signed each checkpoint.
 9. Token, offer and event say the same, and the offer was alive.
10. Each statement that the token cites is signed by a key that the map binds to its party, in force and
    past its delay at that time; it says yes to this very offer.
11. Everybody whose yes was needed said yes, for all rights concerned: by the share sets that the offer
    pins, the rights table that it pins, and the same code that the registry uses. The method and level
    logged are the lowest of those relied on.
12. The map shows this grant with these terms, from this event on.
13. Receipts, if somebody added any, are of this registry: signed with a key for receipts that was in force then, from
    a checkpoint with which this log began, committed to by the log within two hours. Each answer shown rests on this
    grant, and the states in the bundle permit what it permits.
14. T lies between the two checkpoints: the first shows that the grant was there, the later one its state. If the
    trust file names time-stamp authorities, one of them saw the first not after T. A copy that is younger than the
    event is not older than what shows it.
15. The decision: may each named work be used so at T? Its tie to a copy is taken as met. A rights table that came
    with the bundle permits nothing: it says whose yes was needed, and a registry could write one that asks nobody.

Steps 1 to 13: the evidence is valid or not. Step 14: else it is inconclusive about T.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from priorconsent import canonical, names, rights, times
from priorconsent.court import answered_steps, consent_steps, log_steps, papers, receipt_papers
from priorconsent.court import bundle as bundles
from priorconsent.court.answered_steps import Proved
from priorconsent.court.asked import ask, question
from priorconsent.court.bundle import Bundle
from priorconsent.court.consent_steps import Judge
from priorconsent.court.log_steps import Logged, ProvedStates, Seen
from priorconsent.court.report import Answered, Report, Step, counted
from priorconsent.decision import Decision
from priorconsent.errors import NotTrustedError, PriorConsentError
from priorconsent.grants import Token
from priorconsent.head import Head
from priorconsent.keys import Keyset
from priorconsent.rights import RightsTable
from priorconsent.states import KeysetState
from priorconsent.trust import Trust

T = TypeVar("T")

TITLES = {
    "archive": "The archive holds exactly the files of a bundle",
    "papers": "Manifest, README and certificate are what the other files give",
    "keysets": "The registry's keys go back to the trusted roots",
    "first": "The grant is in the first checkpoint",
    "now": "The later checkpoint continues the same log",
    "stamps": "No time-stamp contradicts the registry",
    "map": "The states are those of the later map",
    "token": "The registry countersigned the grant",
    "offer": "Token, offer and log entry say the same",
    "statements": "Every statement is signed by its party",
    "complete": "Everybody whose yes was needed said yes",
    "state": "The map shows this grant",
    "receipts": "Every receipt holds",
    "time": "The two checkpoints enclose the time in question",
    "decision": "The decision for each work named",
}
# What a step that went well says it found.
FOUND: dict[str, Callable[[Any], str]] = {
    "archive": lambda bundle: counted(len(bundle.files), "file"),
    "papers": str,
    "keysets": lambda keysets: f"version 1 to {len(keysets)}",
    "first": lambda first: f"entry {first.pos} of {first.head.checkpoint.size}, {first.event.time}",
    "now": lambda now: f"{counted(now.checkpoint.size, 'entry', 'entries')}, {now.map_root.time}",
    "stamps": lambda seen: seen.told,
    "map": lambda states: counted(len(states.known), "state"),
    "token": lambda keyset: f"by keyset {keyset.version}",
    "offer": str,
    "statements": lambda signed: (
        f"{counted(len(signed.approvals), 'approval')}, {counted(len(signed.acceptances), 'acceptance')}"
    ),
    "complete": lambda needed: f"{counted(len(needed.parties), 'holder')} in {counted(len(needed.works), 'work')}",
    "state": lambda grant: f"last entry: {grant.life[-1].s}, {grant.life[-1].time}",
    "receipts": lambda told: ", ".join(
        [counted(len(told), "receipt"), counted(sum(len(one.answers) for one in told), "answer")]
        if told
        else ["none in the bundle"]
    ),
    "time": str,
    "decision": lambda found: ", ".join(sorted({f"{one.verdict}: {one.reason}" for one in found.values()})),
}
NOT_REACHED = "not reached: it rests on a step that failed"


def verify(
    raw: bytes,
    trust: Trust,
    *,
    at: str | None = None,
    asked: Mapping[str, str | None] | None = None,
    tables: Mapping[str, RightsTable] = rights.SHIPPED,
) -> Report:
    """Verify a bundle by the procedure above.

    Args:
        raw: any bytes.
        at: the instant T; ``None``: the newest that the bundle can speak of.
        asked: members of a query (``use``, ``vendor``, ``territory`` …) but its key and ``at``. What is not
            given is taken from the offer, levels and methods from the trust file.
        tables: rights tables known beforehand, by digest; by any other, read from the bundle, evidence is valid and
            permits nothing.

    Raises:
        MalformedError: ``at`` is no instant. Whatever is wrong with the bundle is in the report.
    """
    if at is not None:
        times.parse(at)
    run = _Run()

    # 1. to 3. The file itself, and whose keys count.
    bundle = run.step("archive", bundles.read, raw)
    run.step("papers", log_steps.check_papers, bundle)
    keysets = run.step("keysets", _keysets, bundle, trust)

    # 4. to 7. What the log says.
    first = run.step("first", log_steps.first_checkpoint, bundle, trust)
    now = run.step("now", log_steps.later_checkpoint, bundle, first, trust)
    seen = run.step("stamps", log_steps.time_stamps, bundle, first, trust)
    states = run.step("map", _states, bundle, now)

    # 8. to 11. What was signed, and whether it is enough.
    token = run.quietly(_token, bundle)
    keyset = run.step("token", log_steps.countersignature, token, first, now, keysets, states)
    run.step("offer", log_steps.same_grant, bundle, token, first, trust)
    judge = run.quietly(Judge, token, first, keyset, states, trust)
    signed = run.step("statements", consent_steps.signatures, bundle, judge)
    table = run.quietly(_table, bundle, token, tables)
    run.step("complete", consent_steps.completeness, bundle, signed, table, judge)

    # 12. and 13. What became of it, and what was said of it.
    grant = run.step("state", log_steps.same_state, token, first, states)
    proved = run.quietly(Proved, token, first, now, keysets, states, grant, table, trust)
    told = run.step("receipts", answered_steps.answered, bundle, proved)
    sound = run.all_ok

    # 14. and 15. The answer, from sound evidence only.
    instant = at or (now.quorum_time if now else None)
    query = question(token.offer, trust, asked or {}) if token else {}
    acquired_at = query.get("acquired_at", instant)
    run.step("time", _time, instant, acquired_at, first, now, seen, trust, only_if=sound)
    decisions = run.step("decision", _decide, token, query, instant, states, tables, only_if=run.all_ok)
    return Report(
        outcome="invalid" if not sound else "inconclusive" if decisions is None else "valid",
        digest=canonical.digest(raw),
        grant=token.offer.grant if token else None,
        at=instant,
        asked=query,
        steps=tuple(run.steps),
        decisions=decisions or {},
        receipts=told or (),
        assumptions=(
            *_time_assumptions(first, now),
            *(line for line in papers.ASSUMPTIONS if line != papers.TIME),
            *_default_instant(at, now),
            *_whose_rules(token, tables),
            *_of_receipts(told or (), keysets or ()),
            *_more_assumptions(judge, trust, asked or {}, query),
        ),
    )


class _Run:
    """Takes step after step; a step that rests on one that failed is not taken."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._untold: list[str] = []

    @property
    def all_ok(self) -> bool:
        return all(step.ok for step in self.steps)

    def step(self, code: str, function: Callable[..., T], *args: Any, only_if: bool = True) -> T | None:
        """The function's result, or ``None`` if it failed or was not called because an argument is ``None``."""
        found, fault = self._try(function, *args) if only_if else (None, NOT_REACHED)
        if fault is None:
            self._tell(code, FOUND[code](found), ok=True)
            return found
        # What failed quietly is the reason that this step could not even begin, so it failed with it.
        faults = self._untold if fault == NOT_REACHED else [fault, *self._untold]
        self._tell(code, "; ".join(faults) or NOT_REACHED, ok=False, reached=bool(faults))
        self._untold = []
        return None

    def _tell(self, code: str, detail: str, *, ok: bool, reached: bool = True) -> None:
        self.steps.append(Step(len(self.steps) + 1, code, TITLES[code], ok, detail, reached))

    def quietly(self, function: Callable[..., T], *args: Any) -> T | None:
        """As ``step`` for what only serves later steps: the first of them that fails tells the fault."""
        found, fault = self._try(function, *args)
        if fault is not None and fault != NOT_REACHED:
            self._untold.append(fault)
        return found

    def _try(self, function: Callable[..., T], *args: Any) -> tuple[T | None, str | None]:
        if any(arg is None for arg in args):
            return None, NOT_REACHED
        try:
            return function(*args), None
        except PriorConsentError as error:
            return None, str(error)


def _keysets(bundle: Bundle, trust: Trust) -> tuple[Keyset, ...]:
    return log_steps.keyset_chain(bundle.keysets, trust)


def _states(bundle: Bundle, now: Head) -> ProvedStates:
    return log_steps.proved_states(bundle.leaves, now)


def _token(bundle: Bundle) -> Token:
    return Token(bundle["grant/token.jwt"])


def _table(bundle: Bundle, token: Token, tables: Mapping[str, RightsTable]) -> RightsTable:
    return consent_steps.rights_table(bundle, token.offer, tables)


def _time(instant: str, acquired_at: str, first: Logged, now: Head, seen: Seen, trust: Trust) -> str:
    if trust.tsa_ca and seen.by is None:
        raise NotTrustedError(f"the trust file asks for a time-stamp: {seen.told}")
    begin, end = max(first.head.quorum_time, seen.by or ""), now.quorum_time
    if not begin <= instant <= end:
        raise NotTrustedError(f"the bundle speaks of {begin} to {end}, not of {instant}; ask for one that does")
    if first.event.time <= acquired_at < begin:
        # A registry may date an event back to the one before it, and that may be of hours ago.
        raise NotTrustedError(
            f"nothing but the registry's word says that the grant was there when the copy was made: it is dated "
            f"{first.event.time}, shown from {begin} on, and the copy is of {acquired_at}"
        )
    return f"{begin} ≤ {instant} ≤ {end}"


def _decide(
    token: Token, query: Mapping[str, str], instant: str, states: ProvedStates, tables: Mapping[str, RightsTable]
) -> dict[str, Decision]:
    return {work: ask(work, query, instant, states, tables) for work in token.offer.works}


def _time_assumptions(first: Logged | None, now: Head | None) -> list[str]:
    heads = [*([first.head] if first else []), *([now] if now else [])]
    told = dict.fromkeys(head.assumption for head in heads)
    return [f"{text[0].upper()}{text[1:]}." for text in told] or [papers.TIME]


def _default_instant(at: str | None, now: Head | None) -> list[str]:
    if at is not None or now is None:
        return []
    taken = f"Not said, so taken: at {now.quorum_time}, the bundle's last checkpoint"
    return [f"{taken}; what was logged later is not known here."]


def _whose_rules(token: Token | None, tables: Mapping[str, RightsTable]) -> list[str]:
    if token is None or token.offer.rights_table in tables:
        return []
    told = f"The rights table {token.offer.rights_table} came with the bundle and is not known here"
    return [f"{told}: whose yes was needed is the registry's word, so nothing is permitted."]


def _of_receipts(told: tuple[Answered, ...], keysets: tuple[Keyset, ...]) -> list[str]:
    entries = (
        f"That keyset {one.keyset} was in force at {one.receipt.issued_at} is read from its entries in the log; that"
        " these had effect is for `priorconsent log fsck` to show."
        for one in told
        if one.keyset != len(keysets)
    )
    others = any(len(leaf.grants) > 1 for one in told for leaf in one.answers)
    return [
        *(receipt_papers.ASSUMPTIONS if told else ()),
        *dict.fromkeys(entries),
        *(["An answer rests on other grants too, which this bundle says nothing about."] if others else []),
    ]


def _more_assumptions(
    judge: Judge | None, trust: Trust, asked: Mapping[str, str | None], query: Mapping[str, str]
) -> list[str]:
    filled = [f"{name} {value}" for name, value in query.items() if asked.get(name) is None]
    found = [f"Not said, so taken from the offer or the trust file: {', '.join(filled)}."] if filled else []
    if trust.key_delay_s:
        found.append(f"A key counts only {trust.key_delay_s} s after it was bound, as the trust file asks.")
    in_force = judge.states.state(names.KEYSET) if judge else None
    if judge and isinstance(in_force, KeysetState) and in_force.version != judge.keyset.version:
        found.append(
            f"That keyset {judge.keyset.version} was in force at entry {judge.logged.pos} is the registry's word."
        )
    found.append("That a copy is a copy of the work named is not checked: its tie to the work is taken as met.")
    return [*found, "Evidence unchecked: none."]
