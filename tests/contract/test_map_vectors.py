"""The map's published vectors, byte for byte."""

import hashlib
import json
from pathlib import Path

import pytest

from priorconsent import canonical, merkle_buckets, merkle_map

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "map.json").read_text())


def named_entry(i):
    """Entry ``i`` by the rule that the vectors state."""
    work = f"urn:uuid:0193504a-0000-7000-8000-{i:012x}"
    name = [
        f"work:{work}",
        f"url:https://studio{i}.example/作品/{i}",
        "sha256:" + hashlib.sha256(f"asset {i}".encode()).hexdigest(),
    ][i % 3]
    return name, {"seq": i, "works": [work]}


def items(n):
    entries = (named_entry(i) for i in range(n))
    return sorted((merkle_map.map_key(name), merkle_map.value_hash(canonical.encode(state))) for name, state in entries)


def leaf(member):
    return (bytes.fromhex(member["key"]), bytes.fromhex(member["value"]))


def siblings(vector):
    return tuple(map(bytes.fromhex, vector["siblings_from_root"]))


ITEMS = items(300)
ROOT = merkle_map.root(ITEMS)


@pytest.mark.parametrize(("i", "entry"), list(enumerate(VECTORS["entries"])))
def test_names_and_states_hash_to_the_published_keys_and_values(i, entry):
    assert named_entry(i) == (entry["name"], entry["state"])
    assert merkle_map.map_key(entry["name"]).hex() == entry["key"]
    assert merkle_map.value_hash(canonical.encode(entry["state"])).hex() == entry["value"]


@pytest.mark.parametrize("vector", VECTORS["roots"], ids=lambda vector: str(vector["n"]))
def test_roots_are_the_published_ones_in_bulk_and_by_buckets(vector):
    leaves = items(vector["n"])
    buckets: dict[int, list[merkle_map.Item]] = {}
    for item in leaves:
        buckets.setdefault(merkle_buckets.bucket_of(item[0]), []).append(item)
    nodes = {bucket: merkle_map.subtree(members, 16) for bucket, members in buckets.items()}
    assert merkle_map.root(leaves).hex() == vector["root"]
    assert merkle_buckets.update({}, nodes)[merkle_buckets.TOP].hash.hex() == vector["root"]


@pytest.mark.parametrize("vector", VECTORS["proofs_at_300"], ids=lambda vector: vector["name"])
def test_proofs_of_presence_and_absence_are_the_published_ones(vector):
    key = merkle_map.map_key(vector["name"])
    proof = merkle_map.prove(ITEMS, key)
    terminal = vector["terminal"] and leaf(vector["terminal"])
    assert proof == merkle_map.Proof(bytes.fromhex(vector["key"]), siblings(vector), terminal)
    assert merkle_map.check(proof, ROOT) == (terminal[1] if vector["result"] == "present" else None)


@pytest.mark.parametrize("vector", VECTORS["prefix_proofs_at_300"], ids=lambda vector: vector["prefix"])
def test_prefix_proofs_are_the_published_ones(vector):
    leaves = tuple(map(leaf, vector["leaves"]))
    proof = merkle_map.prove_prefix(ITEMS, vector["prefix"])
    assert proof == merkle_map.PrefixProof(vector["prefix"], siblings(vector), leaves)
    assert proof.depth == vector["depth"]
    inside = tuple(item for item in leaves if item[0].hex().startswith(vector["prefix"]))
    assert merkle_map.check_prefix(proof, ROOT) == inside


def test_the_leaves_of_the_scenario_hash_to_its_map_roots():
    scenario = json.loads((Path(__file__).parents[1] / "vectors" / "scenario-1.json").read_text())
    for published in scenario["maps"].values():
        leaves = sorted(
            (merkle_map.map_key(name), merkle_map.value_hash(state.encode()))
            for name, state in published["leaves"].items()
        )
        assert len(leaves) == published["n"]
        assert "sha256:" + merkle_map.root(leaves).hex() == published["root"]
