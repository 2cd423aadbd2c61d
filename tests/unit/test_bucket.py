"""A bucket proves all names under a prefix, and that there are no others."""

import hashlib
import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent import bucket, canonical, merkle_map, query, snapshot
from priorconsent.decision import decide
from priorconsent.errors import MalformedError, NotTrustedError, ProofError
from priorconsent.reasons import Verdict
from tests import scenario as cast
from tests.scenario import FILM, scenario, trust, with_shipped_table, write_snapshot

SOON = "2027-03-01T10:00:00Z"


@pytest.fixture(scope="module")
def many():
    """The scenario's map with 3,000 more files: some prefixes hold many names, some none."""
    leaves = with_shipped_table()
    alias = leaves[f"sha256:{cast.FILM_FILE}"]
    return leaves | {f"sha256:{hashlib.sha256(b'%d' % n).hexdigest()}": alias for n in range(3000)}


@pytest.fixture
def buckets(tmp_path, many):
    with snapshot.open_verified(write_snapshot(tmp_path / "s", many), trust(), None) as opened:
        yield partial(bucket.of_map, opened)


def expected(leaves, prefix):
    return {name: state for name, state in leaves.items() if merkle_map.map_key(name).hex().startswith(prefix)}


@pytest.mark.parametrize("prefix", ["00", "7f", "abc", "abcd", "abcde", "1" * 64])
def test_a_bucket_holds_exactly_the_names_under_its_prefix(buckets, many, prefix):
    opened = bucket.open_bucket(buckets(prefix), prefix, trust())
    assert {name: state.encode() for name, state in opened.states.items()} == expected(many, prefix)


def test_64_digits_prove_one_key(buckets, many):
    key = merkle_map.map_key(f"work:{FILM}").hex()
    opened = bucket.open_bucket(buckets(key), key, trust())
    assert list(opened.states) == [f"work:{FILM}"]


def test_an_empty_bucket_may_show_the_leaf_that_ends_the_path(tmp_path):
    with snapshot.open_verified(write_snapshot(tmp_path / "s"), trust(), None) as opened:
        source = partial(bucket.of_map, opened)
        shown = [json.loads(source(f"{n:02x}"))["leaves"] for n in range(256)]
        for n in range(256):
            bucket.open_bucket(source(f"{n:02x}"), f"{n:02x}", trust())
    assert sum("key" in leaf for leaves in shown for leaf in leaves) > 0
    assert sum("name" in leaf for leaves in shown for leaf in leaves) == 12


@pytest.mark.parametrize("prefix", ["", "a", "AB", "xy", "a" * 65])
def test_other_prefixes_are_refused(buckets, prefix):
    with pytest.raises(MalformedError):
        buckets(prefix)


def without_first(record):
    record["leaves"] = record["leaves"][1:]


def as_bare_hash(record):
    leaf = record["leaves"][0]
    value = merkle_map.value_hash(canonical.encode(leaf["state"]))
    record["leaves"][0] = {"key": "sha256:" + merkle_map.map_key(leaf["name"]).hex(), "value": "sha256:" + value.hex()}


BREAKS = {
    "leaf_left_out": (without_first, ProofError),
    "state_withheld": (as_bare_hash, ProofError),
    "state_changed": (lambda record: record["leaves"][0]["state"].update(pos=1), ProofError),
    "no_leaves": (lambda record: record.update(leaves=[]), ProofError),
    "leaves_swapped": (lambda record: record["leaves"].reverse(), ProofError),
    "leaf_of_another_prefix": (lambda record: record["leaves"][0].update(name="host:x.example"), MalformedError),
    "leaf_without_state": (lambda record: record["leaves"][0].pop("state"), MalformedError),
    "another_prefix": (lambda record: record.update(prefix="01"), MalformedError),
    "another_depth": (lambda record: record.update(depth=7), MalformedError),
    "sibling_left_out": (lambda record: record.update(siblings=record["siblings"][1:], depth=7), ProofError),
    "another_root": (lambda record: record["map_root"].update(root=canonical.digest(b"")), ProofError),
    "unknown_member": (lambda record: record.update(v=1), MalformedError),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_bucket_is_refused(buckets, name):
    change, error = BREAKS[name]
    record = json.loads(buckets("00"))
    change(record)
    with pytest.raises(error):
        bucket.open_bucket(canonical.encode(record), "00", trust())


@given(st.binary(max_size=200))
def test_any_bytes_give_a_bucket_or_our_own_error(raw):
    with pytest.raises((MalformedError, NotTrustedError)):
        bucket.open_bucket(raw, "00", trust())


def test_questions_are_decided_at_home_from_buckets(buckets, many):
    states = bucket.BucketStates(buckets, trust())
    assert decide(query.parse(cast.QUESTION, now=SOON), states).verdict is Verdict.PERMITTED
    unknown = query.parse({**cast.QUESTION, "sha256": "0" * 64}, now=SOON)
    assert decide(unknown, states).reason == "no_record"


def test_the_registry_sees_prefixes_and_no_key(buckets):
    asked = []

    def fetch(prefix):
        asked.append(prefix)
        return buckets(prefix)

    states = bucket.BucketStates(fetch, trust())
    # The first look-up is of a random key, to learn the head before anything is asked.
    assert [len(prefix) for prefix in asked] == [64]
    states.state(f"sha256:{cast.FILM_FILE}")
    assert asked[1:] == [merkle_map.map_key(f"sha256:{cast.FILM_FILE}").hex()[: bucket.MIN_PREFIX_DIGITS]]


def test_every_first_look_up_is_another(buckets):
    asked = []

    def fetch(prefix):
        asked.append(prefix)
        return buckets(prefix)

    for _ in range(3):
        bucket.BucketStates(fetch, trust())
    assert len(set(asked)) == 3


@pytest.mark.parametrize(("n", "digits"), [(0, 2), (10**4, 2), (10**6, 3), (10**8, 5)])
def test_the_larger_the_map_the_longer_the_prefix_and_the_crowd_stays(n, digits):
    assert bucket._digits_for(n) == digits
    assert digits == bucket.MIN_PREFIX_DIGITS or n >> 4 * digits >= bucket.CROWD


class Moving:
    """A registry that publishes after every few look-ups."""

    def __init__(self, sources, every):
        self.sources, self.every, self.asked = sources, every, 0

    def fetch(self, prefix):
        self.asked += 1
        return self.sources[min(self.asked // self.every, len(self.sources) - 1)](prefix)


@pytest.fixture
def two_maps(tmp_path, buckets):
    with snapshot.open_verified(write_snapshot(tmp_path / "later"), trust(), None) as later:
        yield buckets, partial(bucket.of_map, later)


def test_two_maps_never_mix_in_one_answer(two_maps):
    moving = Moving(two_maps, every=3)
    states = bucket.BucketStates(moving.fetch, trust())
    names = sorted(scenario().leaves())
    with pytest.raises(bucket.MovedOnError):
        [states.state(name) for name in names]


def test_a_question_begins_anew_when_the_registry_publishes_meanwhile(two_maps):
    moving = Moving(two_maps, every=3)
    names = sorted(scenario().leaves())
    found = bucket.ask(moving.fetch, trust(), lambda states: {name: states.state(name) for name in names})
    assert {name: state and state.encode() for name, state in found.items()} == scenario().leaves()


def test_a_registry_that_never_stands_still_gives_no_answer(two_maps):
    moving = Moving(two_maps * 50, every=3)
    names = sorted(scenario().leaves())
    with pytest.raises(bucket.MovedOnError):
        bucket.ask(moving.fetch, trust(), lambda states: [states.state(name) for name in names])
