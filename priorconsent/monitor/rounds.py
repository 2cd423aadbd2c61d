"""One round of a monitor.

1. Once something was proved false, nothing is followed any more.
2. The newest checkpoint is signed by the trusted log and by as many witnesses as the trust file asks for; one that
   still waits for its witnesses, where it is served, is signed by the log.
3. No other history of the same size was signed, as far as anybody remembers; and the log begins with every
   checkpoint seen before. Else it is a *fork*.
4. Each new entry is proved under the checkpoint, then replayed and validated as by everybody, with all evidence that
   is served. Evidence proved invalid and a map-root that is false are *fraud*, a broken rule is an *alarm*; evidence
   that is not served is told too, for nobody will ask for it again.
5. Whatever concerns what is watched is reported. Some entries and their reports are kept at once, or not at all.
6. The last entry is a map-root, dated as the witnesses say, and fresh; the checkpoint is signed by a log key of the
   keyset in force.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from priorconsent import events as ev
from priorconsent import freshness, keys, names
from priorconsent.court.derived import Derivation, PublishedArchive
from priorconsent.court.fsck import UNWITNESSED
from priorconsent.court.published import Published
from priorconsent.errors import FraudError, NotFoundError, PriorConsentError, StaleError
from priorconsent.head import Head, check_log_key, check_quorum_time
from priorconsent.log import tree
from priorconsent.log.opening import OpenedCheckpoint, open_checkpoint, open_signed
from priorconsent.log.proved import ProvedLog
from priorconsent.monitor import reports
from priorconsent.monitor.interests import EVERYBODYS, Interests, concerned
from priorconsent.monitor.memory import ForkError, Memory
from priorconsent.monitor.reports import Report
from priorconsent.replay import Effect
from priorconsent.states import KeysetState
from priorconsent.trust import Trust

Progress = Callable[[int, int | None], None]


class FalseMapError(FraudError):
    """The log committed to a map that its own entries do not lead to."""

    code = "false_map_root"


@dataclass(frozen=True, slots=True)
class Round:
    """How a round went.

    Args:
        size: of the log as far as it is replayed.
        reported: number of new reports of events and alarms.
        fraud: what was proved false, now or ever before.
        problem: what kept the round from its end.
        unchecked: number of pieces of evidence that new entries cite, and that are not served.
    """

    size: int
    reported: int
    fraud: Report | None
    problem: PriorConsentError | None
    unchecked: int


class Monitor:
    """Follows one log.

    Args:
        tell: hands out the reports that are kept; called as soon as there are some.
    """

    def __init__(self, memory: Memory, trust: Trust, interests: Interests, tell: Callable[[], None]) -> None:
        self._memory = memory
        self._trust = trust
        self._interests = interests
        self._watched = interests.names | EVERYBODYS
        self._tell = tell
        self._reported = self._unchecked = 0

    def follow(self, published: Published, now: str, progress: Progress | None = None) -> Round:
        """One round, as told above."""
        self._reported, self._unchecked, problem = 0, 0, None
        # 1.
        if self._memory.fraud is None:
            try:
                self._follow(published, now, progress)
                self._memory.keep("problem", "")
            except FraudError as error:
                self._prove(error)
            except PriorConsentError as error:
                problem = error
                # Told once, for as long as it lasts.
                if self._memory.keep("problem", f"{error.code} {error}") != f"{error.code} {error}":
                    self._memory.add(reports.of_problem(self._trust.registry, error, now))
        self._tell()
        return Round(self._memory.ledger.size, self._reported, self._memory.fraud, problem, self._unchecked)

    def _follow(self, published: Published, now: str, progress: Progress | None) -> None:
        # 2.
        note = published.log_file("checkpoint")
        opened = open_checkpoint(note, self._trust.policy, now=now)
        checkpoint = opened.checkpoint
        # 3.
        self._memory.remember(note, checkpoint, now)
        self._look_at_waiting(published, now)
        replayed = self._memory.ledger.size
        archive = PublishedArchive(published, _not_at_hand)
        if checkpoint.size > replayed:
            proved = ProvedLog(published.log_file, checkpoint)
            for size, root, seen in self._memory.signed_up_to(checkpoint.size):
                if proved.root_at(size) != root:
                    raise ForkError(
                        f"the log does not begin with the {size} entries seen before", evidence=(seen, note)
                    )
            # 4. and 5.
            derivation = Derivation(self._memory.ledger, archive, self._trust)
            for entries in proved.entries(replayed):
                self._take(entries, derivation, note)
                if progress is not None:
                    progress(self._memory.ledger.size, checkpoint.size)
        self._memory.compare()
        # 6.
        if checkpoint.size < replayed:
            raise StaleError(f"a checkpoint of {replayed} entries was seen before this one of {checkpoint.size}")
        self._check_end(opened, note, archive, now)

    def _look_at_waiting(self, published: Published, now: str) -> None:
        """Keep the checkpoint that waits for witnesses; when the log has come so far, it is compared."""
        try:
            note = published.log_file(UNWITNESSED)
        except NotFoundError:
            return
        self._memory.remember(note, open_signed(note, self._trust.policy, now=now).checkpoint, now)

    def _take(self, entries: Sequence[bytes], derivation: Derivation, note: bytes) -> None:
        """Replay some entries; those before one that stops replay are kept."""
        stopped: PriorConsentError | None = None
        told: list[Report] = []
        unchecked: list[str] = []
        with self._memory.transaction():
            start, taken = self._memory.ledger.size, 0
            for raw in entries:
                try:
                    effect, about = self._entry(raw, derivation, note)
                except PriorConsentError as error:
                    stopped = error
                    break
                told += about
                unchecked += effect.unchecked
                taken += 1
            self._memory.take_hashes(start, map(tree.leaf_hash, entries[:taken]))
            self._reported += sum(self._memory.add(report) for report in told)
            if unchecked:
                self._memory.add(reports.of_unchecked(self._trust.registry, start, taken, unchecked))
        self._unchecked += len(unchecked)
        if told or unchecked:
            self._tell()
        if stopped is not None:
            raise stopped

    def _entry(self, raw: bytes, derivation: Derivation, note: bytes) -> tuple[Effect, list[Report]]:
        ledger = derivation.ledger
        event = derivation.read(raw)
        if isinstance(event, ev.MapRoot):
            self._memory.keep("map_root", raw.decode())
        before, about = reports.levels_before(event, ledger), concerned(event, ledger)
        taken = derivation.apply(event)
        if taken.false_root:
            raise FalseMapError(f"entry {taken.pos}: its map is not the one replayed", evidence=(raw, note))
        about = (about | concerned(event, ledger)) & self._watched
        if not about and taken.effect.alarm is None:
            return taken.effect, []
        report = reports.of_event(
            event,
            taken.pos,
            about=about,
            alarm=taken.effect.alarm,
            interests=self._interests,
            archive=derivation.archive,
            before=before,
            registry=self._trust.registry,
        )
        return taken.effect, [report]

    def _check_end(self, opened: OpenedCheckpoint, note: bytes, archive: PublishedArchive, now: str) -> None:
        word = self._memory.word("map_root")
        last = ev.read_event(word.encode()) if word else None
        if not isinstance(last, ev.MapRoot) or last.size + 1 != opened.checkpoint.size:
            raise FalseMapError("the last entry of the checkpoint is no map-root", evidence=(note,))
        check_quorum_time(opened, last.time)
        state = self._memory.ledger.state(names.KEYSET)
        if not isinstance(state, KeysetState):
            raise FalseMapError("the log has no keyset", evidence=(note,))
        check_log_key(opened, keys.payload_of(archive.keyset(state.digest)), last.time)
        # Proved with all other entries.
        freshness.check_fresh(Head(note, opened, last, proof=b""), self._trust, now)

    def _prove(self, error: FraudError) -> None:
        report = reports.of_fraud(self._trust.registry, error.code, str(error), error.evidence)
        # In this order: once the report is kept nobody looks again.
        self._memory.keep_evidence(report, error.evidence)
        self._memory.add(report)


def _not_at_hand(digest: str) -> None:
    """Evidence whose file holds something else counts as evidence that is not served; ``fsck`` tells of it."""
