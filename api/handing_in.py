"""Lists of statements: each line by the very verb that takes such a statement by itself.

All of a list is one transaction, and one reading of the log. Each line is whole or not at all within it; whoever
brings the list is told of each line what became of it, after the commit. Lines are taken work by work, whatever their
order in the list: two lists about the same works then wait for each other, and never both for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction

from api import advice
from api.problems import TooLargeError, bounded, code_of
from api.wire import Line
from api.words import Sentence, in_language, said
from priorconsent import lists, names
from priorconsent.errors import ConflictError, PriorConsentError
from priorconsent.lists import Outcome, Outcomes, SignedLine
from priorconsent.records import convert
from priorconsent.statements import Signed, Statement
from registry.statements import there_already
from transparency.append import Gathering, gathered
from transparency.store import DatabaseLedger, MovedOnError, one_reading

# What takes a statement by itself, and says what happens next.
Take = Callable[[Signed], Sentence]


@dataclass(frozen=True, slots=True)
class Brought:
    """One line, and the statement or the fault in it."""

    number: int
    found: Signed | PriorConsentError


def lines_of(given: Sequence[Any]) -> list[Line]:
    """The lines of a list, or the items of an array.

    Raises:
        TooLargeError: more of them than are taken at once.
    """
    if len(given) > lists.MAX_LINES_AT_ONCE:
        raise TooLargeError(f"at most {lists.MAX_LINES_AT_ONCE} lines are taken at once")
    return [one if isinstance(one, Line) else Line(number, one) for number, one in enumerate(given, 1)]


def hand_in(given: Sequence[Line], take: Take) -> Outcomes:
    """Take in a list.

    Raises:
        MovedOnError: the log moved on while it was read; nothing was taken.
        NotTrustedError: the registry found its own rows changed; nothing was taken.
    """
    brought = [Brought(line.number, _statement(line)) for line in given]
    signed = [one.found for one in brought if isinstance(one.found, Signed)]
    with transaction.atomic(), one_reading() as log, gathered() as gathering:
        _read_ahead(signed, log)
        known = there_already((one.digest for one in signed), log)
        by_work = sorted(brought, key=_work)
        outcomes = sorted((_outcome(one, known, take, gathering, log) for one in by_work), key=lambda one: one.line)
    counts = Counter(outcome.outcome for outcome in outcomes)
    return Outcomes(outcomes=tuple(outcomes), stored=counts["stored"], there=counts["there"], refused=counts["refused"])


def _statement(line: Line) -> Signed | PriorConsentError:
    if isinstance(line.value, PriorConsentError):
        return line.value
    try:
        return lists.listed(convert(line.value, SignedLine).statement.encode())
    except PriorConsentError as error:
        return error


def _work(one: Brought) -> str:
    """What a line is about; empty where it is not a statement about a work."""
    work = one.found.statement.body.get("work") if isinstance(one.found, Signed) else None
    return work if isinstance(work, str) else ""


def _read_ahead(signed: Iterable[Signed], log: DatabaseLedger) -> None:
    """Prove at once what each line would prove by itself."""
    log.load_tied(dict.fromkeys([names.KEYSET, *(name for one in signed for name in _mentioned(one.statement))]))


def _mentioned(statement: Statement) -> list[str]:
    body = statement.body
    mentioned = [names.party(statement.by)]
    mentioned += [names.work(body["work"])] if isinstance(body.get("work"), str) else []
    mentioned += [body["name"]] if isinstance(body.get("name"), str) else []
    return mentioned


def _outcome(one: Brought, known: set[str], take: Take, gathering: Gathering, log: DatabaseLedger) -> Outcome:
    if not isinstance(one.found, Signed):
        return _refused(one, one.found)
    if one.found.digest in known:
        return _taken(one.number, one.found, "there", in_language(advice.THERE))
    try:
        with gathering.step():
            says = take(one.found)
    except MovedOnError:
        # Nothing is wrong with the line: all of the list begins again.
        raise
    except PriorConsentError as error:
        if isinstance(error, ConflictError) and _came_meanwhile(one.found, log, gathering):
            return _taken(one.number, one.found, "there", in_language(advice.THERE))
        return _refused(one, error)
    # Twice in one list is once.
    known.add(one.found.digest)
    return _taken(one.number, one.found, "stored", said(says))


def _came_meanwhile(signed: Signed, log: DatabaseLedger, gathering: Gathering) -> bool:
    """Whether somebody else handed in the very same while this list was taken."""
    gathering.absent.discard(signed.digest)
    return bool(there_already([signed.digest], log))


def _taken(number: int, signed: Signed, outcome: Literal["stored", "there"], says: str) -> Outcome:
    return Outcome(
        line=number,
        outcome=outcome,
        type=signed.statement.type,
        evidence=signed.digest,
        code=None,
        detail=None,
        pointer=None,
        says=says,
    )


def _refused(one: Brought, error: PriorConsentError) -> Outcome:
    code = code_of(error)
    if code not in advice.TO_DO:
        # Not about this line: the registry cannot trust itself.
        raise error
    signed = one.found if isinstance(one.found, Signed) else None
    return Outcome(
        line=one.number,
        outcome="refused",
        type=signed.statement.type if signed else None,
        evidence=signed.digest if signed else None,
        code=code,
        detail=bounded(error.detail),
        pointer=bounded(error.pointer) or None,
        says=in_language(advice.TO_DO[code]),
    )
