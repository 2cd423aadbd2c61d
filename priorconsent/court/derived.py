"""A log derived again, entry by entry: what ``fsck`` and the monitor have in common.

1. The log is that of the trusted registry; keyset 1 is signed by the trusted roots.
2. Each event is replayed as by everybody, against blobs and evidence.
3. Each map-root is the root of the map replayed so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from priorconsent import keys, replay
from priorconsent.contents import is_content
from priorconsent.court.log_steps import check_roots
from priorconsent.court.published import Published
from priorconsent.errors import NotTrustedError, UnreachableError
from priorconsent.events import Event, KeysetChange, LogOpen, MapRoot, read_event
from priorconsent.replay import Effect
from priorconsent.replay.file_ledger import FileLedger
from priorconsent.trust import Trust

# Keysets, offers and key records that are asked for again and again.
KEPT_PIECES = 256
MAX_KEPT_BYTES = 1 << 16


class PublishedArchive(replay.Archive):
    """Published blobs and evidence.

    Args:
        spoilt: is told the digest of evidence whose file holds something else.
    """

    def __init__(self, published: Published, spoilt: Callable[[str], None]) -> None:
        self._published = published
        self._spoilt = spoilt
        self._kept: dict[str, bytes] = {}

    def blob(self, digest: str) -> bytes:  # noqa: D102 (implements ``Archive``)
        return self._keep(digest, self._published.blob)

    def evidence(self, digest: str) -> bytes | None:  # noqa: D102 (the same)
        try:
            return self._keep(digest, self._evidence)
        except UnreachableError:
            return None

    def _evidence(self, digest: str) -> bytes:
        raw = self._published.evidence(digest)
        if not is_content(digest, raw):
            self._spoilt(digest)
        return raw

    def _keep(self, digest: str, get: Callable[[str], bytes]) -> bytes:
        raw = self._kept.get(digest)
        if raw is None:
            raw = get(digest)
            if len(self._kept) >= KEPT_PIECES:
                self._kept.clear()
            if len(raw) <= MAX_KEPT_BYTES:
                self._kept[digest] = raw
        return raw


@dataclass(frozen=True, slots=True)
class Taken:
    """One entry, replayed.

    Args:
        false_root: the map that it commits to is not the one replayed.
    """

    pos: int
    event: Event
    effect: Effect
    false_root: bool


class Derivation:
    """A log as far as it was replayed into a ledger."""

    def __init__(self, ledger: FileLedger, archive: PublishedArchive, trust: Trust) -> None:
        self.ledger = ledger
        self.archive = archive
        self._trust = trust

    def take(self, raw: bytes) -> Taken:
        """Replay the next entry: ``read`` and ``apply``."""
        return self.apply(self.read(raw))

    def read(self, raw: bytes) -> Event:
        """The next entry as an event.

        Raises:
            MalformedError: it is no event.
            NotTrustedError: the log is another registry's, or a blob is missing.
        """
        event = read_event(raw)
        self._check_beginning(event)
        return event

    def apply(self, event: Event) -> Taken:
        """Replay the next event; if that fails, the ledger is as before.

        Raises:
            NotTrustedError: a blob is missing.
            FraudError: evidence at hand is proved invalid.
        """
        false_root = isinstance(event, MapRoot) and not self._is_root(event)
        pos = self.ledger.size
        return Taken(pos, event, replay.apply(event, self.ledger, self.archive), false_root)

    def _check_beginning(self, event: Event) -> None:
        if isinstance(event, LogOpen) and not self.ledger.size:
            told = (event.registry, event.keyset, event.origin)
            if told != (self._trust.registry, self._trust.registry, self._trust.policy.origin):
                raise NotTrustedError("the log is that of another registry or origin")
        if isinstance(event, KeysetChange) and event.version == 1:
            raw = self.archive.blob(event.digest)
            check_roots(raw, keys.read_keyset(raw, None), self._trust)

    def _is_root(self, event: MapRoot) -> bool:
        root = self.ledger.save()
        return (event.root, event.n) == (f"sha256:{root.hex()}", self.ledger.leaves)
