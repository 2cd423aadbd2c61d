"""The bucket: all states under one prefix of keys, proved against a checkpoint (docs/spec/files.md).

Who asks by bucket shows the registry a prefix, and hides the question among all names under it. The
crowd is smaller than it looks: one question takes a chain of look-ups (URL, then work, then grant),
and whoever sees the whole chain learns more than from one prefix. Only a snapshot tells nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar

from msgspec import Meta

from priorconsent import canonical, merkle_buckets, merkle_map
from priorconsent.errors import MalformedError, NotTrustedError, ProofError, UnreachableError
from priorconsent.head import Head, open_head
from priorconsent.leaf_file import Row
from priorconsent.log.note import MAX_NOTE_BYTES
from priorconsent.log.proof import MAX_PROOF_BYTES
from priorconsent.merkle_buckets import Position
from priorconsent.merkle_map import Item, Node, PrefixProof
from priorconsent.records import Digest, Record, convert
from priorconsent.states import State, kind_of_state
from priorconsent.trust import Trust

MAX_BUCKET_BYTES = 8 << 20
MIN_PREFIX_DIGITS = 2
MAX_PREFIX_DIGITS = 64
# How many names a question should at least hide among, where the map has so many.
CROWD = 64
MAX_RESTARTS = 3

Fetch = Callable[[str], bytes]
T = TypeVar("T")


class Bucket(Record, frozen=True):
    """One bucket as it travels.

    Args:
        depth: bits from the root to where the leaves hang, the number of ``siblings``.
        siblings: from the root down.
        leaves: ``{name, state}`` by key; or one ``{key, value}`` from outside the prefix, if the path
            ends early: then the bucket is empty.
        checkpoint: signed note; ``proof``: tlog-proof of ``map_root``, its last leaf.
    """

    prefix: Annotated[str, Meta(pattern=r"^[0-9a-f]{2,64}$(?!\n)")]
    depth: Annotated[int, Meta(ge=0, le=merkle_map.KEY_BITS)]
    siblings: Annotated[tuple[Digest, ...], Meta(max_length=merkle_map.KEY_BITS)]
    leaves: tuple[dict[str, Any], ...]
    checkpoint: Annotated[str, Meta(max_length=MAX_NOTE_BYTES)]
    map_root: dict[str, Any]
    proof: Annotated[str, Meta(max_length=MAX_PROOF_BYTES)]


class _Leaf(Record, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=8192)]
    state: dict[str, Any]


class _Stranger(Record, frozen=True):
    key: Digest
    value: Digest


class Whole(Protocol):
    """A verified map that has every leaf: a ``Snapshot`` or a ``CurrentMap``."""

    @property
    def head(self) -> Head:
        """The checkpoint of the map."""

    @property
    def nodes(self) -> Mapping[Position, Node]:
        """The tree from the buckets up to the root."""

    def leaves(self, first: bytes, last: bytes) -> Iterator[Row]:
        """The leaves in a range of keys, both ends included, ascending."""

    def check_unchanged(self) -> None:
        """Refuse a map whose file was written to since it was verified."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified bucket.

    Args:
        branches: on how many levels of the path something lies beside it.
        states: every state under the prefix, by name.
    """

    prefix: str
    head: Head
    branches: int
    states: dict[str, State]


def build(prefix: str, nodes: Mapping[Position, Node], rows: Sequence[Row], head: Mapping[str, bytes]) -> bytes:
    """Write the bucket of a prefix.

    Args:
        nodes: at least the ``path_positions`` of the prefix; empty ones may be missing.
        rows: all leaves of ``leaf_range(prefix)``, ascending by key.
        head: ``checkpoint``, ``map_root`` and ``proof`` as bytes.

    Raises:
        MalformedError: not 2 to 64 lower-case hex digits.
    """
    if len(prefix) < MIN_PREFIX_DIGITS:
        raise MalformedError(f"a prefix has at least {MIN_PREFIX_DIGITS} hex digits", pointer="/prefix")
    by_key = {key: (name, state) for key, name, state in rows}
    items = [(key, merkle_map.value_hash(state)) for key, _, state in rows]
    proof = merkle_buckets.prove_prefix(nodes, items, prefix)
    record = {
        "prefix": prefix,
        "depth": proof.depth,
        "siblings": [_digest(sibling) for sibling in proof.siblings],
        "leaves": [_leaf(item, prefix, by_key) for item in proof.leaves],
        "checkpoint": head["checkpoint"].decode(),
        "map_root": canonical.parse(head["map_root"]),
        "proof": head["proof"].decode(),
    }
    return canonical.encode(record)


def of_map(whole: Whole, prefix: str) -> bytes:
    """The bucket of a prefix in a verified map.

    Raises:
        MalformedError: not 2 to 64 lower-case hex digits, or one with more under it than a reader takes.
        NotTrustedError: the map's file was written to meanwhile.

    Cost: one scan the first time, for the tree above 16 bits; then a range of rows.
    """
    head = {"checkpoint": whole.head.note, "map_root": whole.head.map_root.encode(), "proof": whole.head.proof}
    rows = list(within_budget(whole.leaves(*merkle_buckets.leaf_range(prefix))))
    raw = build(prefix, whole.nodes, rows, head)
    whole.check_unchanged()
    return raw


def within_budget(rows: Iterable[Row]) -> Iterator[Row]:
    """The leaves under a prefix, as long as a reader would take them.

    Raises:
        MalformedError: there are more.
    """
    left = MAX_BUCKET_BYTES
    for row in rows:
        left -= len(row[2])
        if left < 0:
            raise MalformedError(
                f"more than {MAX_BUCKET_BYTES} bytes lie under it; ask for a longer one", pointer="/prefix"
            )
        yield row


def open_bucket(raw: bytes, prefix: str, trust: Trust) -> Opened:
    """Verify a bucket: rebuild its subtree, climb to the map's root, compare.

    Args:
        prefix: what was asked for.

    Raises:
        MalformedError: not a bucket, or not of this prefix.
        NotTrustedError: its head, or the path to it, does not hold.
    """
    bucket = convert(canonical.parse_canonical(raw, max_bytes=MAX_BUCKET_BYTES), Bucket)
    if bucket.prefix != prefix:
        raise MalformedError(f"asked for the bucket {prefix}, got {bucket.prefix}", pointer="/prefix")
    if bucket.depth != len(bucket.siblings):
        raise MalformedError("depth is not the number of siblings", pointer="/depth")
    head = open_head(bucket.checkpoint.encode(), canonical.encode(bucket.map_root), bucket.proof.encode(), trust)
    states: dict[str, State] = {}
    items = tuple(_item(leaf, prefix, states) for leaf in bucket.leaves)
    siblings = tuple(canonical.digest_bytes(sibling) for sibling in bucket.siblings)
    found = merkle_map.check_prefix(PrefixProof(prefix, siblings, items), head.root)
    # Without this a leaf of the prefix could be shown as a bare hash, and so its state withheld.
    if len(found) != len(states):
        raise ProofError("the bucket does not show the state of each of its leaves")
    # An empty level more changes no root, so only the others show how large the map is.
    branches = sum(sibling != merkle_map.ZERO for sibling in siblings)
    return Opened(prefix, head, branches, states)


class MovedOnError(UnreachableError):
    """The registry published meanwhile: answers from two maps do not mix."""


class BucketStates:
    """The states of one map, fetched bucket by bucket as they are asked for. Implements ``States``.

    The first look-up is of a random key: it tells which checkpoint is served and how large the map is,
    before anything of the question leaves this machine.

    Args:
        fetch: gives the bytes of the bucket of a prefix.
    """

    def __init__(self, fetch: Fetch, trust: Trust) -> None:
        self._fetch = fetch
        self._trust = trust
        self._opened: dict[str, Opened] = {}
        first = self._open(secrets.token_hex(32))
        self.head = first.head
        # The number of names is the registry's word, and the larger it is, the more a prefix would tell.
        self._digits = _digits_for(min(self.head.map_root.n, most_names(first.branches)))

    def state(self, name: str) -> State | None:
        """The state under a name; ``None``: proved absent.

        Raises:
            MovedOnError: the registry serves another checkpoint than at first; start again.
            NotTrustedError: no bucket, or one that does not hold.
        """
        prefix = merkle_map.map_key(name).hex()[: self._digits]
        if prefix not in self._opened:
            opened = self._open(prefix)
            if _identity(opened.head) != _identity(self.head):
                raise MovedOnError("the registry published a new checkpoint while it was asked")
            self._opened[prefix] = opened
        return self._opened[prefix].states.get(name)

    def _open(self, prefix: str) -> Opened:
        raw = self._fetch(prefix)
        try:
            return open_bucket(raw, prefix, self._trust)
        except MalformedError as error:
            raise NotTrustedError(f"the registry sent no sound bucket: {error}") from error


def ask(fetch: Fetch, trust: Trust, question: Callable[[BucketStates], T]) -> T:
    """Put a question to the states of one map; begins anew when the registry publishes meanwhile.

    Raises:
        MovedOnError: that happened ``MAX_RESTARTS`` times.
    """
    for _ in range(MAX_RESTARTS):
        try:
            return question(BucketStates(fetch, trust))
        except MovedOnError as error:
            last = error
    raise last


def most_names(branches: int) -> int:
    """How many names a map may be believed to hold, from the path of a random key.

    Each level halves the names, until about one is left; with 16 times as many, one path of 100,000 ends so soon.
    """
    return 1 << branches + 4


def _digits_for(n: int) -> int:
    """The longest prefix under which still about ``CROWD`` of ``n`` names lie."""
    digits = MIN_PREFIX_DIGITS
    while n >> 4 * (digits + 1) >= CROWD and digits < MAX_PREFIX_DIGITS:
        digits += 1
    return digits


def _identity(head: Head) -> tuple[int, bytes]:
    return head.checkpoint.size, head.checkpoint.root


def _leaf(item: Item, prefix: str, by_key: Mapping[bytes, tuple[str, bytes]]) -> dict[str, Any]:
    key, value = item
    if not key.hex().startswith(prefix):
        return {"key": _digest(key), "value": _digest(value)}
    name, state = by_key[key]
    return {"name": name, "state": canonical.parse(state)}


def _item(leaf: dict[str, Any], prefix: str, states: dict[str, State]) -> Item:
    """The leaf as key and value hash; a state is put among ``states``."""
    if "key" in leaf:
        stranger = convert(leaf, _Stranger)
        return canonical.digest_bytes(stranger.key), canonical.digest_bytes(stranger.value)
    read = convert(leaf, _Leaf)
    key = merkle_map.map_key(read.name)
    if not key.hex().startswith(prefix):
        raise MalformedError(f"{read.name[:80]!r} does not belong into this bucket", pointer="/leaves")
    states[read.name] = convert(read.state, kind_of_state(read.name))
    return key, merkle_map.value_hash(canonical.encode(read.state))


def _digest(raw: bytes) -> str:
    return "sha256:" + raw.hex()
