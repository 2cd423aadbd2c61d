"""The evidence for one grant, gathered from what is published and from the archive."""

from __future__ import annotations

from api.published import Published
from priorconsent import canonical, names
from priorconsent.bucket import Bucket, of_map
from priorconsent.court.bundle import First, MapLeaf, Now, build
from priorconsent.court.gather import gather
from priorconsent.errors import NotFoundError, NotTrustedError
from priorconsent.merkle_map import map_key
from priorconsent.records import convert
from priorconsent.states import GrantState, State, read_state
from transparency import proofs, timestamps
from transparency.archive import DatabaseArchive
from transparency.trees import leaves_at


class StatesAt:
    """The states after the first ``size`` events, as the database remembers them. Implements ``States``.

    They only tell where to look: whoever reads the bundle proves everything anew.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def state(self, name: str) -> State | None:
        """The state under a name at that size."""
        key = map_key(name)
        leaf = next(leaves_at(self._size, key, key), None)
        return None if leaf is None else read_state(name, leaf.state)


def token(grant: str, published: Published) -> bytes:
    """The token of a published grant.

    Raises:
        NotFoundError: no such grant is published.
        NotTrustedError: its blob is missing.
    """
    digest = _state(grant, published).digest
    try:
        raw = (published.folder / "blob" / digest.replace(":", "/")).read_bytes()
    except FileNotFoundError:
        raise NotTrustedError("the token of the grant is missing from the blobs") from None
    if canonical.digest(raw) != digest:
        raise NotTrustedError("the token in the blobs is not the one that the map names")
    return raw


def bundle(grant: str, published: Published) -> bytes:
    """The bundle of a published grant.

    Raises:
        NotFoundError: no such grant is published.
        NotTrustedError: a piece is missing, or is not what was logged.
    """
    pos = _state(grant, published).life[0].pos
    first = proofs.first_with(pos)
    head = proofs.head(first)
    event, proof = proofs.event(pos, first)
    # The states that the grant's own event was judged by.
    evidence = gather(token(grant, published), DatabaseArchive(), StatesAt(pos), published.map)
    newest = published.map.head
    last = proofs.published(newest.checkpoint.size)
    return build(
        evidence,
        First(event, proof, head["map_root"], head["proof"]),
        Now(newest.map_root.encode(), newest.proof, proofs.consistency(first, last)),
        [_leaf(name, published) for name in evidence.names],
        timestamps.stamped(first),
    )


def _state(grant: str, published: Published) -> GrantState:
    state = published.map.state(names.grant(grant))
    if not isinstance(state, GrantState):
        raise NotFoundError("no such grant is published")
    return state


def _leaf(name: str, published: Published) -> MapLeaf:
    """A state with its path: the bucket of its whole key."""
    bucket = convert(canonical.parse(of_map(published.map, map_key(name).hex())), Bucket)
    leaf = next((leaf for leaf in bucket.leaves if leaf.get("name") == name), None)
    if leaf is None:
        raise NotTrustedError(f"the map holds nothing under {name}")
    return MapLeaf(name=name, siblings=bucket.siblings, state=leaf["state"])
