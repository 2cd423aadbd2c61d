"""Write a batch down: states, events, the trees over both, and where the log ends now. All in one transaction."""

from __future__ import annotations

from priorconsent import events as ev
from priorconsent.errors import ConflictError
from priorconsent.log.tree import leaf_hash, tree_root
from priorconsent.merkle_buckets import TOP, bucket_of
from priorconsent.merkle_map import map_key, value_hash
from transparency.alarms import DatabaseChangedError
from transparency.models import Checkpoint, Event, Head, Spent
from transparency.overlay import Overlay
from transparency.store import DatabaseLedger
from transparency.trees import extend_log, read_slice, write_leaves, write_nodes


def store_map(batch: Overlay, ledger: DatabaseLedger) -> tuple[bytes, int]:
    """Store the states that a batch changed; the new root of the map, and how many leaves it has.

    Raises:
        DatabaseChangedError: the rows do not lead to the root that was logged.
    """
    states = {name: (state.encode(), state.pos) for name, state in batch.states.items()}
    part = read_slice(states)
    if part.root != ledger.map_root:
        raise DatabaseChangedError("the leaves of a bucket do not lead to the map root that was logged")
    for name, (state, _) in states.items():
        part.items[bucket_of(map_key(name))][map_key(name)] = value_hash(state)
    nodes = part.updated()
    write_nodes(nodes)
    return nodes[TOP].hash, ledger.leaves + write_leaves(states)


def store_log(batch: Overlay, ledger: DatabaseLedger, leaves: int) -> None:
    """Store the events of a batch, the nodes of the tree over them and its root, and move the head on."""
    old, raws = ledger.size, [event.encode() for event in batch.events]
    Event.objects.bulk_create(
        Event(pos=old + index, raw=raw, t=ev.tag_of(event), time=event.time)
        for index, (raw, event) in enumerate(zip(raws, batch.events, strict=True))
    )
    Spent.objects.bulk_create(Spent(digest=digest, pos=pos) for digest, pos in batch.spent.items())
    tree = extend_log(old, [leaf_hash(raw) for raw in raws])
    time = batch.events[-1].time
    Checkpoint.objects.create(size=tree.size, root=tree_root(tree.size, tree), time=time)
    _move_head(old, tree.size, leaves)


def _move_head(old: int, new: int, leaves: int) -> None:
    Head.objects.get_or_create(pk=1)
    if Head.objects.filter(pk=1, size=old).update(size=new, leaves=leaves) != 1:
        raise ConflictError(f"another sequencer moved the log on from {old} events")
