"""What a batch or a unit would change, before it is stored."""

from __future__ import annotations

from priorconsent import events as ev
from priorconsent.states import State
from transparency.store import DatabaseLedger


class Overlay:
    """Changes on top of a ledger, kept aside until they are wanted."""

    def __init__(self, base: DatabaseLedger | Overlay) -> None:
        self.base = base
        self.states: dict[str, State] = {}
        self.events: list[ev.Event] = []
        self.spent: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Implements ``Ledger``."""
        return self.base.size + len(self.events)

    @property
    def last_time(self) -> str | None:
        """Implements ``Ledger``."""
        return self.events[-1].time if self.events else self.base.last_time

    def state(self, name: str) -> State | None:
        """Implements ``Ledger``."""
        return self.states[name] if name in self.states else self.base.state(name)

    def put(self, name: str, state: State) -> None:
        """Implements ``Ledger``."""
        self.states[name] = state

    def event(self, pos: int) -> ev.Event:
        """Implements ``Ledger``."""
        return self.events[pos - self.base.size] if pos >= self.base.size else self.base.event(pos)

    def is_spent(self, digest: str) -> bool:
        """Implements ``Ledger``."""
        return digest in self.spent or self.base.is_spent(digest)

    def spend(self, digest: str, pos: int) -> None:
        """Implements ``Ledger``."""
        self.spent.setdefault(digest, pos)

    def record(self, event: ev.Event) -> None:
        """Implements ``Ledger``."""
        self.events.append(event)

    def take(self, changes: Overlay) -> None:
        """Make the changes of an overlay that lies on this one this one's own."""
        self.states.update(changes.states)
        self.events.extend(changes.events)
        for digest, pos in changes.spent.items():
            self.spend(digest, pos)
