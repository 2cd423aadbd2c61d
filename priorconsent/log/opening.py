"""Opening a checkpoint: who signed it, who countersigned it, and since when enough of them had.

1. The note opens: every signature by a key of the policy verifies.
2. It is a checkpoint of the policy's log, and a key of that log signed it.
3. Of each witness the earliest cosignature counts, once. One with time 0 says nothing of when: it counts for nothing.
4. They meet the quorum; the least time at which they did is the *quorum time*.

What the log itself cosigned may be asked for by the quorum, and never dates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from priorconsent import times
from priorconsent.errors import NotTrustedError, QuorumError, UnknownSignerError
from priorconsent.log import note
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import Cosigner, timestamp
from priorconsent.log.policy import BEFORE_ALL, Policy

# How far a witness may be ahead of the clock of whoever opens a checkpoint.
MAX_AHEAD_S = 300


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log signed, with or without a quorum of witnesses: something for monitors.

    Args:
        logs: public keys of the log under which it is signed, of those in the policy.
        cosigned: time of the earliest cosignature by name in the policy; seconds since 1970.
    """

    checkpoint: Checkpoint
    logs: tuple[bytes, ...]
    cosigned: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint that counts.

    Args:
        logs: public keys of the log under which it is signed, of those in the policy.
        quorum_time: ``None`` if the policy needs no witness but the log itself.
        vouched: the witnesses, by their names in the policy and sorted, that the quorum time rests on; the log is none.
    """

    checkpoint: Checkpoint
    logs: tuple[bytes, ...]
    quorum_time: str | None
    vouched: tuple[str, ...]


def open_checkpoint(raw: bytes, policy: Policy, *, now: str | None = None) -> OpenedCheckpoint:
    """Read a checkpoint that counts by a policy, as told above.

    Args:
        now: the clock, if the checkpoint is new; then no cosignature may be more than ``MAX_AHEAD_S`` ahead of it.

    Raises:
        MalformedError: no checkpoint.
        SignatureError: a signature fails, or none is the log's.
        NotTrustedError: signed, but under the origin of another log; or ahead of the clock.
        QuorumError: too few witnesses.
    """
    # 1. to 3.
    signed = open_signed(raw, policy, now=now)
    # 4.
    met = policy.quorum_time(signed.cosigned)
    if met is None:
        missing = policy.missing(signed.cosigned)
        raise QuorumError(
            f"the checkpoint of size {signed.checkpoint.size} has no quorum: {', '.join(missing)} did not cosign",
            missing=missing,
        )
    # As long as nobody has cosigned, everybody who counts is missing.
    counting = {witness.name for witness in policy.witnesses if not policy.is_own(witness)} & set(policy.missing(()))
    vouched = tuple(sorted(name for name in counting if signed.cosigned.get(name, met + 1) <= met))
    return OpenedCheckpoint(
        signed.checkpoint, signed.logs, None if met == BEFORE_ALL else times.from_unix(met), vouched
    )


def open_signed(raw: bytes, policy: Policy, *, now: str | None = None) -> SignedCheckpoint:
    """Read a checkpoint whether or not there is a quorum; steps 1 to 3. Arguments as for ``open_checkpoint``.

    Raises:
        MalformedError: no checkpoint.
        SignatureError: a signature fails, or none is the log's (``UnknownSignerError``).
        NotTrustedError: signed, but under the origin of another log; or ahead of the clock.
    """
    # 1.
    opened = note.open_note(raw, policy.keys)
    # 2.
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != policy.origin:
        raise NotTrustedError(f"a checkpoint of {checkpoint.origin}, signed by {policy.origin}")
    logs = tuple(key.public_key for key, _ in opened.signed if isinstance(key, note.Verifier))
    if not logs:
        raise UnknownSignerError(
            "no known key of the log signed this checkpoint: another log, or the keys known here are out of date"
        )
    # 3.
    names = {witness.key: witness.name for witness in policy.witnesses}
    cosigned: dict[str, int] = {}
    for key, signature in opened.signed:
        if isinstance(key, Cosigner) and (time_s := timestamp(signature)) > 0:
            cosigned[names[key]] = min(time_s, cosigned.get(names[key], time_s))
            _check_not_ahead(key, time_s, now)
    return SignedCheckpoint(checkpoint, logs, cosigned)


def _check_not_ahead(key: Cosigner, time_s: int, now: str | None) -> None:
    if now is not None and time_s > times.to_unix(now) + MAX_AHEAD_S:
        raise NotTrustedError(f"the cosignature by {key.name} is ahead of the clock, which says {now}")
