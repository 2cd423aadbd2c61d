"""Asking at home: one door for the command line and for programs.

1. The trust file is read. It says whom to believe, and how strict a question is that does not say so itself.
2. The map is verified, from a snapshot or bucket by bucket.
3. Its checkpoint is fresh, and no older than any that this reader has seen; the largest is remembered.
4. The questions are decided, all from this one map.
5. Only if the file stayed as it was while they were, the answers count.

Whatever fails on the way makes every answer a no. What a yes rests on is the log's own key: who holds that
one can sign a map that says anything, with the registry's true keyset in it. The roots, and the signatures
of holders and registry under a grant, are checked by ``verify`` and ``log fsck``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from priorconsent import freshness, query, times
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError, NotTrustedError, StaleError, UnreachableError
from priorconsent.head import Head
from priorconsent.query import Query
from priorconsent.snapshot import open_verified
from priorconsent.states import State
from priorconsent.trust import Trust, read_trust_file

Question = Mapping[str, Any]


class MisalignedError(NotTrustedError):
    """Answers that do not line up with the questions."""

    code = "misaligned_answer"


class Map(Protocol):
    """States with the head that they belong to."""

    @property
    def head(self) -> Head:
        """The checkpoint of the map."""

    def state(self, name: str) -> State | None:
        """As ``consent.States``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, and where it comes from.

    Args:
        detail: what is wrong with the question, or why nothing could be checked; else empty.
        checkpoint: what ``about`` tells; ``None``: nothing could be checked, and so the decision is a no.
    """

    decision: Decision
    detail: str
    checkpoint: Mapping[str, Any] | None

    def __bool__(self) -> bool:
        # As for ``Decision``: an answer is always there, a yes is not.
        raise TypeError("compare answer.decision.verdict with Verdict.PERMITTED")


class Home:
    """A map that may be answered from now. ``opened`` and ``ask_all`` make one."""

    def __init__(self, found: Map, trust: Trust, now: str) -> None:
        self._map = found
        self._trust = trust
        self._now = now
        self.checkpoint = about(found.head, trust)

    def answer(self, asked: Question) -> Answer:
        """Answer one question; one that is malformed gets a no that says where."""
        try:
            return Answer(decide(question(asked, self._trust, self._now), self._map), "", self.checkpoint)
        except MalformedError as error:
            return Answer(refuse("invalid_query"), str(error), self.checkpoint)


def ask(asked: Question, place: Path | str, trust: Path | Trust, *, now: str | None = None) -> Answer:
    """Answer one question, as ``ask_all``."""
    [answer] = ask_all([asked], place, trust, now=now)
    return answer


def ask_all(
    asked: Iterable[Question], place: Path | str, trust: Path | Trust, *, now: str | None = None
) -> tuple[Answer, ...]:
    """Answer questions from one map, in their order.

    Args:
        asked: members of a query each, plain JSON values. What is not said is as strict as the trust file.
        place: a path is a snapshot, and nobody sees what is asked; a text is the URL of a registry, which sees
            the beginnings of hashed names.
        trust: the trust file.
        now: the clock, if it is not this machine's.

    Raises:
        MalformedError: the place is no URL. Whatever else goes wrong is a no to all of them.
    """
    questions = tuple(asked)
    try:
        believed = trust if isinstance(trust, Trust) else read_trust_file(trust)
        return _ask_all(questions, place, believed, now or times.now())
    except NotTrustedError as error:
        return (could_not_check(error),) * len(questions)


def _ask_all(questions: tuple[Question, ...], place: Path | str, trust: Trust, now: str) -> tuple[Answer, ...]:
    if isinstance(place, Path):
        with opened(place, trust, now) as home:
            return tuple(map(home.answer, questions))
    from priorconsent import bucket
    from priorconsent.client import Registry

    def put(states: bucket.BucketStates) -> tuple[Answer, ...]:
        admit(states.head, trust, now)
        return tuple(map(Home(states, trust, now).answer, questions))

    with Registry(place) as registry:
        return bucket.ask(registry.bucket, trust, put)


@contextlib.contextmanager
def opened(path: Path, trust: Trust, now: str) -> Iterator[Home]:
    """A snapshot to put many questions to.

    Raises:
        NotTrustedError: it may not be answered from; or, at the end: it was written to, and no answer counts.
    """
    with open_verified(path, trust, None) as snapshot:
        admit(snapshot.head, trust, now)
        with snapshot.in_one_read():
            yield Home(snapshot, trust, now)


def question(asked: Question, trust: Trust, now: str) -> Query:
    """The question, as strict as the trust file where it does not say.

    Raises:
        MalformedError: says what is wrong and where.
    """
    said = {member: value for member, value in asked.items() if value is not None}
    return query.parse({"min_level": trust.min_level, "min_method": trust.min_method, **said}, now=now)


def admit(head: Head, trust: Trust, now: str) -> None:
    """Refuse a head that is stale, older than one seen before, or half of a fork."""
    freshness.check_fresh(head, trust, now)
    freshness.Memory(freshness.state_directory(dict(os.environ))).remember(head, trust, now)


def could_not_check(error: NotTrustedError) -> Answer:
    """The no of a check that failed."""
    return Answer(refuse(reason_of(error)), str(error), None)


def reason_of(error: NotTrustedError) -> str:
    """The reason that a failed check gives."""
    named = ((StaleError, "stale_snapshot"), (UnreachableError, "unreachable"), (MisalignedError, "misaligned_answer"))
    return next((reason for kind, reason in named if isinstance(error, kind)), "unverified_snapshot")


def about(head: Head, trust: Trust) -> dict[str, Any]:
    """Which checkpoint an answer comes from."""
    return {
        "origin": head.checkpoint.origin,
        "size": head.checkpoint.size,
        "time": head.quorum_time,
        "fresh_until": freshness.fresh_until(head, trust),
        "assumptions": [head.assumption],
    }
