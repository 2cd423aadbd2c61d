"""Proofs of presence and absence in maps of any size: how long, how many bytes, how they grow.

The maps are invented bucket by bucket, each bucket the same whenever it is asked for, so that memory does not
grow with the names. The tree above the buckets is what a server keeps.
"""

from __future__ import annotations

import math
import random
import secrets
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.measuring import Table, in_a_child, once, progress, unit
from priorconsent import canonical, merkle_map
from priorconsent.leaf_file import Row
from priorconsent.merkle_buckets import BUCKET_BITS, TOP, prove_prefix, update
from priorconsent.merkle_map import HASH_BYTES, Item, Node, check_prefix, subtree, value_hash

BUCKETS = 1 << BUCKET_BITS
PROOFS = 500
CALM = 30


def run(sizes: Sequence[int]) -> Table:
    """Two rows for each size."""
    table = Table(
        f"map: proofs, {PROOFS} of each kind; processor time, means",
        "question",
        "names",
        "hashes",
        "hashes, most",
        "bytes of hashes",
        "the same in JSON",
        "made",
        "checked",
        "hash of as many bytes",
        "tree built",
        "peak RSS",
    )
    for size in sizes:
        progress(f"proofs: {size} names")
        (count, built, found), peak = in_a_child(_measure, size)
        for question, proved in found.items():
            table.add(
                question,
                f"{count:,}",
                f"{proved.hashes:.1f}",
                f"{proved.most}",
                f"{HASH_BYTES * proved.hashes:.0f}",
                f"{proved.sent:,.0f}",
                unit(proved.made_s),
                unit(proved.checked_s),
                unit(proved.hashed_s),
                unit(built),
                f"{peak:.0f} MiB",
            )
    return table


@dataclass(frozen=True)
class Proved:
    """What one proof of a kind costs.

    Args:
        hashes: on its path; ``most``: of the longest.
        sent: bytes of these hashes in the JSON that the server sends.
    """

    hashes: float
    most: int
    sent: float
    made_s: float
    checked_s: float
    hashed_s: float


class InventedTree:
    """The names of a map under random keys.

    Args:
        size: about how many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.count = 0
        self.nodes = update({}, {number: self._subtree(number) for number in range(BUCKETS)})

    def rows(self, number: int) -> list[Row]:
        """The leaves of a bucket, ascending by key."""
        chance = random.Random(number * 100_000_007 + self._size)  # noqa: S311 (the same map in every run)
        keys = sorted(number.to_bytes(2, "big") + chance.randbytes(30) for _ in range(_draw(self._size, chance)))
        return [(key, f"sha256:{key.hex()}", b'{"pos":%d}' % chance.getrandbits(40)) for key in keys]

    def items(self, number: int) -> list[Item]:
        """What the tree hashes of a bucket."""
        return [(key, value_hash(state)) for key, _, state in self.rows(number)]

    def _subtree(self, number: int) -> Node:
        items = self.items(number)
        self.count += len(items)
        return subtree(items, BUCKET_BITS)


def _draw(size: int, chance: random.Random) -> int:
    """How many of ``size`` random keys fall into one bucket: Poisson, or near enough where there are many."""
    mean = size / BUCKETS
    if mean > CALM:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def _measure(size: int) -> tuple[int, float, dict[str, Proved]]:
    trees: list[InventedTree] = []
    built = once(lambda: trees.append(InventedTree(size)))
    (tree,) = trees
    return tree.count, built, {"present": _prove(tree, _present), "absent": _prove(tree, _absent)}


def _present(tree: InventedTree) -> bytes:
    while True:
        items = tree.items(secrets.randbelow(BUCKETS))
        if items:
            return secrets.choice(items)[0]


def _absent(tree: InventedTree) -> bytes:
    del tree
    return secrets.token_bytes(HASH_BYTES)


def _prove(tree: InventedTree, choose: Callable[[InventedTree], bytes]) -> Proved:
    root, figures = tree.nodes[TOP].hash, []
    for _ in range(PROOFS):
        key = choose(tree)
        rows = tree.rows(int.from_bytes(key[:2], "big"))
        items = [(one, value_hash(state)) for one, _, state in rows]
        proof = prove_prefix(tree.nodes, items, key.hex())
        assert check_prefix(proof, root) == tuple(item for item in items if item[0] == key)
        sent = canonical.encode(["sha256:" + sibling.hex() for sibling in proof.siblings])
        hashes = len(proof.siblings)
        made = once(lambda key=key, items=items: prove_prefix(tree.nodes, items, key.hex()))  # type: ignore[misc]
        checked = once(lambda proof=proof: check_prefix(proof, root))  # type: ignore[misc]
        hashed = once(lambda hashes=hashes: merkle_map.value_hash(bytes(HASH_BYTES * hashes)))  # type: ignore[misc]
        figures.append((hashes, len(sent), made, checked, hashed))
    lengths, sents, mades, checks, hasheds = zip(*figures, strict=True)
    means = [statistics.fmean(some) for some in (sents, mades, checks, hasheds)]
    return Proved(statistics.fmean(lengths), max(lengths), *means)
