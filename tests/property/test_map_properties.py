"""The map, whatever it holds and whoever wrote the proof."""

import hashlib
from dataclasses import dataclass, replace

from hypothesis import assume, given
from hypothesis import strategies as st

from priorconsent import merkle_buckets, merkle_map
from priorconsent.errors import ProofError
from priorconsent.merkle_buckets import Position
from priorconsent.merkle_map import ZERO, Item, Node, PrefixProof, Proof

hashes = st.binary(min_size=32, max_size=32)
# Keys that collide in their first bits, in their first two bytes, or only in nothing.
keys = st.one_of(
    hashes,
    st.integers(0, 31).map(lambda number: (number << 251).to_bytes(32, "big")),
    st.integers(0, 7).map(lambda number: b"\xab\xcd" + number.to_bytes(30, "big")),
    st.tuples(st.sampled_from([b"\xab\xcd", b"\xab\xce", b"\xac\x00"]), st.binary(min_size=30, max_size=30)).map(
        b"".join
    ),
)
maps = st.dictionaries(keys, hashes, max_size=40)
prefixes = st.one_of(
    st.text("0123456789abcdef", min_size=1, max_size=64),
    st.tuples(keys, st.integers(1, 64)).map(lambda drawn: drawn[0].hex()[: drawn[1]]),
)


def bucketed(leaves):
    buckets: dict[int, list[Item]] = {}
    for item in leaves:
        buckets.setdefault(merkle_buckets.bucket_of(item[0]), []).append(item)
    return {bucket: merkle_map.subtree(items, 16) for bucket, items in buckets.items()}


@given(maps, keys)
def test_a_map_says_of_every_key_what_is_true(state, key):
    items = sorted(state.items())
    proof = merkle_map.prove(items, key)
    assert merkle_map.check(proof, merkle_map.root(items)) == state.get(key)


@given(maps, prefixes)
def test_a_bucket_has_exactly_the_leaves_under_its_prefix(state, prefix):
    items = sorted(state.items())
    proof = merkle_map.prove_prefix(items, prefix)
    under = tuple(item for item in items if item[0].hex().startswith(prefix))
    assert merkle_map.check_prefix(proof, merkle_map.root(items)) == under


@given(maps, prefixes)
def test_buckets_give_the_root_and_the_proofs_of_the_whole(state, prefix):
    items = sorted(state.items())
    stored = merkle_buckets.update({}, bucketed(items))
    assert stored[merkle_buckets.TOP].hash == merkle_map.root(items)
    fetched = {at: stored[at] for at in merkle_buckets.path_positions(prefix) if at in stored}
    low, high = merkle_buckets.leaf_range(prefix)
    near = [item for item in items if low <= item[0] <= high]
    assert merkle_buckets.prove_prefix(fetched, near, prefix) == merkle_map.prove_prefix(items, prefix)


@given(maps, maps)
def test_an_update_comes_to_what_building_anew_comes_to(before, changes):
    stored = merkle_buckets.update({}, bucketed(sorted(before.items())))
    after = bucketed(sorted({**before, **changes}.items()))
    touched = {merkle_buckets.bucket_of(key) for key in changes}
    fetched = {at: stored[at] for at in merkle_buckets.neighbours(touched) | {merkle_buckets.TOP} if at in stored}
    stored |= merkle_buckets.update(fetched, {bucket: after[bucket] for bucket in touched})
    assert stored == merkle_buckets.update({}, after)


@given(maps, st.randoms(use_true_random=False))
def test_the_root_does_not_depend_on_the_order_of_writing(state, chance):
    writes = list(state.items())
    chance.shuffle(writes)
    stored: dict[Position, Node] = {}
    written: dict[bytes, bytes] = {}
    for key, value in writes:
        written[key] = value
        bucket = merkle_buckets.bucket_of(key)
        members = sorted(item for item in written.items() if merkle_buckets.bucket_of(item[0]) == bucket)
        stored |= merkle_buckets.update(stored, {bucket: merkle_map.subtree(members, 16)})
    assert merkle_buckets.update(stored, {})[merkle_buckets.TOP].hash == merkle_map.root(sorted(state.items()))


@st.composite
def changed_proofs(draw):
    """A state, a proof in it, and the proof with one thing about siblings or terminal changed."""
    state = draw(maps.filter(bool))
    proof = merkle_map.prove(sorted(state.items()), draw(st.one_of(keys, st.sampled_from(sorted(state)))))
    siblings, at = list(proof.siblings), draw(st.integers(0, len(proof.siblings)))
    terminals = st.one_of(st.none(), st.sampled_from(sorted(state.items())), st.tuples(st.just(proof.key), hashes))
    match draw(st.sampled_from(["change", "drop", "add", "swap", "terminal"])):
        case "change":
            siblings[at : at + 1] = [draw(hashes)]
        case "drop":
            siblings[at : at + 1] = []
        case "add":
            siblings[at:at] = [draw(st.one_of(hashes, st.just(ZERO), st.sampled_from([*siblings, ZERO])))]
        case "swap":
            siblings.reverse()
        case _:
            return state, proof, replace(proof, terminal=draw(terminals))
    return state, proof, replace(proof, siblings=tuple(siblings))


@given(changed_proofs())
def test_a_changed_proof_is_always_refused(drawn):
    state, proof, changed = drawn
    assume(changed != proof)
    try:
        merkle_map.check(changed, merkle_map.root(sorted(state.items())))
    except ProofError:
        return
    raise AssertionError(changed)


@given(changed_proofs(), keys)
def test_a_proof_given_for_another_key_tells_the_truth_or_nothing(drawn, key):
    state, proof, _ = drawn
    try:
        said = merkle_map.check(replace(proof, key=key), merkle_map.root(sorted(state.items())))
    except ProofError:
        return
    assert said == state.get(key)


@dataclass(frozen=True)
class Cheat:
    """A node of a tree that no honest registry would build: leaves anywhere, also twice."""

    hash: bytes
    leaf: Item | None = None
    children: tuple["Cheat", ...] = ()


def cheating_leaf(drawn):
    number, value = drawn
    key = (number << 252).to_bytes(32, "big")
    value = hashlib.sha256(value).digest()
    return Cheat(merkle_map.leaf_hash(key, value), leaf=(key, value))


cheating_trees = st.recursive(
    st.one_of(st.just(Cheat(ZERO)), st.tuples(st.integers(0, 15), st.binary(max_size=1)).map(cheating_leaf)),
    lambda trees: st.tuples(trees, trees).map(
        lambda pair: Cheat(merkle_map.node_hash(pair[0].hash, pair[1].hash), children=pair)
    ),
    max_leaves=12,
)


def leaves_of(tree):
    return {tree.leaf} if tree.leaf else set().union(*map(leaves_of, tree.children))


def siblings_along(tree, key):
    siblings, depth = [], 0
    while tree.children:
        right = key[depth // 8] >> (7 - depth % 8) & 1
        siblings.append(tree.children[1 - right].hash)
        tree, depth = tree.children[right], depth + 1
    return siblings


def verdicts(tree, key):
    """Everything that anyone could have believed about a key under this root."""
    siblings = siblings_along(tree, key)
    for end in range(len(siblings) + 1):
        for terminal in (None, *leaves_of(tree)):
            try:
                yield merkle_map.check(Proof(key, tuple(siblings[:end]), terminal), tree.hash)
            except ProofError:
                continue


@given(cheating_trees, st.integers(0, 15))
def test_no_root_proves_a_key_present_and_absent_or_with_two_values(tree, number):
    assert len(set(verdicts(tree, (number << 252).to_bytes(32, "big")))) <= 1


@given(cheating_trees, st.integers(0, 15), st.data())
def test_no_root_proves_a_bucket_without_a_leaf_that_it_proves_present(tree, number, data):
    key = (number << 252).to_bytes(32, "big")
    siblings = siblings_along(tree, key)[:4]
    present = {value for value in verdicts(tree, key) if value is not None}
    claimed = tuple(sorted(data.draw(st.sets(st.sampled_from(sorted(leaves_of(tree)) or [(key, ZERO)])))))
    for end in range(len(siblings) + 1):
        try:
            found = merkle_map.check_prefix(PrefixProof(f"{number:x}", tuple(siblings[:end]), claimed), tree.hash)
        except ProofError:
            continue
        assert present <= {value for _, value in found}
