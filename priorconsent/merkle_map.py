"""The map as a sparse Merkle tree: which name has which state, and which has none.

The tree has 2^256 places; a name's place is its key. An empty subtree is 32 zero bytes, and a
subtree with one leaf *is* that leaf, at whatever depth. So a path ends at the first subtree with
at most one leaf, and a proof of absence shows that subtree: empty, or somebody else's leaf.

Under no root, not even one that a cheating registry signed, can a key be proved present and
absent, or with two values. Both paths follow the same bits down from the same root, so at the
shallower end one hash would have to be two of: zeros, a leaf (prefix 00), a node (prefix 01). That
takes a collision of SHA-256. (Whether a root is the *right* one is for replay to say.)

Source: docs/spec/map.md, docs/spec/files.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from priorconsent.errors import MalformedError, ProofError

DOMAIN = b"prior-consent-map/v1"
HASH_BYTES = 32
KEY_BITS = 256
ZERO = bytes(HASH_BYTES)

Item = tuple[bytes, bytes]  # key, value hash

_PREFIX = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class Node:
    """A subtree.

    Args:
        hash: 32 bytes; zeros if it is empty.
        leaf: its only leaf; ``None`` if it has none or several.
    """

    hash: bytes
    leaf: Item | None = None

    @property
    def ends_a_path(self) -> bool:
        """It has at most one leaf."""
        return self.leaf is not None or self.hash == ZERO


EMPTY = Node(ZERO)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the map says about one key.

    Args:
        key: 32 bytes.
        siblings: 32 bytes each, from the root down.
        terminal: the leaf where the path ends; ``None`` if it ends in an empty subtree.
    """

    key: bytes
    siblings: tuple[bytes, ...]
    terminal: Item | None


@dataclass(frozen=True, slots=True)
class PrefixProof:
    """All leaves whose keys begin with a prefix.

    Args:
        prefix: 1 to 64 lower-case hex digits.
        siblings: 32 bytes each, from the root down; their number is the depth in bits.
        leaves: by key. Less deep than the prefix there is at most one, and it may lie outside.
    """

    prefix: str
    siblings: tuple[bytes, ...]
    leaves: tuple[Item, ...]

    @property
    def depth(self) -> int:
        """Bits from the root to the subtree that the leaves make up."""
        return len(self.siblings)


def map_key(name: str) -> bytes:
    """SHA-256(domain ‖ 00 ‖ name)."""
    return hashlib.sha256(DOMAIN + b"\x00" + name.encode("utf-8")).digest()


def value_hash(state: bytes) -> bytes:
    """SHA-256 of a state's canonical bytes."""
    return hashlib.sha256(state).digest()


def leaf_hash(key: bytes, value: bytes) -> bytes:
    """SHA-256(00 ‖ key ‖ value hash)."""
    if len(key) != HASH_BYTES or len(value) != HASH_BYTES:
        raise MalformedError(f"key and value hash of a leaf have {HASH_BYTES} bytes each")
    return hashlib.sha256(b"\x00" + key + value).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def join(left: Node, right: Node) -> Node:
    """The parent of two subtrees."""
    if left.hash == ZERO and right.ends_a_path:
        return right
    if right.hash == ZERO and left.ends_a_path:
        return left
    return Node(node_hash(left.hash, right.hash))


def root(items: Iterable[Item]) -> bytes:
    """The root over a stream of leaves in ascending order of keys; memory does not grow with them.

    Raises:
        MalformedError: keys not strictly ascending.
    """
    return subtree(items).hash


def subtree(items: Iterable[Item], depth: int = 0) -> Node:
    """The subtree at ``depth`` bits over leaves that share so many bits, in ascending order of keys.

    Raises:
        MalformedError: keys not strictly ascending, or from outside the subtree.
    """
    # ``open_nodes`` are finished subtrees from the left, each (hash, depth where it was hashed, a
    # key in it); ``splits`` are the depths at which neighbours among them part, ascending.
    open_nodes: list[tuple[bytes, int, int]] = []
    splits: list[int] = []
    last = -1
    item: Item | None = None
    for item in items:
        key, value = item
        number = int.from_bytes(key, "big")
        if number <= last:
            raise MalformedError("keys are not in strictly ascending order")
        if open_nodes:
            split = KEY_BITS - (number ^ last).bit_length()
            while splits and splits[-1] > split:
                _close(open_nodes, splits.pop())
            splits.append(split)
        # Depth 0 marks a leaf: it stands for itself at any depth and is never lifted.
        open_nodes.append((leaf_hash(key, value), 0, number))
        last = number
    if item is None:
        return EMPTY
    if not splits:
        return Node(open_nodes[0][0], item)
    if splits[0] < depth:
        raise MalformedError(f"keys do not share {depth} bits")
    while splits:
        _close(open_nodes, splits.pop())
    return Node(_lift(*open_nodes[0], depth))


def prove(items: Sequence[Item], key: bytes) -> Proof:
    """What the map over ``items`` (ascending by key) says about ``key``; hashes every item once."""
    siblings, leaves = descend(items, int.from_bytes(key, "big"), KEY_BITS)
    return Proof(key, siblings, leaves[0] if leaves else None)


def prove_prefix(items: Sequence[Item], prefix: str) -> PrefixProof:
    """All leaves under a prefix of the map over ``items`` (ascending by key); hashes every item once."""
    siblings, leaves = descend(items, *path_of(prefix))
    return PrefixProof(prefix, siblings, tuple(leaves))


def check(proof: Proof, root: bytes) -> bytes | None:
    """Check what the map under ``root`` says about ``proof.key``.

    Returns:
        The value hash of the key; ``None`` if the key is absent.

    Raises:
        ProofError: the proof does not lead to the root.
    """
    # A shorter key would be read as a prefix, and its first leaf as the answer.
    if len(proof.key) != HASH_BYTES:
        raise ProofError(f"a key has {HASH_BYTES} bytes, this one {len(proof.key)}")
    leaves = () if proof.terminal is None else (proof.terminal,)
    found = check_prefix(PrefixProof(proof.key.hex(), proof.siblings, leaves), root)
    return found[0][1] if found else None


def check_prefix(proof: PrefixProof, root: bytes) -> tuple[Item, ...]:
    """Check that the map under ``root`` has exactly these leaves under ``proof.prefix``.

    Returns:
        The leaves under the prefix, by key; empty if there are none.

    Raises:
        ProofError: the proof does not lead to the root, or ends where it may not.
    """
    try:
        return _checked_leaves(proof, root)
    except MalformedError as error:
        raise ProofError(error.detail) from None


def path_of(prefix: str) -> tuple[int, int]:
    """A prefix as a path: a 256-bit number of which only the first bits count, and how many.

    Raises:
        MalformedError: not 1 to 64 lower-case hex digits.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise MalformedError(f"not a prefix of a key: {prefix[:70]!r}")
    bits = 4 * len(prefix)
    return int(prefix, 16) << (KEY_BITS - bits), bits


def descend(items: Sequence[Item], path: int, bits: int, depth: int = 0) -> tuple[tuple[bytes, ...], Sequence[Item]]:
    """Follow ``path`` from a subtree at ``depth`` to ``bits``, or to the first subtree with at most one leaf.

    Args:
        items: all leaves of the subtree, ascending by key.

    Returns:
        The siblings passed, from above, and the leaves below the end of the path.
    """
    siblings: list[bytes] = []
    while depth < bits and len(items) > 1:
        middle = _first_on_the_right(items, depth)
        halves = items[:middle], items[middle:]
        right = _bit(path, depth)
        depth += 1
        siblings.append(subtree(halves[1 - right], depth).hash)
        items = halves[right]
    return tuple(siblings), items


def _checked_leaves(proof: PrefixProof, root: bytes) -> tuple[Item, ...]:
    path, bits = path_of(proof.prefix)
    # 1. Not deeper than the prefix; less deep only to a subtree with at most one leaf.
    if proof.depth > bits or (proof.depth < bits and len(proof.leaves) > 1):
        raise ProofError(f"a proof for {bits} bits cannot end at {proof.depth} with {len(proof.leaves)} leaves")
    if any(len(sibling) != HASH_BYTES for sibling in proof.siblings):
        raise ProofError(f"a sibling is not {HASH_BYTES} bytes long")
    # 2. Every leaf lies where the path ends.
    if any(_outside(key, path, proof.depth) for key, _ in proof.leaves):
        raise ProofError("a leaf lies outside the subtree where the proof ends")
    # 3. Rebuild that subtree, climb, compare.
    result = subtree(proof.leaves, proof.depth).hash
    for depth in reversed(range(proof.depth)):
        result = _parent(result, proof.siblings[depth], path, depth)
    if result != root:
        raise ProofError("the map proof leads to another root")
    # 4. A leaf that ends the path early may belong to somebody else.
    return tuple(leaf for leaf in proof.leaves if not _outside(leaf[0], path, bits))


def _close(open_nodes: list[tuple[bytes, int, int]], split: int) -> None:
    """Join the last two open nodes, which part at bit ``split``."""
    right = open_nodes.pop()
    left = open_nodes.pop()
    joined = node_hash(_lift(*left, split + 1), _lift(*right, split + 1))
    open_nodes.append((joined, split, left[2]))


def _lift(result: bytes, depth: int, path: int, target: int) -> bytes:
    """A subtree with several leaves, as seen from further up: nothing but empty subtrees beside it."""
    for level in range(depth - 1, target - 1, -1):
        result = _parent(result, ZERO, path, level)
    return result


def _parent(child: bytes, sibling: bytes, path: int, depth: int) -> bytes:
    return node_hash(sibling, child) if _bit(path, depth) else node_hash(child, sibling)


def _bit(path: int, depth: int) -> int:
    """The bit that decides between left (0) and right (1) below a node at ``depth``."""
    return path >> (KEY_BITS - 1 - depth) & 1


def _first_on_the_right(items: Sequence[Item], depth: int) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if _bit(int.from_bytes(items[middle][0], "big"), depth):
            high = middle
        else:
            low = middle + 1
    return low


def _outside(key: bytes, path: int, bits: int) -> bool:
    return (int.from_bytes(key, "big") ^ path) >> (KEY_BITS - bits) != 0
