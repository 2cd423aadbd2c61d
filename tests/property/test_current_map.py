"""However a map came about, by streaming, by steps or at once, it is the same map."""

import tempfile
from itertools import groupby
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorconsent import merkle_map, snapshot
from priorconsent.current_map import CurrentMap
from priorconsent.merkle_buckets import TOP, bucket_of, nodes_over
from priorconsent.merkle_map import ZERO, leaf_hash, map_key, node_hash, value_hash
from tests.scenario import FILM_FILE, REGISTRY, publish, scenario, trust

ALIAS = scenario().leaves()[f"sha256:{FILM_FILE}"]
STATES = [ALIAS.replace(b'"E3"', b'"%s"' % level) for level in (b"E0", b"E1", b"E2", b"E3")]


def crowded(count):
    """Names of which several share a bucket."""
    found = sorted((f"sha256:{number:064x}" for number in range(8 * count)), key=map_key)
    groups = [list(group) for _, group in groupby(found, key=lambda name: bucket_of(map_key(name)))]
    return [name for group in sorted(groups, key=len, reverse=True) for name in group][:count]


NAMES = crowded(400)
maps = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(STATES), max_size=30)


def naive_root(items, depth=0):
    """The hashing of docs/spec/map.md, as it is written there: every level, every leaf."""
    if not items:
        return ZERO
    if len(items) == 1:
        return leaf_hash(*items[0])
    halves: tuple[list[merkle_map.Item], list[merkle_map.Item]] = ([], [])
    for key, value in items:
        halves[key[depth // 8] >> (7 - depth % 8) & 1].append((key, value))
    return node_hash(naive_root(halves[0], depth + 1), naive_root(halves[1], depth + 1))


def items_of(leaves):
    return sorted((map_key(name), value_hash(state)) for name, state in leaves.items())


def write(folder, leaves, padding, *, only=None):
    path = Path(folder) / str(padding)
    head = publish(leaves, padding=padding)
    snapshot.build(path, (leaves if only is None else only).items(), registry=REGISTRY, **head)
    return path


@given(maps)
def test_streaming_bucket_by_bucket_comes_to_the_naive_tree(leaves):
    items = items_of(leaves)
    assert nodes_over(iter(items))[TOP].hash == merkle_map.root(iter(items)) == naive_root(items)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(maps, st.randoms(use_true_random=False))
def test_leaves_streamed_in_any_order_come_to_the_file_of_all_leaves_at_once(leaves, chance):
    shuffled = list(leaves.items())
    chance.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, leaves, 0, only=dict(shuffled))
        with snapshot.open_verified(path, trust(), None) as opened:
            naive = sorted((map_key(name), name, state) for name, state in leaves.items())
            assert list(opened.leaves()) == naive


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(maps, st.lists(maps, max_size=4))
def test_following_step_by_step_comes_to_the_map_built_anew(leaves, steps):
    with tempfile.TemporaryDirectory() as folder, CurrentMap(write(folder, leaves, 0), trust()) as whole:
        for padding, changed in enumerate(steps, 1):
            leaves = leaves | changed
            whole.advance(write(folder, leaves, padding, only=changed))
        assert whole.nodes == nodes_over(items_of(leaves))
        assert {name: state for _, name, state in whole.leaves()} == leaves
        assert whole.counts.total() == len(leaves)
