"""The snapshot: the whole map of one checkpoint as a SQLite file (docs/spec/files.md).

Nothing in a file is believed before all of it was scanned. Procedure of ``open_verified``:

1. The container is that of ``leaf_file``: schema and ``meta`` to the letter and nothing else.
2. The checkpoint is the trusted log's, and the map-root event its last leaf.
3. One scan of the leaves: keys strictly ascending, each derived anew from its name, each state
   canonical and readable as the state of such a name, number and root those of the map-root.
4. It is fresh, if a clock is given.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from priorconsent import freshness, leaf_file, merkle_buckets, merkle_map
from priorconsent.errors import ProofError
from priorconsent.leaf_file import LeafFile
from priorconsent.merkle_buckets import Position
from priorconsent.merkle_map import Node
from priorconsent.states import State
from priorconsent.trust import Trust

# Decoded states kept in memory: those of works, parties and grants are asked for again and again.
KEPT_STATES = 1 << 15


# All leaves of a map are written like some of them; ``open_verified`` tells whether they fit together.
build = leaf_file.write


def open_verified(path: Path, trust: Trust, now: str | None) -> Snapshot:
    """Open a snapshot and verify all of it, by the procedure above.

    Args:
        now: the clock, for freshness; ``None`` where age does not matter.

    Raises:
        NotTrustedError: the file is not what it should be; nothing of it may be used.
        StaleError: it is, but too old.

    Cost: time grows with the number of leaves, memory does not.
    """
    snapshot = Snapshot(path, trust)
    try:
        if now is not None:
            freshness.check_fresh(snapshot.head, trust, now)
    except BaseException:
        snapshot.close()
        raise
    return snapshot


class Snapshot(LeafFile):
    """A verified map. ``open_verified`` makes one; it is closed after use."""

    def __init__(self, path: Path, trust: Trust) -> None:
        super().__init__(path, trust)
        try:
            self._verify()
        except BaseException:
            self.close()
            raise
        # Bound here, not on the class: the cache ends with the snapshot.
        self._kept = functools.lru_cache(maxsize=KEPT_STATES)(self._look_up)

    def state(self, name: str) -> State | None:
        """The state under a name; ``None``: the map holds nothing there. Implements ``States``."""
        return self._kept(name)

    @functools.cached_property
    def nodes(self) -> dict[Position, Node]:
        """The tree from the buckets up to the root. Costs one scan; memory is that of 131,071 nodes at most."""
        items = ((key, merkle_map.value_hash(state)) for key, _, state in self.leaves())
        return merkle_buckets.nodes_over(items)

    def _look_up(self, name: str) -> State | None:
        raw = self.state_bytes(name)
        return None if raw is None else leaf_file.decode_state(name, raw)

    def _verify(self) -> None:
        count = 0

        def items() -> Iterator[merkle_map.Item]:
            nonlocal count
            for key, _, state in self.checked_leaves():
                count += 1
                yield key, merkle_map.value_hash(state)

        root = merkle_map.root(items())
        if (count, root) != (self.head.map_root.n, self.head.root):
            raise ProofError("the leaves are not those that the map-root commits to")
        self.check_unchanged()
