"""Entries of a published log, each proved under a signed root before anybody acts on it.

The tiles that are not full lead to the root; each full tile to its hash in the row above; the entries of a bundle
to the hashes of the lowest row. So a reader can take a log piece by piece, and stop anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from priorconsent.errors import ProofError
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.tiles import LEVELS_PER_TILE, TILE_WIDTH, Read, TileNodes, entries_path, read_bundle
from priorconsent.log.tree import HASH_BYTES


class ProvedLog(TileNodes):
    """A log as far as one signed checkpoint; every node that it gives is proved.

    Args:
        read: gives the bytes at a path; raises ``NotFoundError`` where there is no such file.

    Raises:
        NotFoundError: a tile is missing.
        ProofError: the tiles do not lead to the root.
    """

    def __init__(self, read: Read, checkpoint: Checkpoint) -> None:
        super().__init__(read, checkpoint.size)
        self._edge: dict[tuple[int, int], bytes] = {}
        # The complete subtrees that make up the tree lie in the tiles that are not full, and fill them.
        if tree.tree_root(checkpoint.size, self) != checkpoint.root:
            raise ProofError(f"the tiles do not lead to the root of the checkpoint of {checkpoint.size} entries")

    def root_at(self, size: int) -> bytes:
        """The root that this log had at an earlier size."""
        return tree.tree_root(size, self)

    def entries(self, start: int) -> Iterator[list[bytes]]:
        """The entries from a position on, a bundle or the rest of one at a time.

        Raises:
            NotFoundError: a file is missing.
            MalformedError, ProofError: entries or tiles are not those of this log; those given before are.
        """
        for index in range(start // TILE_WIDTH, -(-self.size // TILE_WIDTH)):
            width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
            entries = read_bundle(self._read, index, width)
            if b"".join(map(tree.leaf_hash, entries)) != self._hashes(0, index):
                raise ProofError(f"{entries_path(index, width)} does not hold the entries of this log")
            yield entries[max(0, start - index * TILE_WIDTH) :]

    def _read_hashes(self, level: int, index: int) -> bytes:
        if (level, index) in self._edge:
            return self._edge[level, index]
        raw = super()._read_hashes(level, index)
        if len(raw) < TILE_WIDTH * HASH_BYTES:
            self._edge[level, index] = raw
        elif _root_of(raw) != self.node((level + 1) * LEVELS_PER_TILE, index):
            raise ProofError(f"tile {index} of level {level} does not hold the hashes of this log")
        return raw


def _root_of(raw: bytes) -> bytes:
    return tree.root(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
