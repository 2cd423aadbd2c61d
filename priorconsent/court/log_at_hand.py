"""A whole log read once for whoever looks something up in it: what is in it, and that nothing else is.

1. The checkpoint counts by the policy of the trust file, and the entries lead to its root.
2. The log is that of the trusted registry, and its last entry a map-root.
3. The keysets follow each other from version 1, which the trusted roots signed.

Whether the events hold is not asked: that is for ``fsck``. Looked into are only entries that name what is wanted; one
that is no event is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from priorconsent import canonical, keys, receipts
from priorconsent.contents import payload_digest_of
from priorconsent.court.log_steps import check_roots
from priorconsent.court.published import Published
from priorconsent.errors import (
    FraudError,
    MalformedError,
    NotAvailableError,
    NotFoundError,
    NotTrustedError,
    ProofError,
    SignatureError,
    UnreachableError,
)
from priorconsent.events import Anchor, Event, GrantAdd, KeysetChange, LogOpen, MapRoot, read_event
from priorconsent.head import Head, open_head
from priorconsent.keys import Jwk, Keyset
from priorconsent.log import tiles, tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.proof import LogProof
from priorconsent.trust import Trust

Progress = Callable[[int, int | None], None]

# In canonical JSON no text can spell this but the member itself: its quotation marks would be escaped.
_ALWAYS = tuple(f'"t":"{tag}"'.encode() for tag in ("anchor", "keyset", "log-open", "map-root"))


@dataclass(frozen=True, slots=True)
class InForce:
    """A keyset, and from which event on it is in force.

    Args:
        keyset: ``None``: the copy at hand is not the one that the roots signed, so nobody can tell what counts now.
    """

    keyset: Keyset | None
    pos: int
    time: str


@dataclass(frozen=True)
class LogAtHand:
    """A log as far as one checkpoint.

    Args:
        hashes: of all entries, by position.
        events: by position, the log's own and those that name what was wanted.
    """

    head: Head
    hashes: Sequence[bytes]
    events: dict[int, Event]
    keysets: tuple[InForce, ...]
    blob: Callable[[str], bytes]

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.hashes)

    def check_begins_with(self, size: int, root: str, evidence: bytes) -> None:
        """Check that the log began with a tree that somebody signed.

        Args:
            evidence: what was signed, kept if the two contradict each other.

        Raises:
            UnreachableError: the log at hand is too short to tell.
            FraudError: it began with another one.
        """
        if size > self.size:
            raise UnreachableError(f"the log at hand has {self.size} entries, {size} are needed: fetch a newer one")
        if "sha256:" + tree.root(self.hashes[:size]).hex() != root:
            raise FraudError(f"two histories of {size} events were signed", evidence=(evidence, self.head.note))

    def map_root_before(self, size: int) -> MapRoot:
        """The last entry of the checkpoint of a size.

        Raises:
            ProofError: no checkpoint ends there.
        """
        event = self.events.get(size - 1)
        if not isinstance(event, MapRoot):
            raise ProofError(f"a checkpoint of {size} entries was never published: the last of them is no map-root")
        return event

    def size_at(self, time: str) -> int:
        """Size of the first checkpoint of this time or later; of this one, if none before it is."""
        later = (pos + 1 for pos, event in self.events.items() if isinstance(event, MapRoot) and event.time >= time)
        return min(later, default=self.size)

    def receipt_key(self, kid: str, at: str) -> Jwk:
        """The key for receipts that a signature of an instant names.

        It is judged by the keyset that was in force then, by the time of its event. A signature outside the log has
        no position in it; and a checkpoint that it rests on may be older than the end of a stolen key.

        Raises:
            SignatureError: there is no such key.
            UnreachableError: that keyset is not at hand.
        """
        _, keyset = self.in_force(at)
        return keyset.key(kid, "receipt", at)

    def in_force(self, at: str) -> tuple[int, Keyset]:
        """The keyset in force at an instant, by the time of its event, and the position of that.

        Raises:
            SignatureError: there was none yet.
            UnreachableError: it is not at hand.
        """
        for one in reversed(self.keysets):
            if one.time > at:
                continue
            if one.keyset is None:
                raise UnreachableError(f"the keyset of event {one.pos} is not at hand as it was signed: try elsewhere")
            return one.pos, one.keyset
        raise SignatureError(f"this registry had no keys yet at {at}")

    def anchored(self, digest: str, since: str) -> tuple[int, str] | None:
        """Position and time of the first anchor from an instant on that lists a receipt; ``None``: none does.

        Raises:
            NotTrustedError: a list is not at hand, or another one.
        """
        wanted = canonical.digest_bytes(digest)
        for pos, event in sorted(self.events.items()):
            if isinstance(event, Anchor) and event.time >= since and wanted in self.listed(event):
                return pos, event.time
        return None

    def listed(self, anchor: Anchor) -> list[bytes]:
        """The digests that an anchor commits to, 32 bytes each.

        Raises:
            NotTrustedError: the list is not at hand, or another one.
        """
        raw = self.blob(anchor.digest)
        if receipts.list_digest(raw) != anchor.digest:
            raise NotTrustedError(f"the list of receipts under {anchor.digest} is another one")
        return receipts.read_list(raw)


@dataclass
class _Reading:
    """What is kept while a log is read."""

    wanted: set[bytes]
    hashes: list[bytes] = field(default_factory=list)
    events: dict[int, Event] = field(default_factory=dict)
    last: bytes = b""

    def take(self, raw: bytes) -> None:
        pos = len(self.hashes)
        self.hashes.append(tree.leaf_hash(raw))
        self.last = raw
        if any(text in raw for text in (*_ALWAYS, *self.wanted)):
            try:
                event = self.events[pos] = read_event(raw)
            except (MalformedError, NotAvailableError):
                # That replay stops there is for ``fsck`` to tell. It keeps no promise, and must hide no broken one.
                return
            if isinstance(event, GrantAdd) and event.digest.encode() in self.wanted:
                # Whatever ends a grant names its id.
                self.wanted.add(event.grant.encode())


def read_log(
    published: Published, trust: Trust, wanted: Collection[str] = (), progress: Progress | None = None
) -> LogAtHand:
    """Read a published log, by the procedure above.

    Args:
        wanted: digests and ids; entries that hold one of them are kept. Of a grant digest also what ended it.

    Raises:
        NotTrustedError: it is not the log of the trusted registry, or not sound.
        UnreachableError: a file of it is missing.

    Cost: reads every entry, parses few; 32 bytes an entry stay in memory.
    """
    try:
        return _read(published, trust, wanted, progress)
    except MalformedError as error:
        raise NotTrustedError(f"the log is not sound: {error}") from error


def _read(published: Published, trust: Trust, wanted: Collection[str], progress: Progress | None) -> LogAtHand:
    # 1.
    reading = _Reading({one.encode() for one in wanted})
    try:
        note = published.log_file("checkpoint")
        checkpoint = open_checkpoint(note, trust.policy).checkpoint
        for raw in tiles.read_entries(published.log_file, checkpoint.size):
            reading.take(raw)
            if progress is not None:
                progress(len(reading.hashes), checkpoint.size)
    except NotFoundError as missing:
        raise UnreachableError(missing.detail) from None
    if tree.root(reading.hashes) != checkpoint.root:
        raise ProofError("the entries do not lead to the root of the checkpoint")
    # 2.
    first = reading.events.get(0)
    if not isinstance(first, LogOpen) or (first.registry, first.origin) != (trust.registry, checkpoint.origin):
        raise NotTrustedError("the log is that of another registry or origin")
    head = _head(note, checkpoint, reading, trust)
    # 3.
    keysets = _keysets(reading.events, published, trust)
    return LogAtHand(head, reading.hashes, reading.events, keysets, published.blob)


def _head(note: bytes, checkpoint: Checkpoint, reading: _Reading, trust: Trust) -> Head:
    last = checkpoint.size - 1
    path = tree.inclusion_proof(last, checkpoint.size, tree.Appended(reading.hashes))
    return open_head(note, reading.last, LogProof(last, tuple(path), note).to_bytes(), trust)


def _keysets(events: dict[int, Event], published: Published, trust: Trust) -> tuple[InForce, ...]:
    chain: list[InForce] = []
    last: Keyset | None = None
    for pos, event in sorted(events.items()):
        if not isinstance(event, KeysetChange):
            continue
        try:
            raw = published.blob(event.digest)
            keyset = _keyset(raw, event.digest, last)
        except (SignatureError, UnreachableError):
            # To go on with the one before would bring back keys whose time is over.
            chain.append(InForce(None, pos, event.time))
            continue
        except (MalformedError, FraudError):
            # As in replay: an event that breaks a rule has no effect.
            continue
        if keyset.registry_id != trust.registry:
            continue
        if last is None:
            check_roots(raw, keyset, trust)
        last = keyset
        chain.append(InForce(keyset, pos, event.time))
    if last is None:
        raise NotTrustedError("the log holds no keyset of the trusted registry")
    return tuple(chain)


def _keyset(raw: bytes, digest: str, previous: Keyset | None) -> Keyset:
    if payload_digest_of(raw) != digest:
        raise SignatureError(f"the keyset {digest} is not the one at hand")
    return keys.read_keyset(raw, previous)
