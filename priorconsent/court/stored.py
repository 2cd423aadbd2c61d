"""Of each published file its name says what has to be in it.

A tile is compared as the log is read; what is addressed by a digest has that digest. Files that no signature covers
are told by their names, and counted for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from priorconsent.contents import is_content
from priorconsent.court.findings import Findings
from priorconsent.court.published import Published
from priorconsent.log.tiles import TILE_WIDTH, HashRows, Read, Tile, encode_entries, read_tile

_TILE = re.compile(r"log/tile/(?P<row>entries|[0-9]{1,2})/(?P<index>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[0-9]{1,3}))?")
_STORED = re.compile(r"(?P<kind>blob|evidence)/(?P<digest>sha256/[0-9a-f]{64})")
STAMP = re.compile(r"timestamps/(?P<size>[0-9]{1,16})/[0-9a-f]{1,64}\.tsr")
KEPT = re.compile(r"log/checkpoints/(?P<size>[0-9]{1,16})")
# Checked by steps of their own.
_OTHERS = re.compile(r"log/(unwitnessed/)?checkpoint|snapshots/(latest\.json|[0-9]{1,16}\.sqlite)")


class StoredTiles:
    """The tiles of a log, compared with its entries as they are read.

    Args:
        listed: paths of all files that there are, as far as they can be listed: also the beginnings of tiles that
            were published before are compared.
    """

    def __init__(self, read: Read, listed: Iterable[str], found: Findings) -> None:
        self._read = read
        self._found = found
        self._rows = HashRows(self._compare)
        self._bundle: list[bytes] = []
        self._bundles = 0
        self._earlier: dict[tuple[int | None, int], list[Tile]] = {}
        for tile in filter(None, map(_tile_of, listed)):
            self._earlier.setdefault((tile.level, tile.index), []).append(tile)

    def append(self, raw: bytes, leaf: bytes) -> None:
        """The next entry, and its hash."""
        self._bundle.append(raw)
        self._rows.append(leaf)
        if len(self._bundle) == TILE_WIDTH:
            self._end_bundle()

    def finish(self) -> None:
        """Compare the tiles that are not full. What lies beyond them nothing signed covers."""
        if self._bundle:
            self._end_bundle()
        for tile, content in self._rows.partial():
            self._compare(tile, content)
        self._found.uncovered += [f"log/{tile.path}" for tiles in self._earlier.values() for tile in tiles]

    def _end_bundle(self) -> None:
        for tile in self._others(Tile(None, self._bundles, len(self._bundle))):
            self._judge(tile, encode_entries(self._bundle[: tile.width]))
        self._bundles += 1
        self._bundle.clear()

    def _compare(self, tile: Tile, content: bytes) -> None:
        with self._found.telling(f"log/{tile.path}"):
            if read_tile(self._read, tile) != content:
                self._found.tell("other_content", f"log/{tile.path}", "it does not hold the hashes of the entries")
        for other in self._others(tile):
            self._judge(other, content[: other.width * len(content) // tile.width])

    def _others(self, tile: Tile) -> Iterator[Tile]:
        """The beginnings of a tile that lie beside it; it itself is read anyway."""
        there = self._earlier.pop((tile.level, tile.index), [])
        yield from (one for one in there if one.width < tile.width)
        beyond = [one for one in there if one.width > tile.width]
        self._found.uncovered += [f"log/{one.path}" for one in beyond]

    def _judge(self, tile: Tile, content: bytes) -> None:
        with self._found.telling(f"log/{tile.path}"):
            if self._read(tile.path) != content:
                self._found.tell("other_content", f"log/{tile.path}", "it does not hold what the log began with")


def is_stored(path: str) -> bool:
    """Whether a file is named by the digest of its content."""
    return _STORED.fullmatch(path) is not None


def check_stored(published: Published, listed: Iterable[str], found: Findings) -> int:
    """Compare each blob and each piece of evidence with its name, and name the files that nobody reads.

    Returns:
        How many files there are.
    """
    get, count = {"blob": published.blob, "evidence": published.evidence}, 0
    for path in listed:
        count += 1
        stored = _STORED.fullmatch(path)
        if stored is not None:
            digest = stored["digest"].replace("/", ":")
            with found.telling(f"{stored['kind']} {digest}"):
                if not is_content(digest, get[stored["kind"]](digest)):
                    found.tell("other_content", f"{stored['kind']} {digest}", "the file holds something else")
        elif _tile_of(path) is None and not any(known.fullmatch(path) for known in (_OTHERS, KEPT, STAMP)):
            found.uncovered.append(path)
    return count


def _tile_of(path: str) -> Tile | None:
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    row, index, width = found["row"], found["index"], found["width"]
    level = None if row == "entries" else int(row)
    tile = Tile(level, int(index.replace("x", "").replace("/", "")), int(width or TILE_WIDTH))
    try:
        return tile if f"log/{tile.path}" == path else None
    except ValueError:
        return None
