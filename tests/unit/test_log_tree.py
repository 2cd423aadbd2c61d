"""Roots and proofs against the recursive definitions of RFC 9162, spelled out naively."""

import hashlib

import pytest

from priorconsent.errors import ProofError
from priorconsent.log import tree

LEAVES = [tree.leaf_hash(b"entry %d" % i) for i in range(40)]
NODES = tree.Appended(LEAVES)


def split(size):
    """The largest power of two smaller than ``size``."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def naive_root(leaves):
    """MTH of section 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return tree.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index, leaves):
    """PATH of section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(old, leaves, *, known=True):
    """SUBPROOF of section 2.1.4.1."""
    if old == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*naive_consistency(old, leaves[:k], known=known), naive_root(leaves[k:])]
    return [*naive_consistency(old - k, leaves[k:], known=False), naive_root(leaves[:k])]


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_a_root_is_the_naive_one_streamed_or_from_nodes(size):
    assert tree.root(iter(LEAVES[:size])) == naive_root(LEAVES[:size])
    assert tree.tree_root(size, NODES) == naive_root(LEAVES[:size])


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 767, 768, 769, 1024, 1300])
def test_a_root_is_the_same_block_by_block(size):
    leaves = [tree.leaf_hash(b"entry %d" % i) for i in range(size)]
    assert tree.root(iter(leaves)) == naive_root(leaves)


@pytest.mark.parametrize("size", range(1, len(LEAVES) + 1))
def test_every_leaf_proves_at_its_own_index_and_at_no_other(size):
    root = naive_root(LEAVES[:size])
    for index in range(size):
        path = tree.inclusion_proof(index, size, NODES)
        assert path == naive_path(index, LEAVES[:size])
        tree.check_inclusion(LEAVES[index], index, size, path, root)
        for other in set(range(size + 1)) - {index}:
            with pytest.raises(ProofError):
                tree.check_inclusion(LEAVES[index], other, size, path, root)


@pytest.mark.parametrize("size", range(1, len(LEAVES) + 1))
def test_the_sides_of_a_path_say_all_that_index_and_size_do(size):
    root = naive_root(LEAVES[:size])
    for index in range(size):
        path, found = tree.inclusion_proof(index, size, NODES), tree.sides(index, size)
        # In a tree of a power of two, the bits of the index are the sides.
        tree.check_inclusion(LEAVES[index], found, 1 << len(path), path, root)
        for other in set(range(1 << len(path))) - {found}:
            with pytest.raises(ProofError):
                tree.check_inclusion(LEAVES[index], other, 1 << len(path), path, root)


@pytest.mark.parametrize("new", range(1, 25))
def test_every_tree_begins_with_every_smaller_one(new):
    for old in range(1, new + 1):
        path = tree.consistency_proof(old, new, NODES)
        assert path == naive_consistency(old, LEAVES[:new])
        tree.check_consistency(old, new, naive_root(LEAVES[:old]), naive_root(LEAVES[:new]), path)


@pytest.mark.parametrize("new", range(2, 17))
def test_a_tree_with_another_history_is_never_consistent(new):
    rewritten = [tree.leaf_hash(b"rewritten"), *LEAVES[1:]]
    for old in range(1, new):
        for path in (tree.consistency_proof(old, new, NODES), naive_consistency(old, rewritten[:new])):
            with pytest.raises(ProofError):
                tree.check_consistency(old, new, naive_root(LEAVES[:old]), naive_root(rewritten[:new]), path)


def test_an_empty_tree_is_the_beginning_of_every_tree():
    assert tree.consistency_proof(0, 5, NODES) == []
    tree.check_consistency(0, 5, tree.EMPTY_ROOT, naive_root(LEAVES[:5]), [])
    with pytest.raises(ProofError):
        tree.check_consistency(0, 5, LEAVES[0], naive_root(LEAVES[:5]), [])
    with pytest.raises(ProofError):
        tree.check_consistency(0, 5, tree.EMPTY_ROOT, naive_root(LEAVES[:5]), [LEAVES[0]])


def test_two_roots_for_one_size_are_never_consistent():
    with pytest.raises(ProofError):
        tree.check_consistency(5, 5, naive_root(LEAVES[:5]), naive_root(LEAVES[1:6]), [])


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5)])
def test_a_larger_tree_is_no_beginning_of_a_smaller_one(old, new):
    with pytest.raises(ProofError):
        tree.consistency_proof(old, new, NODES)
    with pytest.raises(ProofError):
        tree.check_consistency(old, new, LEAVES[0], LEAVES[1], [LEAVES[2]])


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_an_index_outside_the_tree_has_no_proof(index):
    with pytest.raises(ProofError):
        tree.inclusion_proof(index, 5, NODES)


def test_a_consistency_proof_may_not_be_left_out():
    # The old root is a power of two, so a lax verifier would have something to climb from.
    with pytest.raises(ProofError, match="empty"):
        tree.check_consistency(4, 5, naive_root(LEAVES[:4]), naive_root(LEAVES[:4]), [])


def test_hashes_of_another_length_are_no_proof():
    root = naive_root(LEAVES[:2])
    for leaf, path in ((LEAVES[0][:31], [LEAVES[1]]), (LEAVES[0], [LEAVES[1] + b"\x00"])):
        with pytest.raises(ProofError, match="32 bytes"):
            tree.check_inclusion(leaf, 0, 2, path, root)


def test_a_proof_longer_than_any_tree_is_refused_before_it_is_hashed():
    with pytest.raises(ProofError, match="at most 63"):
        tree.check_inclusion(LEAVES[0], 0, 1 << 63, [LEAVES[0]] * 64, LEAVES[0])


def test_a_tree_that_grew_in_steps_is_the_tree_that_grew_at_once():
    nodes = tree.Appended(LEAVES[:3])
    nodes = tree.Appended(LEAVES[3:20], nodes, 3)
    nodes = tree.Appended(LEAVES[20:], nodes, 20)
    assert nodes.size == 40
    assert tree.tree_root(40, nodes) == naive_root(LEAVES)
    assert tree.inclusion_proof(7, 40, nodes) == naive_path(7, LEAVES)


def test_a_tree_has_no_leaves_beyond_its_end():
    with pytest.raises(ProofError):
        tree.tree_root(41, NODES)


def test_a_path_longer_than_the_tree_is_high_is_refused_even_under_a_root_made_for_it():
    root = tree.node_hash(LEAVES[1], LEAVES[0])
    with pytest.raises(ProofError, match="too long"):
        tree.check_inclusion(LEAVES[0], 0, 1, [LEAVES[1]], root)


def test_a_path_shorter_than_the_tree_is_high_is_refused_even_under_a_root_made_for_it():
    root = tree.node_hash(LEAVES[0], LEAVES[1])
    with pytest.raises(ProofError, match="too short"):
        tree.check_inclusion(LEAVES[0], 0, 4, [LEAVES[1]], root)


def test_a_consistency_proof_climbs_the_whole_new_tree():
    root = tree.node_hash(LEAVES[0], LEAVES[1])
    tree.check_consistency(1, 2, LEAVES[0], root, [LEAVES[1]])
    with pytest.raises(ProofError, match="too short"):
        tree.check_consistency(1, 4, LEAVES[0], root, [LEAVES[1]])


def test_a_consistency_proof_may_not_climb_beyond_the_new_tree():
    # Would be a proof if leaf 9 stood before the whole of both trees.
    old = tree.node_hash(LEAVES[9], LEAVES[0])
    new = tree.node_hash(LEAVES[9], tree.node_hash(LEAVES[0], LEAVES[1]))
    with pytest.raises(ProofError, match="too long"):
        tree.check_consistency(1, 2, old, new, [LEAVES[1], LEAVES[9]])
