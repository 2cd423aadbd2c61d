"""The map in buckets: what a server keeps so that one change costs one bucket and sixteen hashes.

A bucket is the subtree under one 16-bit prefix. Stored are the nodes from the buckets up to the
root, by position; empty ones need not be. Leaves stay wherever the server keeps them and are read
by range of keys. Nothing here reads or writes a store: ``neighbours`` says what to fetch,
``update`` what to write, ``leaf_range`` and ``prove_prefix`` serve the proofs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from priorconsent.errors import MalformedError
from priorconsent.merkle_map import EMPTY, KEY_BITS, Item, Node, PrefixProof, descend, join, path_of, subtree

BUCKET_BITS = 16

Position = tuple[int, int]  # depth in bits, the prefix of so many bits as a number

TOP: Position = (0, 0)


def bucket_of(key: bytes) -> int:
    """The bucket that a key falls into, 0 to 65535."""
    return int.from_bytes(key[: BUCKET_BITS // 8], "big")


def bucket_range(bucket: int) -> tuple[bytes, bytes]:
    """The first and the last key of a bucket."""
    return _key_range(bucket << (KEY_BITS - BUCKET_BITS), BUCKET_BITS)


def subtrees(items: Iterable[Item]) -> Iterator[tuple[int, Node]]:
    """Each bucket with the subtree of its leaves, over a stream of leaves ascending by key.

    Memory does not grow with the leaves, nor with those of a bucket.

    Raises:
        MalformedError: keys not strictly ascending.
    """
    last = -1
    for bucket, some in groupby(items, key=lambda item: bucket_of(item[0])):
        if bucket < last:
            raise MalformedError("keys are not in strictly ascending order")
        last = bucket
        yield bucket, subtree(some, BUCKET_BITS)


def nodes_over(items: Iterable[Item]) -> dict[Position, Node]:
    """All stored nodes of the map over a stream of leaves ascending by key, the root at ``TOP``.

    Raises:
        MalformedError: keys not strictly ascending.
    """
    return update({}, dict(subtrees(items)))


def neighbours(buckets: Iterable[int]) -> set[Position]:
    """The stored nodes that ``update`` looks at when these buckets change."""
    found: set[Position] = set()
    for depth in range(BUCKET_BITS, 0, -1):
        prefixes = {bucket >> (BUCKET_BITS - depth) for bucket in buckets}
        found.update((depth, prefix ^ 1) for prefix in prefixes if prefix ^ 1 not in prefixes)
    return found


def update(stored: Mapping[Position, Node], changed: Mapping[int, Node]) -> dict[Position, Node]:
    """The nodes that changed buckets lead to, themselves and the root included.

    Args:
        stored: at least the ``neighbours`` of the changed buckets; what is missing is empty.
        changed: by bucket, the ``subtree`` of all its leaves at depth 16.

    Returns:
        The new nodes; the root at ``TOP``.
    """
    if not changed:
        return {TOP: stored.get(TOP, EMPTY)}
    level = dict(changed)
    nodes: dict[Position, Node] = {}
    for depth in range(BUCKET_BITS, 0, -1):
        nodes.update(((depth, prefix), node) for prefix, node in level.items())
        level = {prefix >> 1: _join_children(depth, prefix >> 1, level, stored) for prefix in level}
    nodes[TOP] = level[0]
    return nodes


def leaf_range(prefix: str) -> tuple[bytes, bytes]:
    """The first and the last key of the leaves that ``prove_prefix`` wants for a prefix.

    Raises:
        MalformedError: not 1 to 64 lower-case hex digits.
    """
    path, bits = path_of(prefix)
    return _key_range(path, min(bits, BUCKET_BITS))


def prove_prefix(stored: Mapping[Position, Node], items: Sequence[Item], prefix: str) -> PrefixProof:
    """All leaves under a prefix, as ``merkle_map.check_prefix`` reads it; 64 digits ask for one key.

    Args:
        stored: at least the ``path_positions`` of the prefix; what is missing is empty.
        items: all leaves of ``leaf_range(prefix)``, ascending by key.
    """
    path, bits = path_of(prefix)
    siblings: list[bytes] = []
    for depth in range(min(bits, BUCKET_BITS)):
        here = path >> (KEY_BITS - depth)
        node = stored.get((depth, here), EMPTY)
        if node.ends_a_path:
            return PrefixProof(prefix, tuple(siblings), (node.leaf,) if node.leaf else ())
        siblings.append(stored.get((depth + 1, path >> (KEY_BITS - 1 - depth) ^ 1), EMPTY).hash)
    below, leaves = descend(items, path, bits, min(bits, BUCKET_BITS))
    return PrefixProof(prefix, (*siblings, *below), tuple(leaves))


def path_positions(prefix: str) -> set[Position]:
    """The stored nodes that ``prove_prefix`` looks at for a prefix.

    Raises:
        MalformedError: not 1 to 64 lower-case hex digits.
    """
    path, bits = path_of(prefix)
    found: set[Position] = {TOP}
    for depth in range(1, min(bits, BUCKET_BITS) + 1):
        here = path >> (KEY_BITS - depth)
        found |= {(depth, here), (depth, here ^ 1)}
    return found


def _join_children(depth: int, parent: int, level: Mapping[int, Node], stored: Mapping[Position, Node]) -> Node:
    """The parent of two nodes at ``depth``, new ones before stored ones."""
    left, right = (
        level[child] if child in level else stored.get((depth, child), EMPTY) for child in (2 * parent, 2 * parent + 1)
    )
    return join(left, right)


def _key_range(path: int, bits: int) -> tuple[bytes, bytes]:
    low = path >> (KEY_BITS - bits) << (KEY_BITS - bits)
    high = low | ((1 << (KEY_BITS - bits)) - 1)
    return low.to_bytes(KEY_BITS // 8, "big"), high.to_bytes(KEY_BITS // 8, "big")
