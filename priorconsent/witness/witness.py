"""A witness decides: cosign a checkpoint, or say why not.

1. The request is one, and the log it speaks of is known here.
2. A key of that log signed the checkpoint.
3. It is not another root of the size that was cosigned last.
4. The log knows what was cosigned last.
5. The proof leads from there to the checkpoint.
6. Cosign, remember, and only then answer.

Steps 3 to 6 are one transaction, so that of two requests the later one sees what the earlier one did. The clock
is read inside it: at the time that a cosignature tells, its checkpoint was the largest one.

Source: C2SP tlog-witness.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from priorconsent import times
from priorconsent.errors import PriorConsentError, ProofError
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import Cosigner
from priorconsent.log.note import OpenedNote, Sign, SignatureLine, assemble_note, open_note, split_note
from priorconsent.log.tree import check_consistency
from priorconsent.witness.protocol import SIZE_TYPE, Submission, monitoring_path
from priorconsent.witness.state import State, Turn

TEXT = "text/plain; charset=utf-8"
FORK, UNPROVED = "fork", "unproved"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CosigningKey:
    """One key of a witness."""

    cosigner: Cosigner
    sign: Sign


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: HTTPStatus
    body: bytes
    media_type: str = TEXT


class Witness:
    """What a witness answers.

    Args:
        clock: the time as records spell it.
    """

    def __init__(self, state: State, keys: tuple[CosigningKey, ...], clock: Callable[[], str] = times.now) -> None:
        self._state, self._keys, self._clock = state, keys, clock

    def add_checkpoint(self, raw: bytes) -> Answer:
        """Judge a request, as told above."""
        # 1.
        try:
            asked = Submission.parse(raw)
            checkpoint = Checkpoint.parse(split_note(asked.note)[0])
        except PriorConsentError as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        keys = self._state.keys(checkpoint.origin)
        if not keys:
            return _refused(HTTPStatus.NOT_FOUND, "this log is not known here")
        # 2.
        try:
            opened = open_note(asked.note, keys)
        except PriorConsentError as error:
            return _refused(HTTPStatus.FORBIDDEN, str(error))
        if asked.old > checkpoint.size:
            return _refused(HTTPStatus.BAD_REQUEST, "the old size is larger than the new one")
        with self._state.turn(checkpoint.origin) as turn:
            return self._judge(asked, checkpoint, opened, turn)

    def latest(self, path: str) -> Answer:
        """The last checkpoint of a log, as cosigned, for monitors.

        Args:
            path: as of ``monitoring_path``.
        """
        for origin, held in self._state.held().items():
            if monitoring_path(origin) == path and held.note is not None:
                return Answer(HTTPStatus.OK, held.note)
        return _refused(HTTPStatus.NOT_FOUND, "nothing has been cosigned for such a log")

    def _judge(self, asked: Submission, checkpoint: Checkpoint, opened: OpenedNote, turn: Turn) -> Answer:
        now, held = self._clock(), turn.held
        # 3.
        if checkpoint.size == held.size and checkpoint.root != held.root:
            self._keep(FORK, now, checkpoint, asked, turn)
            return _behind(held.size)
        # 4.
        if asked.old != held.size:
            return _behind(held.size)
        # 5.
        try:
            check_consistency(held.size, checkpoint.size, held.root, checkpoint.root, asked.proof)
        except ProofError as error:
            self._keep(UNPROVED, now, checkpoint, asked, turn)
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        # 6.
        lines = [one.cosigner.cosign(checkpoint, times.to_unix(now), one.sign) for one in self._keys]
        turn.advance(checkpoint, assemble_note(opened.text, [*_by_the_log(opened), *lines]))
        return Answer(HTTPStatus.OK, "".join(line.text() for line in lines).encode())

    def _keep(self, kind: str, now: str, checkpoint: Checkpoint, asked: Submission, turn: Turn) -> None:
        if turn.keep(kind, now, checkpoint, asked.to_bytes()):
            logger.warning("kept as evidence (%s): %s, size %d", kind, checkpoint.origin, checkpoint.size)


def _by_the_log(opened: OpenedNote) -> list[SignatureLine]:
    # Lines by keys that nobody here knows could be anything.
    return [SignatureLine(key.name, key.key_id, signature) for key, signature in opened.signed]


def _behind(size: int) -> Answer:
    return Answer(HTTPStatus.CONFLICT, f"{size}\n".encode(), SIZE_TYPE)


def _refused(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode(errors="replace"))
