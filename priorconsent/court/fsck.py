"""Is everything that a registry published true? Derived again from its files; nobody's word is taken.

1. The checkpoint is signed by the trusted log and the witnesses that the trust file asks for.
2. The entries lead to its root, and so do the tiles of hashes.
3. The log is that of the trusted registry; every event is replayed against blobs and evidence.
4. Each map-root is the root of the map replayed so far; the last entry is one, and dated as the witnesses say.
   The checkpoint is signed by a key that the keyset then in force names for the log.
5. The snapshot verifies, belongs to this very log, and holds the map replayed.

Evidence that is not at hand is counted: key records can be erased by law, and then the log's word on
those signatures cannot be checked any more. An alarm is an event that broke a rule, without effect.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from priorconsent import canonical, keys, merkle_buckets, merkle_map, names, replay
from priorconsent.court.log_steps import check_roots
from priorconsent.court.published import Published
from priorconsent.court.report import Exit
from priorconsent.errors import (
    NotAvailableError,
    NotFoundError,
    NotTrustedError,
    PriorConsentError,
    ProofError,
    UnreachableError,
)
from priorconsent.events import Event, KeysetChange, LogOpen, MapRoot, read_event
from priorconsent.head import check_log_key, check_quorum_time
from priorconsent.log import tiles, tree
from priorconsent.log.opening import OpenedCheckpoint, open_checkpoint
from priorconsent.merkle_buckets import BUCKET_BITS, Position
from priorconsent.merkle_map import Node
from priorconsent.replay.ledger import key_id_of
from priorconsent.snapshot import open_verified
from priorconsent.states import KeysetState
from priorconsent.trust import Trust

Progress = Callable[[int, int | None], None]

# What keeps the check from being made, as opposed to what it finds.
_UNABLE = (NotFoundError, UnreachableError, NotAvailableError)


@dataclass
class Findings:
    """What was found.

    Args:
        unchecked: evidence digests that were not at hand.
        wrong: what contradicts what the registry signed.
        unable: why something could not be checked.
    """

    registry: str
    size: int = 0
    leaves: int = 0
    map_roots: int = 0
    alarms: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unable: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> Exit:
        """5 if anything is wrong, 4 if anything could not be checked."""
        if self.wrong:
            return Exit.INVALID
        return Exit.COULD_NOT_CHECK if self.unable or self.unchecked else Exit.PERMITTED

    def to_json(self) -> dict[str, Any]:
        """The findings as plain JSON values."""
        return {
            "outcome": {Exit.PERMITTED: "clean", Exit.INVALID: "wrong"}.get(self.exit_code, "unchecked"),
            "registry": self.registry,
            "size": self.size,
            "leaves": self.leaves,
            "map_roots": self.map_roots,
            "alarms": self.alarms,
            "unchecked": canonical.sorted_set(self.unchecked),
            "wrong": self.wrong,
            "unable": self.unable,
        }

    @contextlib.contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Note what goes wrong within the block, which ends there."""
        try:
            yield
        except _UNABLE as error:
            self.unable.append(f"{what}: {error}")
        except PriorConsentError as error:
            self.wrong.append(f"{what}: {error}")


def fsck(published: Published, trust: Trust, progress: Progress | None = None) -> Findings:
    """Check all that a registry published, by the procedure above.

    Cost: time grows with the number of events; memory holds them all, and the map.
    """
    found = Findings(trust.registry)
    with found.telling("checkpoint"):
        # 1.
        opened = open_checkpoint(published.log_file("checkpoint"), trust.policy)
        found.size = opened.checkpoint.size
        replayed = _Replayed(published, trust, found)
        # 2. to 4.
        with found.telling("log"):
            _read_log(published, opened, replayed, progress)
            # 5.
            with found.telling("snapshot"):
                _check_snapshot(published, trust, replayed)
    return found


def _read_log(published: Published, opened: OpenedCheckpoint, replayed: _Replayed, progress: Progress | None) -> None:
    checkpoint = opened.checkpoint
    for raw in tiles.read_entries(published.log_file, checkpoint.size):
        replayed.hashes.append(tree.leaf_hash(raw))
        replayed.take(raw)
        if progress is not None:
            progress(len(replayed.hashes), checkpoint.size)
    nodes = tree.Appended(replayed.hashes)
    if tree.tree_root(checkpoint.size, nodes) != checkpoint.root:
        raise ProofError("the entries do not lead to the root of the checkpoint")
    if not isinstance(replayed.last, MapRoot):
        raise ProofError("the last entry is no map-root")
    check_quorum_time(opened, replayed.last.time)
    check_log_key(opened, replayed.keyset, replayed.last.time)
    for tile in tiles.tiles_to_write(0, checkpoint.size):
        if tile.level is None:
            continue
        if tiles.read_tile(published.log_file, tile) != tiles.tile_bytes(tile, nodes):
            raise ProofError(f"{tile.path} does not hold the hashes of the entries")


def _check_snapshot(published: Published, trust: Trust, replayed: _Replayed) -> None:
    with published.snapshot() as path:
        if not path.is_file():
            raise UnreachableError(f"no file {path.name}")
        with open_verified(path, trust, None) as snapshot:
            head = snapshot.head
            size = head.checkpoint.size
            if size > len(replayed.hashes):
                raise UnreachableError(f"the snapshot of {size} entries is newer than the checkpoint read; try again")
            # Then its map-root is an entry of this log too, and was compared with the map replayed.
            if tree.tree_root(size, tree.Appended(replayed.hashes)) != head.checkpoint.root:
                raise ProofError("the snapshot belongs to another log")


class _Archive(replay.Archive):
    """Published blobs and evidence."""

    def __init__(self, published: Published, found: Findings) -> None:
        self._published = published
        self._found = found

    def blob(self, digest: str) -> bytes:
        return self._published.blob(digest)

    def evidence(self, digest: str) -> bytes | None:
        try:
            raw = self._published.evidence(digest)
        except UnreachableError:
            return None
        if digest not in {canonical.digest(raw), key_id_of(raw)}:
            self._found.wrong.append(f"evidence {digest}: the file holds something else")
        return raw


class _Replayed:
    """The log as far as it was replayed, and the map's nodes up to the root."""

    def __init__(self, published: Published, trust: Trust, found: Findings) -> None:
        self.hashes: list[bytes] = []
        self.ledger = replay.MemoryLedger()
        self._archive = _Archive(published, found)
        self._trust = trust
        self._found = found
        self._buckets: dict[int, dict[bytes, bytes]] = {}
        self._nodes: dict[Position, Node] = {}
        self._changed: set[int] = set()

    @property
    def last(self) -> Event | None:
        """The newest event."""
        return self.ledger.events[-1] if self.ledger.events else None

    @property
    def keyset(self) -> keys.Keyset:
        """The keyset in force.

        Raises:
            ProofError: the log has none.
        """
        state = self.ledger.state(names.KEYSET)
        if not isinstance(state, KeysetState):
            raise ProofError("the log has no keyset")
        return keys.payload_of(self._archive.keyset(state.digest))

    def take(self, raw: bytes) -> None:
        """Replay one entry."""
        event = read_event(raw)
        self._check_beginning(event)
        if isinstance(event, MapRoot):
            self._check_map_root(event)
        effect = replay.apply(event, self.ledger, self._archive)
        self._found.unchecked.extend(effect.unchecked)
        if effect.alarm is not None:
            self._found.alarms.append(effect.alarm)
        for name in effect.changed:
            state = self.ledger.states[name]
            key = merkle_map.map_key(name)
            bucket = merkle_buckets.bucket_of(key)
            self._buckets.setdefault(bucket, {})[key] = merkle_map.value_hash(state.encode())
            self._changed.add(bucket)
        self._found.leaves = len(self.ledger.states)

    def _check_beginning(self, event: Event) -> None:
        if isinstance(event, LogOpen) and not self.ledger.size:
            told = (event.registry, event.keyset, event.origin)
            if told != (self._trust.registry, self._trust.registry, self._trust.policy.origin):
                raise NotTrustedError("the log is that of another registry or origin")
        if isinstance(event, KeysetChange) and event.version == 1:
            raw = self._archive.blob(event.digest)
            check_roots(raw, keys.read_keyset(raw, None), self._trust)

    def _check_map_root(self, event: MapRoot) -> None:
        subtrees = {
            bucket: merkle_map.subtree(sorted(self._buckets[bucket].items()), BUCKET_BITS) for bucket in self._changed
        }
        self._nodes |= merkle_buckets.update(self._nodes, subtrees)
        self._changed.clear()
        root = "sha256:" + self._nodes[merkle_buckets.TOP].hash.hex()
        if (event.root, event.n) != (root, len(self.ledger.states)):
            self._found.wrong.append(f"event {self.ledger.size}: its root is not that of the map replayed")
        self._found.map_roots += 1
