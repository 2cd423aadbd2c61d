"""Asking witnesses to countersign: each for its line under the newest checkpoint, all at once.

Lines that verify and tell a time that readers accept are added to the note; ``publisher`` decides whether that is
enough. A witness that is silent, lies or has lost its clock costs its own line and a few seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from priorconsent import times
from priorconsent.errors import PriorConsentError, SignatureError
from priorconsent.head import MAX_QUORUM_DELAY_S, MAX_QUORUM_LEAD_S
from priorconsent.log.checkpoint import Checkpoint as LogCheckpoint
from priorconsent.log.cosignature import timestamp
from priorconsent.log.note import SignatureLine, assemble_note, split_note
from priorconsent.log.opening import SignedCheckpoint, open_signed
from priorconsent.log.policy import Policy
from priorconsent.log.tree import consistency_proof
from priorconsent.witness import asking
from priorconsent.witness.protocol import Submission
from transparency.alarms import (
    WITNESS_CLOCK,
    WITNESS_REFUSES,
    DatabaseChangedError,
    raise_alarm,
)
from transparency.models import Checkpoint
from transparency.policies import own_policy
from transparency.trees import log_nodes
from transparency.witnesses import by_url, check_not_restored, memory

# How long a publication waits for witnesses, and for further ones once there are enough.
PATIENCE_S = 4.0
GRACE_S = 0.2
# The size that it wants a proof from is told once; twice, if it moved on just then.
QUESTIONS_TO_EACH = 3

_Answer = Future[tuple[SignatureLine, ...] | asking.Held]

logger = logging.getLogger(__name__)


def countersign(now: str) -> bool:
    """Ask for lines under the newest signed checkpoint, and add those that count to its note.

    Returns:
        Whether witnesses answer, but too late for this checkpoint: then a new one is needed.

    Raises:
        RestoredBackupError: a witness has seen what is not here.
    """
    row = Checkpoint.newest(note__isnull=False)
    if row is None:
        return False
    gathering = _Gathering(row, own_policy(), now)
    if not gathering.wanted or (gathering.is_over and gathering.counts):
        return False
    gathering.run()
    _add_lines(row.size, gathering.checkpoint, gathering.lines)
    for url in gathering.doubtful:
        # It may have seen what another process signed just now, or what is not here.
        memory().heard.discard(url)
        memory().asked = None
    if gathering.doubtful:
        check_not_restored()
    return gathering.is_over and not gathering.counts and gathering.would_count


class _Gathering:
    """One round of questions about one checkpoint.

    Args:
        row: signed.
        now: by this server's clock.
    """

    def __init__(self, row: Checkpoint, policy: Policy, now: str) -> None:
        note = bytes(row.note or b"")
        signed = _open_row(row, policy)
        self.checkpoint: LogCheckpoint = signed.checkpoint
        self.lines: list[SignatureLine] = []
        self.doubtful: list[str] = []
        self.is_over = now > times.plus(row.time, MAX_QUORUM_DELAY_S)
        self._row, self._policy, self._now = row, policy, now
        self._nodes = log_nodes(row.size)
        self._witnesses = by_url(policy)
        text, lines = split_note(note)
        self._note = assemble_note(text, [line for line in lines if line.name == policy.origin])
        self._named = set(signed.cosigned)
        self._late: set[str] = set()
        self.wanted = [url for url, some in self._witnesses.items() if {one.name for one in some} - self._named]

    @property
    def counts(self) -> bool:
        """Whether there are enough lines."""
        return not self._policy.missing(self._named)

    @property
    def would_count(self) -> bool:
        """Whether there would be, had they come earlier."""
        return not self._policy.missing({*self._named, *self._late})

    def run(self) -> None:
        """Ask until there are enough lines and a little longer, or nobody has anything left to say."""
        pool = ThreadPoolExecutor(len(self.wanted), thread_name_prefix="witnesses")
        asked: dict[str, list[int]] = {url: [] for url in self.wanted}
        waiting: dict[_Answer, str] = {}

        def ask(url: str, old: int) -> None:
            asked[url].append(old)
            waiting[pool.submit(asking.add_checkpoint, url, self._submission(old))] = url

        for url in self.wanted:
            ask(url, self._guess(url))
        end = time.monotonic() + PATIENCE_S
        had_enough = self.counts
        while waiting and (left := end - time.monotonic()) > 0:
            done, _ = wait(waiting, timeout=left, return_when=FIRST_COMPLETED)
            for future in done:
                url = waiting.pop(future)
                held = self._take(url, future)
                if held in asked[url]:
                    # It has this size under another root, or does not know what it wants.
                    self._doubt(url, f"the witness at {url} does not accept a proof from the size that it told")
                elif held is not None and len(asked[url]) < QUESTIONS_TO_EACH:
                    ask(url, held)
            if self.counts and not had_enough:
                had_enough, end = True, min(end, time.monotonic() + GRACE_S)
        # Those that are late end by their own timeouts; nobody waits for them.
        pool.shutdown(wait=False, cancel_futures=True)

    def _doubt(self, url: str, told: str) -> None:
        raise_alarm(self._now, WITNESS_REFUSES, told)
        self.doubtful.append(url)

    def _take(self, url: str, future: _Answer) -> int | None:
        """Take in an answer.

        Returns:
            The size to ask again from; ``None`` if that was it.
        """
        try:
            answer = future.result()
        except asking.WitnessRefusedError as error:
            self._doubt(url, str(error))
            return None
        except PriorConsentError as error:
            logger.warning("no cosignature: %s", error)
            return None
        if isinstance(answer, asking.Held):
            if answer.size <= self.checkpoint.size:
                return answer.size
            self.doubtful.append(url)
            return None
        memory().sizes[url] = self.checkpoint.size
        for line in answer:
            self._take_line(url, line)
        return None

    def _take_line(self, url: str, line: SignatureLine) -> None:
        known = {(one.key.name, one.key.key_id): one for one in self._witnesses[url]}
        witness = known.get((line.name, line.key_id))
        # By keys that are not in the policy anybody may sign anything.
        if witness is None or witness.name in self._named:
            return
        try:
            witness.key.verify(self.checkpoint.text(), line.signature)
            at = timestamp(line.signature)
        except SignatureError as error:
            raise_alarm(self._now, WITNESS_REFUSES, f"the witness {witness.name} answered: {error}")
            return
        begin = times.to_unix(self._row.time)
        if begin - MAX_QUORUM_LEAD_S <= at <= begin + MAX_QUORUM_DELAY_S:
            self._named.add(witness.name)
            self.lines.append(line)
            return
        self._late.add(witness.name)
        if abs(at - times.to_unix(self._now)) > MAX_QUORUM_DELAY_S:
            raise_alarm(self._now, WITNESS_CLOCK, f"the witness {witness.name} and this server tell different times")

    def _submission(self, old: int) -> Submission:
        return Submission(old, tuple(consistency_proof(old, self.checkpoint.size, self._nodes)), self._note)

    def _guess(self, url: str) -> int:
        known = memory().sizes.get(url)
        if known is None:
            published = Checkpoint.newest(published=True, size__lte=self._row.size)
            known = published.size if published is not None else 0
        return min(known, self._row.size)


def _add_lines(size: int, checkpoint: LogCheckpoint, lines: Iterable[SignatureLine]) -> None:
    """Add lines to a note; those that another process added stay."""
    while True:
        old = bytes(Checkpoint.objects.values_list("note", flat=True).get(size=size) or b"")
        text, there = split_note(old)
        known = {(line.name, line.key_id) for line in there}
        new = [line for line in lines if (line.name, line.key_id) not in known]
        if not new or text != checkpoint.text():
            return
        note = assemble_note(text, [*there, *new])
        # Compare and swap.
        if Checkpoint.objects.filter(size=size, note=old).update(note=note) == 1:
            return


def _open_row(row: Checkpoint, policy: Policy) -> SignedCheckpoint:
    try:
        return open_signed(bytes(row.note or b""), policy)
    except PriorConsentError as error:
        raise DatabaseChangedError(f"the note of {row.size} events was changed: {error}") from error
