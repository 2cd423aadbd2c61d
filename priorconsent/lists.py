"""Lists of statements, one JSON object a line (docs/spec/lists.md): to sign, signed, and what became of each.

A list is for what a registrant does to many works alike: claims that bring works into the log, and their first
share sets. Each line stands for itself, so a list may be cut, sorted or put together by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol

from msgspec import Meta

from priorconsent import canonical, events, statements, times
from priorconsent import vocabulary as words
from priorconsent.errors import ConflictError, MalformedError, NotAllowedError, PriorConsentError, RuleError
from priorconsent.records import Code, Count, Digest, Record, Text, Time, Urn, convert

# What a registry takes in at once, and what a machine at home holds in memory.
MAX_LINES_AT_ONCE: Final = 500
MAX_LINES: Final = 100_000
# An event of the log has 65,535 bytes; titles and names come on top, base64 makes four bytes of three.
MAX_LINE_BYTES: Final = 1 << 18
MAX_ANSWER_BYTES: Final = 4 << 20
# What a registry has listed may change: works are shared, keys end, names find their parties.
MAX_AGE_S: Final = 30 * 86400
CLOCKS_APART_S: Final = 300

_NONE: Final = canonical.digest(b"")

Type = Literal["claim", "shares"]
TYPES: Final = ("claim", "shares")


class UnsignedLine(Record, frozen=True):
    """One statement that a registrant may sign.

    Args:
        listed_at: by the registry's clock.
        title, kind: of the work, for people to read; what is signed is ``body``.
        nobody: holders that a catalogue names and that stand for no party, in NFC; so they are not in ``body``.
    """

    registry: Digest
    party: Urn
    listed_at: Time
    work: Urn
    kind: Code
    title: Text
    type: Type
    body: dict[str, Any]
    nobody: tuple[Text, ...]

    def check(self) -> None:
        """Check that the body is one that an event can carry, and that it is about this work and party.

        Raises:
            MalformedError: the pointer says where.
        """
        _BODY_CHECKS[self.type](self)
        if self.body["work"] != self.work:
            raise MalformedError("the body is about another work than the line says", pointer="/body/work")


class SignedLine(Record, frozen=True):
    """One statement that was signed: the same members as when it is handed in by itself."""

    statement: Annotated[str, Meta(min_length=1, max_length=MAX_LINE_BYTES)]


class Outcome(Record, frozen=True):
    """What became of one line.

    Args:
        line: counted from one, in what was handed in at once.
        outcome: ``there``: logged, or on its way, since an earlier time; nothing was changed.
        type, evidence: of the statement; null if the line holds none.
        code, detail, pointer: why it was refused; else null.
        says: what happens next, or what to do, in the language asked for.
    """

    line: Annotated[int, Meta(ge=1)]
    outcome: Literal["stored", "there", "refused"]
    type: str | None
    evidence: Digest | None
    code: str | None
    detail: str | None
    pointer: str | None
    says: Text


class Outcomes(Record, frozen=True):
    """What became of each line, in their order, and how many had each outcome."""

    outcomes: tuple[Outcome, ...]
    stored: Count
    there: Count
    refused: Count


class Source(Protocol):
    """Where lines come from: a file that was opened to read bytes."""

    def readline(self, size: int, /) -> bytes:
        """The rest of the line, ``size`` bytes of it at most; empty at the end."""


class LineError(MalformedError):
    """A line of a list that cannot be taken.

    Args:
        line: counted from one, empty lines included.
        error: what is wrong with it.
        do: what to do about it.
    """

    def __init__(self, line: int, error: PriorConsentError, do: str) -> None:
        self.line, self.error, self.do = line, error, do
        where = f", {error.pointer}" if error.pointer else ""
        super().__init__(f"line {line}{where}: {error.detail}; {do}")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a list has to be: of one registry and party, listed lately.

    Args:
        now: by the clock of whoever signs.
        type: the only type that may be in it; ``None``: any that a list can hold.
    """

    registry: str
    party: str
    now: str
    type: str | None = None

    def check(self, one: UnsignedLine) -> None:
        """Refuse a line of somebody else's list, or of another time.

        Raises:
            NotAllowedError, RuleError: the pointer says why.
        """
        if one.registry != self.registry:
            raise NotAllowedError(f"for registry {one.registry}, the key is for {self.registry}", pointer="/registry")
        if one.party != self.party:
            raise NotAllowedError(f"for party {one.party}, the key is that of {self.party}", pointer="/party")
        if self.type not in {None, one.type}:
            raise NotAllowedError(f"a statement of type {one.type} among those of {self.type}", pointer="/type")
        if one.listed_at > times.plus(self.now, CLOCKS_APART_S):
            raise RuleError(f"listed at {one.listed_at}, which is still to come: {self.now} here", pointer="/listed_at")
        if one.listed_at < times.plus(self.now, -MAX_AGE_S):
            raise RuleError(f"listed at {one.listed_at}, more than {MAX_AGE_S // 86400} days ago", pointer="/listed_at")


def read_unsigned(raw: bytes) -> UnsignedLine:
    """Read one line of a list to sign.

    Raises:
        MalformedError: not such a line; the pointer says where.
    """
    one = convert(canonical.parse(raw, max_bytes=MAX_LINE_BYTES), UnsignedLine)
    canonical.check_sorted(one.to_json())
    one.check()
    return one


def read_signed(raw: bytes) -> statements.Signed:
    """Read one line of a signed list; the signature is not verified yet.

    Raises:
        MalformedError, NotAvailableError: not such a line.
    """
    line = convert(canonical.parse(raw, max_bytes=MAX_LINE_BYTES), SignedLine)
    return listed(line.statement.encode())


def listed(raw: bytes) -> statements.Signed:
    """A statement of a type that lists hold.

    Raises:
        MalformedError, NotAvailableError: no statement, or of another type.
    """
    signed = statements.Signed(raw)
    if signed.statement.type not in TYPES:
        raise MalformedError(
            f"lists hold statements of type {' and '.join(TYPES)}; hand this {signed.statement.type} in by itself",
            pointer="/statement",
        )
    return signed


def read_outcomes(raw: bytes) -> Outcomes:
    """Read a registry's answer to a list.

    Raises:
        MalformedError: no such answer.
    """
    return convert(canonical.parse(raw, max_bytes=MAX_ANSWER_BYTES), Outcomes)


def lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, each with its number, without line ends.

    Raises:
        LineError: a line or the list is too long.
    """
    filled = 0
    for number, line in enumerate(iter(lambda: source.readline(MAX_LINE_BYTES + 1), b""), 1):
        if len(line) > MAX_LINE_BYTES:
            fault = MalformedError(f"a line of more than {MAX_LINE_BYTES} bytes")
            raise LineError(number, fault, "give one JSON object a line")
        text = line.strip(b"\r\n")
        if not text:
            continue
        filled += 1
        if filled > MAX_LINES:
            raise LineError(number, MalformedError(f"more than {MAX_LINES} lines"), "split the list")
        yield number, text


def unsigned(source: Source, expected: Expected) -> Iterator[tuple[int, UnsignedLine]]:
    """Every line of a list to sign, checked, with its number.

    Raises:
        LineError: a line that is no such line, not what is expected, or about what an earlier line does too.
    """
    seen: dict[tuple[str, str], int] = {}
    for number, raw in lines(source):
        try:
            one = read_unsigned(raw)
            expected.check(one)
            first = seen.setdefault((one.type, one.work), number)
            if first != number:
                raise ConflictError(f"line {first} has a statement of type {one.type} for this work too")
        except PriorConsentError as error:
            raise LineError(number, error, _what_to_do(error)) from error
        yield number, one


def _what_to_do(error: PriorConsentError) -> str:
    if isinstance(error, ConflictError):
        return "keep one of the two"
    if isinstance(error, NotAllowedError):
        return "sign it with the key that it is for, or leave it out"
    if isinstance(error, RuleError):
        return "check the clock of this machine, or list anew"
    return "list anew, and change no line of it"


def _check_claim(one: UnsignedLine) -> None:
    _check_event(one, {**one.body, "t": "work", "statement": _NONE})
    if one.body["party"] != one.party:
        raise MalformedError("the body speaks for another party than the line says", pointer="/body/party")
    if one.body["kind"] != one.kind:
        raise MalformedError("the body has another kind of work than the line says", pointer="/body/kind")
    if one.kind not in words.WORK_KINDS:
        raise MalformedError(f"a work is one of {', '.join(sorted(words.WORK_KINDS))}", pointer="/kind")


def _check_shares(one: UnsignedLine) -> None:
    holders = one.body.get("holders")
    if not isinstance(holders, list) or not all(isinstance(holder, dict) for holder in holders):
        raise MalformedError("a list of holders is expected", pointer="/body/holders")
    # Levels are the registry's word, and no part of what is signed.
    told = [{**holder, "level": words.LEVELS[0]} for holder in holders]
    _check_event(one, {**one.body, "t": "share-set", "holders": told, "statements": [_NONE]})
    if one.body["version"] != 1:
        raise MalformedError("a list holds first share sets; sign a change of one by itself", pointer="/body/version")
    for index, holder in enumerate(holders):
        if holder["right"] not in words.RIGHTS:
            raise MalformedError("a right that is not known here", pointer=f"/body/holders/{index}/right")
    for index, link in enumerate(one.body["links"]):
        if one.body["complete"] and link["work"] is None:
            raise MalformedError("complete, and with a source that is not registered", pointer="/body/complete")
        if link["rel"] not in words.LINKS:
            raise MalformedError("a link that is not known here", pointer=f"/body/links/{index}/rel")


def _check_event(one: UnsignedLine, members: dict[str, Any]) -> None:
    """Check that the body is what a party signs of this event, no more and no less."""
    try:
        event = events.event_of({**members, "time": one.listed_at})
    except MalformedError as error:
        raise MalformedError(error.detail, pointer=f"/body{error.pointer}") from error
    if statements.body_of(event.to_json()) != one.body:
        raise MalformedError("the body holds more than is signed of this event", pointer="/body")


_BODY_CHECKS: Final = {"claim": _check_claim, "shares": _check_shares}
