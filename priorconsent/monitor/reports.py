"""What a monitor tells, one report for each thing, in words and as a record."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from priorconsent import canonical, names
from priorconsent import events as ev
from priorconsent.consent import States
from priorconsent.court.report import counted
from priorconsent.errors import MalformedError, PriorConsentError
from priorconsent.grants import Token
from priorconsent.monitor.interests import Interests
from priorconsent.records import Count, Digest, Record, Time, Urn, Versioned, convert
from priorconsent.replay import Archive
from priorconsent.statements import Signed
from priorconsent.states import AliasState, WorkState

# All that may be watched for, twice; an event, and both sides of a contradiction.
MAX_REPORT_BYTES = 1 << 25
# Twice the longest checkpoint.
MAX_SIDE_BYTES = 1 << 18
# Of what is missing, so many are named.
MAX_NAMED = 20

Kind = Literal["event", "alarm", "fraud", "problem"]


class CitedStatement(Record, frozen=True):
    """A statement that an event cites.

    Args:
        type, party, key: what it says of itself; ``None``: it is not at hand, or no statement.
        yours: signed by whoever watches; ``None``: they did not say how to tell.
    """

    digest: Digest
    type: str | None
    party: Urn | None
    key: Digest | None
    yours: bool | None


class Report(Versioned, frozen=True):
    """One thing that was seen.

    Args:
        id: the same each time that this is told, so that nobody counts it twice.
        kind: ``event``: something that concerns the watcher; ``alarm``: an event that broke a rule, and had no effect;
            ``fraud``: what the registry signed contradicts itself, or the rules; ``problem``: nobody could check.
        code: the event's type, or what is wrong.
        pos, time, event: of the entry; ``None`` if it is not about one.
        about: the names watched for that it concerns.
        unsigned_by_you: none of its statements is the watcher's own, or one in their name is not;
            ``None``: they did not say how to tell, or it cites none of anybody.
        evidence: texts of both sides, where something is proved false; of what is no text, or a long one, the digest.
    """

    id: Digest
    registry: Digest
    kind: Kind
    code: str
    pos: Count | None
    time: Time | None
    about: tuple[str, ...]
    summary: str
    event: dict[str, Any] | None
    statements: tuple[CitedStatement, ...]
    unsigned_by_you: bool | None
    evidence: tuple[str, ...]

    def sentence(self) -> str:
        """The report in a line for people."""
        where = f"entry {self.pos}, {self.time}: " if self.pos is not None else ""
        unsigned = " — NOT SIGNED BY YOU" if self.unsigned_by_you else ""
        return f"{self.kind}: {where}{self.summary}{unsigned}"


def read_report(raw: bytes) -> Report:
    """Read a report.

    Raises:
        MalformedError: it is none.
    """
    # Its sentences and its evidence are texts of any length and in an order of their own, so no canonical record.
    return convert(canonical.parse(raw, max_bytes=MAX_REPORT_BYTES), Report)


def of_event(
    event: ev.Event,
    pos: int,
    *,
    about: Iterable[str],
    alarm: str | None,
    interests: Interests,
    archive: Archive,
    before: str,
    registry: str,
) -> Report:
    """The report of an entry.

    Args:
        alarm: the rule that it breaks, if it does.
        before: as ``levels_before`` gave it.
    """
    statements = tuple(_cited(digest, interests, archive) for digest in _digests(event, archive))
    return _made(
        registry,
        kind="alarm" if alarm is not None else "event",
        code=ev.tag_of(event),
        pos=pos,
        time=event.time,
        about=tuple(sorted(about)),
        summary=alarm if alarm is not None else _SENTENCES[type(event)](event) + before,
        event=event.to_json(),
        statements=statements,
        unsigned_by_you=_unsigned(statements, interests),
    )


def of_fraud(registry: str, code: str, detail: str, evidence: Sequence[bytes]) -> Report:
    """The report of something that the registry's own signatures prove false."""
    texts = tuple(map(_side, evidence))
    return _made(registry, kind="fraud", code=code, summary=detail, evidence=texts)


def _side(raw: bytes) -> str:
    """One side as text. Evidence may be any bytes, and nobody may keep a report from being read by what it quotes."""
    try:
        text = raw.decode("utf-8")
        canonical.check_profile(text)
    except (UnicodeDecodeError, MalformedError):
        return canonical.digest(raw)
    return text if len(canonical.encode(text)) <= MAX_SIDE_BYTES else canonical.digest(raw)


def of_problem(registry: str, error: PriorConsentError, now: str) -> Report:
    """The report of what kept anybody from checking."""
    return _made(registry, kind="problem", code=error.code, time=now, summary=str(error))


def of_unchecked(registry: str, start: int, count: int, missing: Sequence[str]) -> Report:
    """The report of evidence that is not served, of ``count`` entries from ``start`` on.

    Args:
        missing: digests of evidence.
    """
    what = f"{counted(len(missing), 'piece')} of evidence that entries {start} to {start + count - 1} rest on"
    summary = f"{what} not served, so nobody checked them: {', '.join(sorted(missing)[:MAX_NAMED])}"
    return _made(registry, kind="problem", code="unchecked", pos=start, summary=summary)


def levels_before(event: ev.Event, states: States) -> str:
    """How the evidence levels that an event sets differ from those before it, in words; empty if they do not."""
    told = [f"{what} from {old} to {new}" for what, old, new in _levels(event, states) if old not in {None, new}]
    return f"; level of {', of '.join(told)}" if told else ""


def _levels(event: ev.Event, states: States) -> list[tuple[str, str | None, str]]:
    if isinstance(event, ev.Alias):
        state = states.state(event.name)
        claims = state.claims if isinstance(state, AliasState) else ()
        old = next((one.level for one in claims if (one.work, one.party) == (event.work, event.party)), None)
        return [("the claim", old, event.level)]
    if isinstance(event, ev.ShareSetChange):
        work = states.state(names.work(event.work))
        before = {(one.right, one.party): one.level for one in work.holders} if isinstance(work, WorkState) else {}
        return [
            (f"{one.party} for {one.right}", before.get((one.right, one.party)), one.level) for one in event.holders
        ]
    return []


def _made(registry: str, **members: Any) -> Report:
    nothing = {"pos": None, "time": None, "about": (), "event": None, "statements": (), "evidence": ()}
    told = {"v": 1, "registry": registry, "unsigned_by_you": None, **nothing, **members}
    # Errors quote what others sent, and a report has to be readable whatever that is.
    plain = str(told["summary"]).encode("utf-8", "backslashreplace").decode("utf-8")
    told["summary"] = unicodedata.normalize("NFC", plain)
    # Who watches may learn later which statements are their own; the report is still the same one.
    identity = {
        name: told[name] for name in ("registry", "kind", "code", "pos", "time", "about", "summary", "evidence")
    }
    return Report(id=canonical.tagged_digest("prior-consent-report/v1", canonical.encode(identity)), **told)


def _digests(event: ev.Event, archive: Archive) -> tuple[str, ...]:
    if isinstance(event, ev.GrantAdd):
        try:
            token = Token(archive.token(event.digest))
        except PriorConsentError:
            return ()
        return (*token.cited("approval"), *token.cited("acceptance"))
    return ev.cited(event)


def _cited(digest: str, interests: Interests, archive: Archive) -> CitedStatement:
    raw = archive.evidence(digest)
    try:
        said = Signed(raw).statement if raw is not None and canonical.digest(raw) == digest else None
    except PriorConsentError:
        said = None
    type_, party, key = (said.type, said.party, said.key) if said is not None else (None, None, None)
    return CitedStatement(digest=digest, type=type_, party=party, key=key, yours=interests.is_own(digest, key))


def _unsigned(statements: Sequence[CitedStatement], interests: Interests) -> bool | None:
    if interests.is_own("", None) is None:
        return None
    in_your_name = [one for one in statements if one.party is not None and names.party(one.party) in interests.names]
    return not any(one.yours for one in statements) or any(not one.yours for one in in_your_name)


def _key(event: ev.PartyKey) -> str:
    by = f"vouched for by key {event.bound_by}" if event.bound_by else "vouched for by no earlier key"
    return f"key {event.key} was bound to party {event.party}, {by}; it counts from {event.counts_from}"


def _claim(event: ev.Alias) -> str:
    does = "no longer claims" if event.ended else "claims"
    return f"party {event.party} {does} that {event.name} stands for work {event.work}, at level {event.level}"


def _shares(event: ev.ShareSetChange) -> str:
    told = ", ".join(f"{one.party} ({one.right}, {one.level})" for one in event.holders) or "nobody"
    links = "".join(f"; {link.rel} {link.work or 'a work that is not registered'}" for link in event.links)
    return f"share set {event.version} of work {event.work}: held by {told}{links}"


def _refusal(event: ev.Refuse) -> str:
    what = f"vendors {', '.join(event.vendors)}; works {', '.join(event.works)}; uses {', '.join(event.uses)}"
    return f"party {event.party} refuses ({event.refusal}): {what}"


def _granted(event: ev.GrantAdd) -> str:
    works = counted(len(event.works), "work")
    return f"grant {event.grant} of {works} ({', '.join(event.works)}) until {event.valid_until}, offer {event.offer}"


def _suspended(event: ev.Suspend) -> str:
    return f"grant {event.grant} was suspended; cause: {event.cause}"


def _withdrawn(event: ev.Withdraw) -> str:
    return f"grant {event.grant} was withdrawn by {', '.join(event.parties)}; it ends at {event.ends_at}"


_SENTENCES: dict[type[ev.Event], Callable[[Any], str]] = {
    ev.LogOpen: lambda event: f"the log {event.origin} was opened",
    ev.KeysetChange: lambda event: f"keyset {event.version} of the registry came into force: {event.digest}",
    ev.RightsTableChange: lambda event: f"rights table {event.version} came into force: {event.digest}",
    ev.PartyAdd: lambda event: f"party {event.party} was added ({event.kind})",
    ev.PartyKey: _key,
    ev.PartyKeyEnd: lambda event: f"key {event.key} of party {event.party} was ended: {event.reason}",
    ev.WorkAdd: lambda event: f"work {event.work} ({event.kind}) was registered by party {event.party}",
    ev.Alias: _claim,
    ev.ShareSetChange: _shares,
    ev.Refuse: _refusal,
    ev.RefuseEnd: lambda event: f"party {event.party} ended its refusal {event.refusal}",
    ev.GrantAdd: _granted,
    ev.Suspend: _suspended,
    ev.Resume: lambda event: f"the suspension of grant {event.grant} by entry {event.ends} was ended",
    ev.Withdraw: _withdrawn,
    ev.Supersede: lambda event: f"grant {event.grant} was superseded by grant {event.next}",
    ev.Anchor: lambda event: f"the log committed to {event.kind}: {event.digest}",
    ev.MapRoot: lambda event: f"map of {event.n} names after {event.size} entries",
    ev.LogClose: lambda event: f"the log was closed: {event.reason}; it goes on at {event.next or 'no other log'}",
}
