"""What the registry promised to log, and whether it kept the promise.

1. ``append`` notes the statement in the transaction that leaves its draft: what is acknowledged cannot be lost
   without the draft, nor the draft be left without an acknowledgement due.
2. ``given`` signs after that transaction, since a hardware key may take its time. The first signature stays.
3. ``watch`` looks, as often as the sweep runs, whether what is promised has come into a published checkpoint.

The log may still refuse what a verb took, where another act came first in the same second. Then nobody who has not
got an acknowledgement gets one; whoever has one keeps the evidence, and the operator an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from priorconsent import acknowledgements, events, times
from priorconsent.errors import NotFoundError, RuleError
from transparency.alarms import raise_alarm
from transparency.bulk import chunks
from transparency.models import Acknowledged, Attachment, Checkpoint, Pending, Spent
from transparency.signers import in_force
from transparency.store import DatabaseLedger, keyset

OVERDUE = "acknowledgement_overdue"
BROKEN = "acknowledgement_broken"

Whereabouts = Literal["waiting", "logged", "refused", "lost"]


def given(statement: str) -> bytes | None:
    """The acknowledgement of a narrowing statement, the same bytes each time.

    Args:
        statement: evidence digest.

    Returns:
        ``None`` if there is nothing to acknowledge: never received, or it waits for the signatures of others.

    Raises:
        RuleError: the log refused it before an acknowledgement was given; it counts for nothing.
    """
    row = Acknowledged.objects.filter(statement=statement).first()
    if row is None or row.signed is not None:
        return bytes(row.signed) if row and row.signed is not None else None
    where, reason = _whereabouts(statement)
    if where == "refused":
        raise RuleError(f"the log did not take the statement: {reason}; sign anew for another try")
    current = keyset()
    key = in_force("receipt", current, row.received_at)[0]
    promise = acknowledgements.acknowledge(current.registry_id, statement, row.received_at)
    Acknowledged.objects.filter(statement=statement, signed=None).update(
        signed=acknowledgements.sign(promise, key.kid, key.sign)
    )
    return bytes(Acknowledged.objects.values_list("signed", flat=True).get(statement=statement) or b"")


def whereabouts(statement: str) -> Whereabouts | None:
    """Where a statement is that was drafted before, and so is acknowledged and not taken once more; else ``None``."""
    known = Acknowledged.objects.filter(statement=statement).exists()
    return _whereabouts(statement)[0] if known else None


def watch(now: str) -> None:
    """Close what was kept, and raise an alarm for each promise that was not."""
    waiting = list(Acknowledged.objects.filter(open=True).order_by("received_at"))
    published = Checkpoint.newest(published=True)
    kept = _kept([row.statement for row in waiting], published.size if published else 0) if waiting else set()
    for some in chunks(kept):
        Acknowledged.objects.filter(statement__in=some).update(open=False)
    for row in waiting:
        if row.statement not in kept:
            _look_after(row, now)


def _kept(statements: Sequence[str], size: int) -> set[str]:
    """Those that an event below ``size`` cites, by the event's own bytes as the log signed them."""
    log = DatabaseLedger()
    found = set[str]()
    for some in chunks(statements):
        rows = Spent.objects.filter(digest__in=some, pos__lt=size).values_list("digest", "pos")
        found.update(digest for digest, pos in rows if _cites(log, pos, digest))
    return found


def _cites(log: DatabaseLedger, pos: int, digest: str) -> bool:
    try:
        return digest in events.cited(log.event(pos))
    except NotFoundError:
        # A row that names a position beyond the log: the statement stays open, and the alarm tells.
        return False


def _look_after(row: Acknowledged, now: str) -> None:
    where, reason = _whereabouts(row.statement)
    late = now > times.plus(row.received_at, acknowledgements.LOGGED_WITHIN_S)
    if where == "refused":
        if row.signed is not None:
            raise_alarm(now, BROKEN, f"{row.statement} was acknowledged, and the log refused it: {reason}")
        Acknowledged.objects.filter(pk=row.pk).update(open=False)
    elif where == "lost":
        raise_alarm(now, BROKEN, f"{row.statement} was received, and is neither waiting nor logged")
    elif late:
        raise_alarm(now, OVERDUE, f"{row.statement}, received at {row.received_at}, is not published")


def _whereabouts(statement: str) -> tuple[Whereabouts, str]:
    """Where the draft that cites a statement is, and why it was refused if it was."""
    units = Attachment.objects.filter(digest=statement).values("unit")
    states = dict(Pending.objects.filter(unit__in=units).order_by("id").values_list("state", "reason"))
    for state, where in _FOUND.items():
        if state in states:
            return where, states[state]
    return "lost", ""


_FOUND: dict[str, Whereabouts] = {
    Pending.State.LOGGED: "logged",
    Pending.State.PENDING: "waiting",
    Pending.State.REFUSED: "refused",
}
