"""The map against a full tree of 2^k places, and what no root can prove."""

import hashlib
import itertools

import pytest

from priorconsent import merkle_map
from priorconsent.errors import MalformedError, ProofError
from priorconsent.merkle_map import ZERO, Node, PrefixProof, Proof

BITS = 3


def place(number, bits=BITS):
    """The key whose first ``bits`` bits are ``number`` and whose others are zero."""
    return (number << (256 - bits)).to_bytes(32, "big")


def value(number):
    return hashlib.sha256(b"value %d" % number).digest()


def item(number, bits=BITS):
    return place(number, bits), value(number)


def full_tree(numbers, bits, depth=0, prefix=0):
    """The hash of a subtree by the definition: all places below it are looked at."""
    below = [number for number in numbers if number >> (bits - depth) == prefix]
    if not below:
        return ZERO
    if len(below) == 1:
        return merkle_map.leaf_hash(*item(below[0], bits))
    left, right = (full_tree(numbers, bits, depth + 1, 2 * prefix + side) for side in (0, 1))
    return merkle_map.node_hash(left, right)


SUBSETS = [numbers for size in range(2**BITS + 1) for numbers in itertools.combinations(range(2**BITS), size)]


def test_every_subset_of_a_small_tree_has_the_root_of_the_full_tree():
    for numbers in SUBSETS:
        assert merkle_map.root(map(item, numbers)) == full_tree(numbers, BITS)


def test_every_place_of_every_small_tree_proves_to_be_what_it_is():
    for numbers in SUBSETS:
        items = [item(number) for number in numbers]
        root = merkle_map.root(items)
        for number in range(2**BITS):
            proof = merkle_map.prove(items, place(number))
            assert merkle_map.check(proof, root) == (value(number) if number in numbers else None)


def test_a_proof_holds_under_its_own_root_alone():
    proofs = [(full_tree(numbers, BITS), merkle_map.prove([item(n) for n in numbers], place(0))) for numbers in SUBSETS]
    for own, proof in proofs:
        for root, _ in proofs:
            if root != own:
                with pytest.raises(ProofError):
                    merkle_map.check(proof, root)


@pytest.mark.parametrize("bits", [4, 8, 250, 256])
def test_keys_that_part_late_are_hashed_through_every_empty_level(bits):
    numbers = [0, 1, 2 ** (bits - 1), 2**bits - 2, 2**bits - 1]
    items = [item(number, bits) for number in numbers]
    root = merkle_map.root(items)
    if bits <= 8:
        assert root == full_tree(numbers, bits)
    proof = merkle_map.prove(items, place(1, bits))
    assert len(proof.siblings) == bits
    assert merkle_map.check(proof, root) == value(1)
    assert merkle_map.check(merkle_map.prove(items, place(2, bits)), root) is None


def test_an_empty_map_has_nothing_and_proves_it():
    assert merkle_map.root([]) == ZERO
    assert merkle_map.check(Proof(place(5), (), None), ZERO) is None


def test_the_only_leaf_of_a_map_is_its_root():
    assert merkle_map.root([item(5)]) == merkle_map.leaf_hash(*item(5))
    assert merkle_map.check(Proof(place(5), (), item(5)), merkle_map.root([item(5)])) == value(5)
    assert merkle_map.check(Proof(place(4), (), item(5)), merkle_map.root([item(5)])) is None


def test_joining_keeps_a_single_leaf_and_hashes_everything_else():
    empty, leaf, several = Node(ZERO), Node(value(1), item(1)), Node(value(2))
    assert merkle_map.join(empty, empty) == empty
    assert merkle_map.join(leaf, empty) == merkle_map.join(empty, leaf) == leaf
    assert merkle_map.join(empty, several) == Node(merkle_map.node_hash(ZERO, several.hash))
    assert merkle_map.join(leaf, leaf) == Node(merkle_map.node_hash(leaf.hash, leaf.hash))


@pytest.mark.parametrize("numbers", [(1, 0), (1, 1), (0, 3, 2)])
def test_keys_out_of_order_are_refused(numbers):
    with pytest.raises(MalformedError, match="ascending"):
        merkle_map.root(map(item, numbers))


def test_keys_from_outside_a_subtree_are_refused():
    with pytest.raises(MalformedError, match="share"):
        merkle_map.subtree([item(0), item(7)], 1)


@pytest.mark.parametrize("leaf", [(bytes(31), bytes(32)), (bytes(32), bytes(33)), (bytes(33), bytes(31))])
def test_a_leaf_of_other_lengths_is_refused(leaf):
    with pytest.raises(MalformedError):
        merkle_map.root([leaf])
    with pytest.raises(ProofError):
        merkle_map.check(Proof(place(0), (), leaf), ZERO)


def test_a_short_key_is_not_read_as_a_prefix():
    items = [item(number) for number in range(8)]
    proof = merkle_map.prove_prefix(items, "0")
    with pytest.raises(ProofError, match="key has 32 bytes"):
        merkle_map.check(Proof(b"\x00", proof.siblings, item(0)), merkle_map.root(items))


def test_a_leaf_that_a_cheat_put_into_the_wrong_half_proves_nothing():
    misplaced, elsewhere = merkle_map.leaf_hash(*item(7)), value(0)
    root = merkle_map.node_hash(misplaced, elsewhere)
    for number in (0, 7):
        with pytest.raises(ProofError):
            merkle_map.check(Proof(place(number), (elsewhere,), item(7)), root)
    with pytest.raises(ProofError, match="outside"):
        merkle_map.check_prefix(PrefixProof("0", (elsewhere,), (item(7),)), root)


def test_siblings_of_another_length_are_refused_even_under_a_root_made_for_them():
    root = merkle_map.node_hash(merkle_map.leaf_hash(*item(0)), bytes(33))
    with pytest.raises(ProofError, match="sibling"):
        merkle_map.check(Proof(place(0), (bytes(33),), item(0)), root)


NUMBERS = [0x10, 0x12, 0x1F, 0x80]
ITEMS = [item(number, 8) for number in NUMBERS]
ROOT = merkle_map.root(ITEMS)


@pytest.mark.parametrize(
    ("prefix", "depth", "found"),
    [
        ("1", 4, [0x10, 0x12, 0x1F]),  # all three
        ("8", 1, [0x80]),  # ends early, at a leaf inside
        ("c", 1, []),  # ends early, at a leaf outside
        ("7", 2, []),  # ends early, at nothing
        ("10", 7, [0x10]),
        ("11", 7, []),
        (place(0x12, 8).hex(), 7, [0x12]),
    ],
)
def test_a_bucket_has_all_leaves_under_its_prefix_and_no_other(prefix, depth, found):
    proof = merkle_map.prove_prefix(ITEMS, prefix)
    assert proof.depth == depth
    assert merkle_map.check_prefix(proof, ROOT) == tuple(item(number, 8) for number in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: PrefixProof(proof.prefix, proof.siblings, proof.leaves[:-1]),
        lambda proof: PrefixProof(proof.prefix, proof.siblings, proof.leaves[::-1]),
        lambda proof: PrefixProof(proof.prefix, proof.siblings, (*proof.leaves, proof.leaves[-1])),
        lambda proof: PrefixProof(proof.prefix, proof.siblings, (*proof.leaves, item(0x80, 8))),
        lambda proof: PrefixProof(proof.prefix, proof.siblings, ()),
        lambda proof: PrefixProof(proof.prefix, proof.siblings[:-1], proof.leaves),
        lambda proof: PrefixProof(proof.prefix, proof.siblings[:-1], proof.leaves[:1]),
        lambda proof: PrefixProof(proof.prefix, (*proof.siblings, ZERO), proof.leaves),
        lambda proof: PrefixProof(proof.prefix, (*proof.siblings[:-1], b"short"), proof.leaves),
        lambda proof: PrefixProof("2", proof.siblings, proof.leaves),
        lambda proof: PrefixProof("10", proof.siblings, proof.leaves),
        lambda proof: PrefixProof("", proof.siblings, proof.leaves),
        lambda proof: PrefixProof("1" * 65, proof.siblings, proof.leaves),
        lambda proof: PrefixProof("1\n", proof.siblings, proof.leaves),
        lambda proof: PrefixProof("G", proof.siblings, proof.leaves),
    ],
)
def test_a_bucket_that_leaves_out_adds_or_moves_is_no_proof(change):
    proof = merkle_map.prove_prefix(ITEMS, "1")
    assert len(merkle_map.check_prefix(proof, ROOT)) == 3
    with pytest.raises(ProofError):
        merkle_map.check_prefix(change(proof), ROOT)


def test_a_name_is_hashed_under_the_domain_of_the_map():
    assert merkle_map.map_key("work:x") == hashlib.sha256(b"prior-consent-map/v1\x00work:x").digest()
