"""A map kept in buckets: what one change touches, and that it comes to the same."""

import hashlib

import pytest

from priorconsent import merkle_buckets, merkle_map
from priorconsent.errors import MalformedError
from priorconsent.merkle_buckets import TOP
from priorconsent.merkle_map import EMPTY


def items(count):
    return sorted(
        (hashlib.sha256(b"key %d" % i).digest(), hashlib.sha256(b"value %d" % i).digest()) for i in range(count)
    )


def test_a_change_writes_its_bucket_and_sixteen_nodes_above_it():
    leaves = items(500)
    bucket = merkle_buckets.bucket_of(leaves[250][0])
    changed = merkle_buckets.update({}, {bucket: merkle_map.subtree([leaves[250]], 16)})
    assert sorted(changed) == [(depth, bucket >> (16 - depth)) for depth in range(17)]
    assert len(merkle_buckets.neighbours([bucket])) == 16


def test_neighbouring_buckets_that_change_together_need_not_be_fetched():
    assert merkle_buckets.neighbours(range(65_536)) == set()
    assert merkle_buckets.neighbours([0, 1]) == {(depth, 1) for depth in range(1, 16)}
    assert merkle_buckets.neighbours([]) == set()


def test_when_nothing_changes_the_root_stays():
    leaves = items(3)
    stored = merkle_buckets.update(
        {}, {merkle_buckets.bucket_of(leaf[0]): merkle_map.subtree([leaf], 16) for leaf in leaves}
    )
    assert merkle_buckets.update(stored, {}) == {TOP: stored[TOP]}
    assert merkle_buckets.update({}, {}) == {TOP: EMPTY}
    assert merkle_buckets.nodes_over([]) == {TOP: EMPTY}


def test_a_bucket_is_the_range_of_keys_with_its_first_two_bytes():
    assert merkle_buckets.bucket_of(b"\x12\x34" + bytes(30)) == 0x1234
    assert merkle_buckets.bucket_range(0x1234) == (b"\x12\x34" + bytes(30), b"\x12\x34" + b"\xff" * 30)


@pytest.mark.parametrize(
    ("prefix", "first", "last"),
    [("a", "a000", "afff"), ("ab", "ab00", "abff"), ("abcd", "abcd", "abcd"), ("abcde", "abcd", "abcd")],
)
def test_a_proof_wants_the_leaves_of_its_prefix_or_of_its_bucket(prefix, first, last):
    low, high = merkle_buckets.leaf_range(prefix)
    assert (low.hex(), high.hex()) == (first + "0" * 60, last + "f" * 60)


@pytest.mark.parametrize("prefix", ["", "G", "AB", "0" * 65, " 0", "0\n", "٠"])
def test_what_is_no_prefix_of_a_key_is_refused(prefix):
    for question in (merkle_buckets.leaf_range, merkle_buckets.path_positions):
        with pytest.raises(MalformedError):
            question(prefix)
