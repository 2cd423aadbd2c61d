"""The newest map: a verified snapshot, and the leaves that changed since, checkpoint after checkpoint.

A snapshot of a large map takes a while to write and to verify, a change of it does not. So whoever answers
keeps the snapshot that it verified once, and follows the log by files of changed leaves. Procedure of
``advance``:

1. The container is that of ``leaf_file``, and its head that of a later checkpoint of the trusted log.
2. Its leaves: ascending, each of which may stand in a map.
3. Every bucket that they fall into is rebuilt from its leaves as they were and as they are now, then the tree
   above it; number and root are those of the map-root.
4. Only now they count, all of them at once. Whatever fails leaves the map as it was.

So the map is at each moment, in full, one that the log committed to. Every look-up is held against the tree in
memory, for the snapshot lies open for long, and whoever can write to its file could tell SQLite something else.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

from priorconsent import merkle_buckets, merkle_map, names
from priorconsent.errors import NotTrustedError, ProofError
from priorconsent.leaf_file import FIRST_KEY, LAST_KEY, SCHEMA, LeafFile, Row, decode_state
from priorconsent.merkle_buckets import BUCKET_BITS, TOP, Position, bucket_of, bucket_range
from priorconsent.merkle_map import EMPTY, Node
from priorconsent.snapshot import KEPT_STATES, Snapshot
from priorconsent.states import State
from priorconsent.trust import Trust


class CurrentMap:
    """A verified map that moves on with its log. Closed after use.

    Not to be used by two threads at once: who shares it among several holds a lock.

    Args:
        path: the snapshot to begin with.

    Raises:
        NotTrustedError: the snapshot is not what it should be.

    Cost: to open, a scan of the snapshot, and one more before the first answer; of a look-up, that of one bucket in
    some 65,536. What changed since lies in a file without a name that ends with this object; memory holds the
    tree above the buckets.
    """

    def __init__(self, path: Path, trust: Trust) -> None:
        self._trust = trust
        self._base = Snapshot(path, trust)
        self.head = self._base.head
        # SQLite's own temporary file: nobody else can open it, and so nobody can write to it.
        self._later = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._later.execute(SCHEMA["leaves"])
        self._kept = functools.lru_cache(maxsize=KEPT_STATES)(self._look_up)
        self._is_spoilt = False

    def state(self, name: str) -> State | None:
        """The state under a name; ``None``: the map holds nothing there. Implements ``States``.

        Raises:
            NotTrustedError: the file does not say any more what was verified.
        """
        return self._kept(name)

    def leaves(self, first: bytes = FIRST_KEY, last: bytes = LAST_KEY) -> Iterator[Row]:
        """Key, name and state of the leaves in a range of keys, both ends included, ascending."""
        later = self._later.execute(
            "SELECT key, name, state FROM leaves WHERE key BETWEEN ? AND ? ORDER BY key", (first, last)
        )
        # Of two under one key the first to be merged in is the later one.
        for _, rows in groupby(merge(later, self._base.leaves(first, last), key=itemgetter(0)), key=itemgetter(0)):
            yield next(rows)

    @functools.cached_property
    def nodes(self) -> dict[Position, Node]:
        """The tree from the buckets up to the root."""
        nodes = dict(self._base.nodes)
        self._hold(nodes[TOP].hash == self.head.root)
        return nodes

    @functools.cached_property
    def counts(self) -> Counter[str]:
        """Number of leaves by kind of name. Costs one scan, once."""
        return Counter(names.kind_of(name) for _, name, _ in self.leaves())

    def check_unchanged(self) -> None:
        """As ``LeafFile.check_unchanged``, of the snapshot; also refused is one that a look-up found changed."""
        self._base.check_unchanged()
        self._hold(not self._is_spoilt)

    def advance(self, path: Path) -> None:
        """Take over the leaves that changed up to a later checkpoint, by the procedure above.

        Args:
            path: written by ``leaf_file.write``: every leaf that is not as it was in this map.

        Raises:
            NotTrustedError: these changes do not lead from this map to the one that the log committed to.

        Cost: that of the leaves changed and of their neighbours in some 65,536 buckets.
        """
        # 1.
        with LeafFile(path, self._trust) as changes, self._all_or_nothing():
            if changes.head.checkpoint.size <= self.head.checkpoint.size:
                raise ProofError(f"the changes lead to no later map than that of {self.head.checkpoint.size} events")
            # 2. and 3.
            subtrees: dict[int, Node] = {}
            new: Counter[str] = Counter()
            for bucket, rows in groupby(changes.checked_leaves(), key=lambda row: bucket_of(row[0])):
                subtrees[bucket] = self._take(bucket, rows, new)
            nodes = merkle_buckets.update(self.nodes, subtrees)
            count = self.head.map_root.n + new.total()
            if (count, nodes[TOP].hash) != (changes.head.map_root.n, changes.head.root):
                raise ProofError("the changes do not lead to the map that the map-root commits to")
            changes.check_unchanged()
        # 4.
        self.nodes.update(nodes)
        self.head = changes.head
        self._kept.cache_clear()
        if "counts" in self.__dict__:
            self.counts.update(new)

    def close(self) -> None:
        """Release both files."""
        self._later.close()
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, bucket: int, rows: Iterator[Row], new: Counter[str]) -> Node:
        """Store the changed leaves of one bucket; the subtree of all its leaves, and the new ones counted by kind."""
        items = {key: merkle_map.value_hash(state) for key, _, state in self.leaves(*bucket_range(bucket))}
        for key, name, state in rows:
            if key not in items:
                new[names.kind_of(name)] += 1
            items[key] = merkle_map.value_hash(state)
            self._later.execute("INSERT OR REPLACE INTO leaves VALUES (?, ?, ?)", (key, name, state))
        return merkle_map.subtree(sorted(items.items()), BUCKET_BITS)

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            self._later.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._later.execute("ROLLBACK")
                raise
            self._later.execute("COMMIT")
        except sqlite3.Error as error:
            raise NotTrustedError(f"there is no room to follow the log: {error}") from error

    def _look_up(self, name: str) -> State | None:
        key = merkle_map.map_key(name)
        bucket = bucket_of(key)
        found = {one: state for one, _, state in self.leaves(*bucket_range(bucket))}
        subtree = merkle_map.subtree([(one, merkle_map.value_hash(state)) for one, state in found.items()], BUCKET_BITS)
        self._hold(subtree == self.nodes.get((BUCKET_BITS, bucket), EMPTY))
        return decode_state(name, found[key]) if key in found else None

    def _hold(self, as_verified: bool) -> None:  # noqa: FBT001 (it is what is held)
        if not as_verified:
            self._is_spoilt = True
            raise NotTrustedError(f"the snapshot {self._base.path.name} was written to while it was in use")
