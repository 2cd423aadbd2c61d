"""Merkle trees of RFC 9162: roots, inclusion proofs, consistency proofs.

Proofs are computed from *complete* subtrees only, so that a log of 10^7 leaves is extended and
proved with O(log n) reads. They are checked by the numbered steps of the RFC, without any tree.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from priorconsent.errors import ProofError

HASH_BYTES = 32
MAX_PROOF_HASHES = 63  # enough for 2^63 leaves, and what a tlog witness accepts
EMPTY_ROOT = hashlib.sha256(b"").digest()
# A power of two, so that full blocks are complete subtrees.
BLOCK_LEAVES = 256


class Nodes(Protocol):
    """Where the complete subtrees of a tree are read from."""

    def node(self, level: int, index: int) -> bytes:
        """The root of leaves ``index * 2**level`` up to ``(index + 1) * 2**level``; level 0: leaf hashes."""


class Appended:
    """A tree with new leaves at its end, hashed when asked for and then kept in memory.

    Args:
        leaf_hashes: the new leaves, in order.
        base: the tree before them; ``None`` if there was none.
        base_size: the number of leaves of ``base``.
    """

    def __init__(self, leaf_hashes: Sequence[bytes], base: Nodes | None = None, base_size: int = 0) -> None:
        self.size = base_size + len(leaf_hashes)
        self._base = base
        self._base_size = base_size
        self._known = {(0, base_size + index): leaf for index, leaf in enumerate(leaf_hashes)}

    def node(self, level: int, index: int) -> bytes:
        """Implements ``Nodes``."""
        if self._base is not None and (index + 1) << level <= self._base_size:
            return self._base.node(level, index)
        known = self._known.get((level, index))
        if known is None:
            if level == 0:
                raise ProofError(f"the tree of {self.size} leaves has no leaf {index}")
            known = node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))
            self._known[level, index] = known
        return known


class Growing:
    """A tree that grows leaf by leaf, and tells its root at any size; memory grows with the logarithm of the size.

    Source: RFC 9162 section 2.1.2.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf *hash*."""
        self._peaks.append(leaf)
        # Every set bit at the low end of the size so far is a complete subtree of equal height.
        for _ in range(_trailing_ones(self.size)):
            right = self._peaks.pop()
            self._peaks[-1] = node_hash(self._peaks[-1], right)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over the leaves so far."""
        return _fold(self._peaks) if self._peaks else EMPTY_ROOT


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 ‖ entry).

    Source: RFC 9162 section 2.1.1.
    """
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right).

    Source: RFC 9162 section 2.1.1.
    """
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over a stream of leaf hashes; memory grows with the logarithm of their number.

    Block by block: nearly twice as quick as leaf by leaf.

    Source: RFC 9162 section 2.1.2.
    """
    peaks: list[bytes] = []
    stream = iter(leaf_hashes)
    for number in itertools.count():
        block = list(itertools.islice(stream, BLOCK_LEAVES))
        if block:
            peaks.append(_reduced(block))
        if len(block) < BLOCK_LEAVES:
            break
        # Every set bit at the low end of the number so far is a complete subtree of equal height.
        for _ in range(_trailing_ones(number)):
            right = peaks.pop()
            peaks[-1] = node_hash(peaks[-1], right)
    return _fold(peaks) if peaks else EMPTY_ROOT


def tree_root(size: int, nodes: Nodes) -> bytes:
    """The root of the first ``size`` leaves."""
    return _range_root(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The sibling hashes of leaf ``index`` in the tree of ``size`` leaves, from the leaf upwards.

    Raises:
        ProofError: index outside the tree.

    Source: RFC 9162 section 2.1.3.1.
    """
    if not 0 <= index < size:
        raise ProofError(f"the tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            path.append(_range_root(split, end, nodes))
            end = split
        else:
            path.append(_range_root(start, split, nodes))
            start = split
    return path[::-1]


def sides(index: int, size: int) -> int:
    """On which sides the hashes of an inclusion proof stand: bit j is set where hash j stands on the left.

    Several trees and indices share these, and so one proof: without the size of the tree they are all it shows.
    """
    lefts: list[bool] = []
    start, end = 0, size
    while end - start > 1:
        split = _split(start, end)
        lefts.append(index >= split)
        start, end = (split, end) if index >= split else (start, split)
    return sum(left << j for j, left in enumerate(reversed(lefts)))


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Hashes that show the first ``old`` leaves to be the beginning of the first ``new`` ones.

    Empty if either tree proves it by itself: ``old`` is 0 or equal to ``new``.

    Raises:
        ProofError: the old tree is larger than the new one.

    Source: RFC 9162 section 2.1.4.1.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves does not extend one of {old}")
    if old == 0:
        return []
    path: list[bytes] = []
    start, end = 0, new
    while old != end:
        split = _split(start, end)
        if old <= split:
            path.append(_range_root(split, end, nodes))
            end = split
        else:
            path.append(_range_root(start, split, nodes))
            start = split
    # A verifier already holds the root of the old tree if it is this very subtree.
    if start:
        path.append(_range_root(start, end, nodes))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that ``leaf`` sits at ``index`` in the tree of ``size`` leaves under ``root``.

    Args:
        leaf: leaf *hash*, 32 bytes.
        index: zero-based, below ``size``.
        path: sibling hashes, 32 bytes each, from the leaf upwards.

    Raises:
        ProofError: index outside the tree, path of the wrong length, or another root.

    Source: RFC 9162 section 2.1.3.2, step by step.
    """
    _check_hashes(leaf, root, *path)
    # 1. The index lies in the tree.
    if not 0 <= index < size:
        raise ProofError(f"the tree of {size} leaves has no leaf {index}")
    # 2. and 3.
    fn, sn, r = index, size - 1, leaf
    # 4. Climb; where the right border is ragged, levels without a sibling are skipped.
    for p in path:
        if sn == 0:
            raise ProofError("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            fn, sn = _skip_until_right_child(fn, sn)
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    # 5. All levels were climbed, and the root is the one given.
    if sn != 0:
        raise ProofError("the inclusion proof is too short")
    if r != root:
        raise ProofError("the inclusion proof leads to another root")


def check_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of ``new_size`` leaves begins with the tree of ``old_size`` leaves.

    Args:
        path: 32 bytes each, in the order of RFC 9162; empty if sizes are equal or ``old_size`` is 0.

    Raises:
        ProofError: sizes out of order, path of the wrong length, or other roots.

    Source: RFC 9162 section 2.1.4.2, step by step.
    """
    _check_hashes(old_root, new_root, *path)
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a tree of {new_size} leaves does not extend one of {old_size}")
    if old_size in (0, new_size):
        _check_trivial(old_size, new_size, old_root, new_root, path)
        return
    if not path:
        raise ProofError("the consistency proof is empty")
    # 1. A complete old tree is itself the first hash of the path.
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else path
    # 2. and 3.
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    # 4.
    fr = sr = hashes[0]
    # 5. Climb both trees at once.
    for c in hashes[1:]:
        if sn == 0:
            raise ProofError("the consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            fn, sn = _skip_until_right_child(fn, sn)
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    # 6. All levels were climbed, and both roots are the ones given.
    if sn != 0:
        raise ProofError("the consistency proof is too short")
    if fr != old_root or sr != new_root:
        raise ProofError("the consistency proof leads to other roots")


def _check_trivial(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    # RFC 9162 leaves these two cases out: nothing extends to anything, and a tree equals itself.
    if path:
        raise ProofError("trees of equal size, or an empty one, need no consistency proof")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofError("this is not the root of an empty tree")
    if old_size == new_size and old_root != new_root:
        raise ProofError(f"two different roots for the tree of {new_size} leaves")


def _check_hashes(*hashes: bytes) -> None:
    # Two of these are not part of the path: leaf and root, or the two roots.
    if len(hashes) > MAX_PROOF_HASHES + 2:
        raise ProofError(f"{len(hashes) - 2} hashes in a proof, at most {MAX_PROOF_HASHES} are read")
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofError(f"a hash of the proof is not {HASH_BYTES} bytes long")


def _skip_until_right_child(fn: int, sn: int) -> tuple[int, int]:
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _split(start: int, end: int) -> int:
    """Where the left child ends: the largest power of two that leaves something on the right."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The (level, index) of the subtrees that a node over ``start``..``end`` consists of, from the left."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, end: int, nodes: Nodes) -> bytes:
    return _fold([nodes.node(level, index) for level, index in _complete_subtrees(start, end)])


def _reduced(hashes: list[bytes]) -> bytes:
    """The root over a few: pair by pair, level by level; one that is left over rises as it is."""
    while len(hashes) > 1:
        left_over = hashes[len(hashes) & ~1 :]
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)] + left_over
    return hashes[0]


def _fold(peaks: Sequence[bytes]) -> bytes:
    result = peaks[-1]
    for left in reversed(peaks[:-1]):
        result = node_hash(left, result)
    return result


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1
