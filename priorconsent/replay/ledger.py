"""What replay stands on: the bytes that events name by digest, and what the events so far amount to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from priorconsent import canonical, receipts, rights
from priorconsent import events as ev
from priorconsent.contents import offer_digest_of, payload_digest_of
from priorconsent.errors import NotTrustedError
from priorconsent.states import State


class Archive(ABC):
    """Where replay finds the bytes that events only name by digest.

    Subclasses give ``blob`` and ``evidence``. What they return is checked against the digest at every
    use, so a wrong answer counts as none.
    """

    @abstractmethod
    def blob(self, digest: str) -> bytes | None:
        """Offers by offer digest, keysets by payload digest, grant tokens, rights tables, lists of receipts by root."""

    @abstractmethod
    def evidence(self, digest: str) -> bytes | None:
        """Statements by evidence digest, key records by key id, share-set documents."""

    def keyset(self, digest: str) -> bytes:
        """The JWS of a keyset.

        Raises:
            NotTrustedError: the blob is missing; what depends on it cannot be replayed.
        """
        return self._blob(digest, "keyset", payload_digest_of)

    def rights_table(self, digest: str) -> rights.RightsTable:
        """A rights table.

        Raises:
            NotTrustedError: the blob is missing or another one.
            MalformedError: it is no rights table.
        """
        return rights.SHIPPED.get(digest) or rights.read_rights_table(self._blob(digest, "rights table"))

    def offer(self, digest: str) -> bytes:
        """The canonical bytes of an offer."""
        return self._blob(digest, "offer", offer_digest_of)

    def token(self, digest: str) -> bytes:
        """The bytes of a grant token."""
        return self._blob(digest, "grant token")

    def receipts(self, digest: str) -> bytes:
        """The list of receipt digests under its root."""
        return self._blob(digest, "list of receipts", receipts.list_digest)

    def _blob(self, digest: str, what: str, actual: Callable[[bytes], str] = canonical.digest) -> bytes:
        raw = self.blob(digest)
        if raw is None or actual(raw) != digest:
            raise NotTrustedError(f"the {what} {digest} is missing from the blobs")
        return raw


class Ledger(Protocol):
    """What the events so far amount to."""

    @property
    def size(self) -> int:
        """How many events there were; the position of the next."""

    @property
    def last_time(self) -> str | None:
        """The latest time of any event, also of those without effect; ``None`` before the first."""

    def state(self, name: str) -> State | None:
        """The state under a name."""

    def put(self, name: str, state: State) -> None:
        """Set the state under a name."""

    def event(self, pos: int) -> ev.Event:
        """An event by position."""

    def is_spent(self, digest: str) -> bool:
        """Whether an event has cited this evidence."""

    def spend(self, digest: str, pos: int) -> None:
        """Note that the event at ``pos`` cites this evidence."""

    def record(self, event: ev.Event) -> None:
        """Append the event itself."""


class MemoryLedger:
    """A ledger in memory, empty at first. Its methods are described at ``Ledger``."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.events: list[ev.Event] = []
        self.spent: dict[str, int] = {}
        self._last_time: str | None = None

    @property
    def size(self) -> int:  # noqa: D102
        return len(self.events)

    @property
    def last_time(self) -> str | None:  # noqa: D102
        return self._last_time

    def state(self, name: str) -> State | None:  # noqa: D102
        return self.states.get(name)

    def put(self, name: str, state: State) -> None:  # noqa: D102
        self.states[name] = state

    def event(self, pos: int) -> ev.Event:  # noqa: D102
        return self.events[pos]

    def is_spent(self, digest: str) -> bool:  # noqa: D102
        return digest in self.spent

    def spend(self, digest: str, pos: int) -> None:  # noqa: D102
        self.spent.setdefault(digest, pos)

    def record(self, event: ev.Event) -> None:  # noqa: D102
        self.events.append(event)
        self._last_time = max(self._last_time or "", event.time)
