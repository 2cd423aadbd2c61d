"""What follows from an event: each follower reads the published log from a cursor of its own.

A handler runs in the transaction that moves the cursor on. What it does in the database happens once; what
it does elsewhere may happen again after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from priorconsent import canonical
from priorconsent import events as ev
from priorconsent.errors import MalformedError
from transparency.models import Alarm, Checkpoint, Event, Follower, Pending

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Logged:
    """A published event.

    Args:
        unit: ``None`` for what the sequencer logs of its own.
    """

    pos: int
    event: ev.Event
    unit: UUID | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A unit that was refused.

    Args:
        drafts: in order; those that are no longer readable are left out.
    """

    unit: UUID
    drafts: tuple[dict[str, Any], ...]
    reason: str


Handler = Callable[[Logged | Refused], None]

_followers: dict[str, Handler] = {}


def register(name: str, handler: Handler) -> None:
    """Have a handler called after each publication; apps do so when they are ready."""
    _followers[name] = handler


def run_followers() -> None:
    """Let every registered follower catch up."""
    for name, handler in _followers.items():
        follow(name, handler)


def follow(name: str, handler: Handler) -> None:
    """Hand everything new to a handler: published events by position, then refused units in order."""
    Follower.objects.get_or_create(name=name)
    while _follow_some(name, handler):
        pass


def _follow_some(name: str, handler: Handler) -> bool:
    with transaction.atomic():
        # The lock keeps two workers from handling the same item at the same time.
        cursor = Follower.objects.select_for_update().get(name=name)
        news: list[Logged | Refused] = [*_logged_after(cursor), *_refused_after(cursor)]
        for item in news:
            handler(item)
        cursor.save()
    return bool(news)


def _logged_after(cursor: Follower) -> list[Logged]:
    newest = Checkpoint.newest(published=True)
    end = min(newest.size if newest else 0, cursor.pos + ROWS_AT_ONCE)
    rows = Event.objects.filter(pos__gte=cursor.pos, pos__lt=end).order_by("pos").values_list("pos", "raw")
    units = dict(Pending.objects.filter(pos__gte=cursor.pos, pos__lt=end).values_list("pos", "unit"))
    cursor.pos = max(end, cursor.pos)
    return [Logged(pos, ev.read_event(bytes(raw)), units.get(pos)) for pos, raw in rows]


def _refused_after(cursor: Follower) -> list[Refused]:
    alarms = list(Alarm.objects.filter(id__gt=cursor.alarm, unit__isnull=False).order_by("id")[:ROWS_AT_ONCE])
    cursor.alarm = alarms[-1].pk if alarms else cursor.alarm
    return [Refused(alarm.unit, _drafts(alarm.unit), alarm.detail) for alarm in alarms if alarm.unit]


def _drafts(unit: UUID) -> tuple[dict[str, Any], ...]:
    found = []
    for raw in Pending.objects.filter(unit=unit).order_by("place").values_list("draft", flat=True):
        try:
            found.append(canonical.parse_canonical(bytes(raw)))
        except MalformedError:
            continue
    return tuple(found)
