"""Replay: what each event does to the map, validated (docs/spec/events.md).

An event that breaks a rule visible in the log and its blobs has no effect and raises an alarm. Evidence
is checked wherever it is at hand: proved invalid, whoever logged it lied (``FraudError``); not at hand,
it is counted as unchecked. ``apply`` is the only place where states come from, for the registry that
writes the log and for everybody who reads it.

Each kind of event has its handler, one file per subject; ``step`` is what they share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from priorconsent import events as ev
from priorconsent.errors import RuleError
from priorconsent.replay import issue, life, log, parties, works
from priorconsent.replay.issue import check_issue
from priorconsent.replay.ledger import Archive, Ledger, MemoryLedger
from priorconsent.replay.life import open_suspensions
from priorconsent.replay.step import Step
from priorconsent.replay.works import share_set_signers

__all__ = [
    "Archive",
    "Effect",
    "Ledger",
    "MemoryLedger",
    "apply",
    "check_issue",
    "open_suspensions",
    "share_set_signers",
]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event did.

    Args:
        changed: names whose state changed, in order.
        alarm: the rule it breaks, then it changed nothing; ``None`` if none.
        unchecked: evidence digests that were not at hand.
    """

    changed: tuple[str, ...] = ()
    alarm: str | None = None
    unchecked: tuple[str, ...] = ()


_HANDLERS: dict[type[ev.Event], Callable[[Step, Any], None]] = {
    ev.LogOpen: log.log_open,
    ev.KeysetChange: log.keyset,
    ev.RightsTableChange: log.rights_table,
    ev.PartyAdd: parties.party,
    ev.PartyKey: parties.party_key,
    ev.PartyKeyEnd: parties.party_key_end,
    ev.WorkAdd: works.work,
    ev.Alias: works.alias,
    ev.ShareSetChange: works.share_set,
    ev.Refuse: parties.refuse,
    ev.RefuseEnd: parties.refuse_end,
    ev.GrantAdd: issue.grant,
    ev.Suspend: life.suspend,
    ev.Resume: life.resume,
    ev.Withdraw: life.withdraw,
    ev.Supersede: life.supersede,
    ev.Anchor: log.anchor,
    ev.MapRoot: log.map_root,
    ev.LogClose: log.log_close,
}


def apply(event: ev.Event, ledger: Ledger, archive: Archive) -> Effect:
    """Take the next event into the ledger.

    Raises:
        FraudError: evidence at hand is proved invalid; the ledger is then of no use.
        NotTrustedError: a blob that the event needs is missing.
    """
    step = Step(event, ledger, archive)
    alarm = None
    try:
        step.check_order()
        step.check_unspent(ev.cited(event))
        _HANDLERS[type(event)](step, event)
        step.check_room()
    except RuleError as broken:
        alarm = f"event {step.pos} ({ev.tag_of(event)}): {broken}"
        step.changes.clear()
    for digest in (*ev.cited(event), *step.cited):
        ledger.spend(digest, step.pos)
    for name, state in step.changes.items():
        ledger.put(name, state)
    ledger.record(event)
    return Effect(tuple(step.changes), alarm, tuple(step.unchecked) if alarm is None else ())
