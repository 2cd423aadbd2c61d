"""The two trees as the database holds them: the log's tiles, the map's leaves and nodes.

Nothing read here is believed by itself: what follows from the rows has to be compared with a root that
the log signed, and ``store`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from priorconsent.errors import ConflictError
from priorconsent.log.tiles import TILE_WIDTH, TileNodes, tile_bytes, tile_path, tiles_to_write
from priorconsent.log.tree import HASH_BYTES, Appended
from priorconsent.merkle_buckets import BUCKET_BITS, TOP, Position, bucket_of, neighbours, subtrees, update
from priorconsent.merkle_map import EMPTY, Item, Node, map_key, subtree, value_hash
from transparency.alarms import DatabaseChangedError
from transparency.bulk import ROWS_IN_MEMORY, chunks, put, run_for_each
from transparency.models import HashTile, Head, MapLeaf, MapLeafVersion, MapNode

MOST_READINGS = 10
NODE_COLUMNS = ("number", "hash", "leaf_key", "leaf_value")
KEEP_EARLIER = """
    INSERT INTO transparency_mapleafversion (key, until, name, bucket, state, pos)
    SELECT given.key, given.until, leaf.name, leaf.bucket, leaf.state, leaf.pos
    FROM {given} JOIN transparency_mapleaf AS leaf ON leaf.key = given.key
"""


# --- the log ----------------------------------------------------------------------------------------


def log_nodes(size: int) -> TileNodes:
    """The log's tree at any size that it had; a proof reads a handful of tiles."""
    return TileNodes(_read_tile, size)


def extend_log(old_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
    """Write the tiles that new leaves change, and give the tree that includes them."""
    nodes = Appended(leaf_hashes, log_nodes(old_size), old_size)
    tiles = [tile for tile in tiles_to_write(old_size, nodes.size) if tile.level is not None]
    HashTile.objects.bulk_create(
        [HashTile(path=tile_path(tile.level or 0, tile.index), hashes=tile_bytes(tile, nodes)) for tile in tiles],
        update_conflicts=True,
        unique_fields=["path"],
        update_fields=["hashes"],
    )
    return nodes


def _read_tile(path: str) -> bytes:
    # A tile that is not full yet is kept under the path of the full one; new hashes only ever follow the old ones.
    full, _, width = path.partition(".p/")
    size_bytes = int(width or TILE_WIDTH) * HASH_BYTES
    row = HashTile.objects.filter(path=full).first()
    if row is None or len(row.hashes) < size_bytes:
        raise DatabaseChangedError(f"hashes are missing from {path}")
    return bytes(row.hashes)[:size_bytes]


# --- the map ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MapSlice:
    """Some whole buckets of the newest map, and the nodes that lead from them to the root.

    Args:
        items: by bucket, the value hash of each key.
        nodes: the neighbours on the way up.
    """

    items: Mapping[int, dict[bytes, bytes]]
    nodes: Mapping[Position, Node]

    def updated(self) -> dict[Position, Node]:
        """The nodes that follow from the items."""
        changed = {bucket: subtree(sorted(items.items()), BUCKET_BITS) for bucket, items in self.items.items()}
        return update(self.nodes, changed)

    @property
    def root(self) -> bytes:
        """The root that follows from the items."""
        return self.updated()[TOP].hash


def read_slice(names: Iterable[str]) -> MapSlice:
    """The buckets that these names fall into, each read whole."""
    buckets = {bucket_of(map_key(name)) for name in names}
    items: dict[int, dict[bytes, bytes]] = {bucket: {} for bucket in buckets}
    for some in chunks(buckets):
        for bucket, key, value in MapLeaf.objects.filter(bucket__in=some).values_list("bucket", "key", "value"):
            items[bucket][bytes(key)] = bytes(value)
    return MapSlice(items, read_nodes({*neighbours(buckets), TOP}))


def read_nodes(positions: Iterable[Position]) -> dict[Position, Node]:
    """The stored nodes at these positions; empty ones are missing."""
    numbers = [number_of(position) for position in positions]
    found: dict[Position, Node] = {}
    for some in chunks(numbers):
        for number, hashed, key, value in MapNode.objects.filter(number__in=some).values_list(*NODE_COLUMNS):
            leaf = (bytes(key), bytes(value)) if key and value else None
            found[position_of(number)] = Node(bytes(hashed), leaf)
    return found


def write_nodes(nodes: Mapping[Position, Node]) -> None:
    """Store nodes in place of those that stood there."""
    put(
        MapNode,
        NODE_COLUMNS,
        [(number_of(position), node.hash, *(node.leaf or (None, None))) for position, node in nodes.items()],
    )


def number_of(position: Position) -> int:
    """A position as one number, as in a heap."""
    depth, prefix = position
    return 1 << depth | prefix


def position_of(number: int) -> Position:
    """The position that a number stands for."""
    depth = number.bit_length() - 1
    return depth, number - (1 << depth)


def write_leaves(states: Mapping[str, tuple[bytes, int]]) -> int:
    """Put new states, each with its ``pos``, in place of those in force; the earlier ones are kept.

    Returns:
        How many of the names are new.
    """
    keys = {name: map_key(name) for name in states}
    earlier = run_for_each(
        MapLeafVersion, ("key", "until"), KEEP_EARLIER, [(keys[name], pos) for name, (_, pos) in states.items()]
    )
    put(
        MapLeaf,
        ("key", "name", "bucket", "state", "value", "pos"),
        [
            (keys[name], name, bucket_of(keys[name]), state, value_hash(state), pos)
            for name, (state, pos) in states.items()
        ],
    )
    return len(states) - earlier


def leaves_at(size: int, first: bytes = bytes(HASH_BYTES), last: bytes = b"\xff" * HASH_BYTES) -> Iterator[Leaf]:
    """The leaves of the map after the first ``size`` events, ascending by key.

    Costs a read of every leaf, and of every earlier state since ``size``, between the two keys (inclusive).
    """
    return _read(_leaves(size, key__gte=first, key__lte=last).order_by("key"))


def changed_leaves(since: int, size: int) -> Iterator[Leaf]:
    """The leaves of the map after the first ``size`` events that were not so after the first ``since``, in any order.

    Costs a read of these alone: put in order, they would lead SQLite through all that there ever were.
    """
    return _read(_leaves(size, pos__gte=since))


def check_map(size: int, buckets: Iterable[int], root: bytes) -> None:
    """Check that leaves of the map after the first ``size`` events lead to its root.

    Args:
        buckets: whose leaves to read and hash; the others count as stored.

    Raises:
        DatabaseChangedError: they do not: rows were changed.
        ConflictError: batches are committed faster than this is read; try again.
    """
    wanted = set(buckets)
    for _ in range(MOST_READINGS):
        logged = Head.now().size
        if _root_at(size, wanted) == root:
            return
        if Head.now().size == logged:
            raise DatabaseChangedError("the leaves are not those that were signed")
    raise ConflictError("the log moves on faster than it is read; try again")


def _root_at(size: int, wanted: set[int]) -> bytes:
    # What has changed since stands in the stored nodes, so it is read as it was.
    buckets = wanted.union(MapLeaf.objects.filter(pos__gte=size).values_list("bucket", flat=True))
    found = dict.fromkeys(buckets, EMPTY)
    for some in chunks(buckets):
        leaves = _read(_leaves(size, bucket__in=some).order_by("key"))
        found.update(subtrees(leaf.item for leaf in leaves))
    return update(read_nodes({*neighbours(buckets), TOP}), found)[TOP].hash


def _leaves(size: int, **where: object) -> QuerySet[MapLeaf, tuple[bytes, str, bytes]]:
    """Some leaves of the map after the first ``size`` events: key, name, state.

    One statement, so one moment of the database, whatever is sequenced meanwhile.
    """
    columns = ("key", "name", "state")
    current = MapLeaf.objects.filter(pos__lt=size, **where).values_list(*columns)
    earlier = MapLeafVersion.objects.filter(pos__lt=size, until__gte=size, **where).values_list(*columns)
    return current.union(earlier, all=True)


def _read(leaves: QuerySet[MapLeaf, tuple[bytes, str, bytes]]) -> Iterator[Leaf]:
    for key, name, state in leaves.iterator(ROWS_IN_MEMORY):
        yield Leaf(bytes(key), name, bytes(state))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A name and its state's bytes, as they were at some size."""

    key: bytes
    name: str
    state: bytes

    @property
    def item(self) -> Item:
        """What the tree hashes."""
        return self.key, value_hash(self.state)
