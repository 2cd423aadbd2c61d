"""The log as static files: tiles of hashes and bundles of entries.

A hash tile holds up to 256 hashes of one level in eight; what lies between is recomputed. A tile
that is not full yet is published under its width and replaced by a wider one as the log grows.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from priorconsent.errors import MalformedError, NotFoundError, ProofError
from priorconsent.log.tree import HASH_BYTES, Appended, Nodes, root

LEVELS_PER_TILE = 8
TILE_WIDTH = 1 << LEVELS_PER_TILE
MAX_TILE_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
CACHED_TILES = 256  # 2 MiB: a proof in 2^64 leaves touches eight

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Tile:
    """One file of the log.

    Args:
        level: tile level, 0 over the leaf hashes; ``None`` for a bundle of entries.
        index: zero-based in its row.
        width: hashes or entries in it, 1 to 256; less than 256 in the last of a row only.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log's prefix."""
        if self.level is None:
            return entries_path(self.index, self.width)
        return tile_path(self.level, self.index, self.width)


class TileNodes:
    """The complete subtrees of a published tree, read from its tiles.

    Nothing read is believed: what is computed from these nodes has to be compared with the root
    of a signed checkpoint.

    Args:
        read: gives the bytes at a path; raises ``NotFoundError`` where there is no such file.
        size: number of leaves of the tree that the tiles cover.
    """

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self._read = read
        self._hashes = lru_cache(maxsize=CACHED_TILES)(self._read_hashes)

    def node(self, level: int, index: int) -> bytes:
        """Implements ``Nodes``.

        Raises:
            ProofError: the tree has no such complete subtree.
            MalformedError: a tile has another length than its width says.
        """
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise ProofError(f"the tree of {self.size} leaves has no complete subtree {index} at level {level}")
        tile_level, height = divmod(level, LEVELS_PER_TILE)
        tile_index, first = divmod(index << height, TILE_WIDTH)
        hashes = self._hashes(tile_level, tile_index)
        below = range(first * HASH_BYTES, (first + (1 << height)) * HASH_BYTES, HASH_BYTES)
        return Appended([hashes[at : at + HASH_BYTES] for at in below]).node(height, 0)

    def _read_hashes(self, level: int, index: int) -> bytes:
        width = min(TILE_WIDTH, (self.size >> LEVELS_PER_TILE * level) - index * TILE_WIDTH)
        return read_tile(self._read, Tile(level, index, width))


class HashRows:
    """The hash tiles of a tree that grows leaf by leaf; memory holds one tile of each row.

    Args:
        is_full: is told each full tile with its content.
    """

    def __init__(self, is_full: Callable[[Tile, bytes], None]) -> None:
        self._is_full = is_full
        self._rows: list[list[bytes]] = []
        self._done: list[int] = []

    def append(self, hashed: bytes, level: int = 0) -> None:
        """Add a hash to a row: a leaf's, or one that a full tile below makes up."""
        if level == len(self._rows):
            self._rows.append([])
            self._done.append(0)
        row = self._rows[level]
        row.append(hashed)
        if len(row) == TILE_WIDTH:
            self._is_full(Tile(level, self._done[level]), b"".join(row))
            self._done[level] += 1
            self.append(root(row), level + 1)
            row.clear()

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The last tile of each row, where it is not full."""
        for level, row in enumerate(self._rows):
            if row:
                yield Tile(level, self._done[level], len(row)), b"".join(row)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """``tile/<level>/<index>[.p/<width>]``."""
    if not 0 <= level <= MAX_TILE_LEVEL:
        raise MalformedError(f"no tile level {level}")
    return f"tile/{level}/{_spell_index(index)}{_spell_width(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """``tile/entries/<index>[.p/<width>]``."""
    return f"tile/entries/{_spell_index(index)}{_spell_width(width)}"


def tiles_to_write(old_size: int, new_size: int) -> Iterator[Tile]:
    """The files that change when the log grows: bundles of entries first, then hash tiles from level 0."""
    yield from _row(None, old_size, new_size)
    for level in range(MAX_TILE_LEVEL + 1):
        old, new = (size >> LEVELS_PER_TILE * level for size in (old_size, new_size))
        if not new:
            return
        yield from _row(level, old, new)


def tile_bytes(tile: Tile, nodes: Nodes) -> bytes:
    """The content of a hash tile."""
    if tile.level is None:
        raise MalformedError("a bundle of entries has no hashes")
    level, first = tile.level * LEVELS_PER_TILE, tile.index * TILE_WIDTH
    return b"".join(nodes.node(level, index) for index in range(first, first + tile.width))


def read_tile(read: Read, tile: Tile) -> bytes:
    """The hashes of a tile, joined; where its file is gone, cut from the full tile that came after it.

    Raises:
        NotFoundError: neither file exists.
        MalformedError: another length than the width says.
    """
    size_bytes, full = tile.width * HASH_BYTES, Tile(tile.level, tile.index)
    try:
        raw, expected = read(tile.path), size_bytes
    except NotFoundError:
        if tile == full:
            raise
        raw, expected = read(full.path), TILE_WIDTH * HASH_BYTES
    if len(raw) != expected:
        raise MalformedError(f"{tile.path}: {len(raw)} bytes instead of {expected}")
    return raw[:size_bytes]


def read_entries(read: Read, size: int) -> Iterator[bytes]:
    """All entries of a log of ``size`` leaves, in order, one bundle in memory at a time."""
    for tile in _row(None, 0, size):
        yield from read_bundle(read, tile.index, tile.width)


def read_bundle(read: Read, index: int, width: int) -> list[bytes]:
    """The entries of a bundle; where its file is gone, the first ones of the full bundle that came after it.

    Raises:
        NotFoundError: neither file exists.
        MalformedError: a bundle of another width.
    """
    try:
        return decode_entries(read(entries_path(index, width)), width)
    except NotFoundError:
        if width == TILE_WIDTH:
            raise
        return decode_entries(read(entries_path(index)), TILE_WIDTH)[:width]


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """A bundle: each entry after its length as two bytes, big endian.

    Raises:
        MalformedError: an entry longer than 65,535 bytes, or more than 256 of them.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedError(f"{len(entries)} entries for one bundle")
    for entry in entries:
        check_entry(entry)
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_entries(raw: bytes, width: int) -> list[bytes]:
    """The entries of a bundle that must hold exactly ``width`` of them.

    Raises:
        MalformedError: fewer, more, or an entry that ends beyond the bundle.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(raw) and len(entries) < width:
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        entries.append(raw[start:at])
    if at != len(raw) or len(entries) != width:
        raise MalformedError(f"the bundle does not hold exactly {width} entries")
    return entries


def check_entry(entry: bytes) -> None:
    """Refuse an entry that no bundle can hold."""
    if len(entry) > MAX_ENTRY_BYTES:
        raise MalformedError(f"an entry of {len(entry)} bytes, at most {MAX_ENTRY_BYTES} fit")


def directory_reader(directory: Path) -> Read:
    """Read the files of a log from a directory."""

    def read(path: str) -> bytes:
        try:
            with (directory / path).open("rb") as file:
                raw = file.read(MAX_BUNDLE_BYTES + 1)
        except FileNotFoundError:
            raise NotFoundError(f"no file {path} in this folder") from None
        if len(raw) > MAX_BUNDLE_BYTES:
            raise MalformedError(f"{path} is longer than {MAX_BUNDLE_BYTES} bytes")
        return raw

    return read


def _row(level: int | None, old: int, new: int) -> Iterator[Tile]:
    """The tiles of one row that differ between ``old`` and ``new`` hashes or entries in it."""
    if old == new:
        return
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
        yield Tile(level, index, min(TILE_WIDTH, new - index * TILE_WIDTH))


def _spell_index(index: int) -> str:
    if index < 0:
        raise MalformedError(f"no tile {index}")
    groups = f"{index:,}".split(",")
    groups[0] = groups[0].rjust(3, "0")
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def _spell_width(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedError(f"no tile of width {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"
