"""Everything derived again from the bytes of the events, by the functions that an auditor has."""

import hashlib
import json

from django.conf import settings

from priorconsent import events as ev
from priorconsent import merkle_map, replay, snapshot
from priorconsent.log import tree
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.tiles import TileNodes, directory_reader, read_entries
from priorconsent.trust import read_trust
from transparency.archive import DatabaseArchive
from transparency.models import Checkpoint, Event, Head, MapLeaf, Spent
from transparency.policies import log_policy
from transparency.trees import leaves_at, log_nodes


def items(states):
    return sorted((merkle_map.map_key(name), merkle_map.value_hash(raw)) for name, raw in states.items())


def check_log():
    """Tree, map, earlier maps, checkpoints and spent evidence of the database, all from ``Event.raw``."""
    rows = list(Event.objects.order_by("pos"))
    assert [row.pos for row in rows] == list(range(len(rows)))
    events = [ev.read_event(bytes(row.raw)) for row in rows]
    assert [(row.t, row.time) for row in rows] == [(ev.tag_of(event), event.time) for event in events]
    assert [event.time for event in events] == sorted(event.time for event in events)
    hashes = [tree.leaf_hash(bytes(row.raw)) for row in rows]

    ledger, archive, size = replay.MemoryLedger(), DatabaseArchive(), 0
    for event in events:
        if isinstance(event, ev.MapRoot):
            check_map(event, ledger)
            size = event.size + 1
            check_checkpoint(size, event, hashes[:size])
        effect = replay.apply(event, ledger, archive)
        assert (effect.alarm, effect.unchecked) == (None, ())
    assert size == len(rows) == (Head.objects.get().size if rows else 0)
    assert dict(Spent.objects.values_list("digest", "pos")) == ledger.spent
    assert Checkpoint.objects.count() == sum(isinstance(event, ev.MapRoot) for event in events)
    return ledger


def check_map(event, ledger):
    states = {name: state.encode() for name, state in ledger.states.items()}
    assert event.root == "sha256:" + merkle_map.root(items(states)).hex()
    assert event.n == len(states)
    assert [(leaf.name, leaf.state) for leaf in leaves_at(event.size)] == [
        (name, states[name]) for name in sorted(states, key=merkle_map.map_key)
    ]
    if event.size + 1 == Head.objects.get().size:
        assert {leaf.name: bytes(leaf.state) for leaf in MapLeaf.objects.all()} == states


def check_checkpoint(size, event, hashes):
    row = Checkpoint.objects.get(size=size)
    assert bytes(row.root) == tree.root(hashes) == tree.tree_root(size, log_nodes(size))
    assert row.time == event.time
    if row.note is not None:
        # What was signed and overtaken before witnesses saw it was never public.
        policy = own_trust_file().policy if row.published else log_policy()
        opened = open_checkpoint(bytes(row.note), policy).checkpoint
        assert (opened.size, opened.root) == (size, bytes(row.root))


def check_published(*, snapshot_of=None):
    """The public files alone, read as a stranger reads them; gives the size that they show.

    ``snapshot_of``: the earlier size that the newest snapshot is of, if it is not of this one.
    """
    size, maps = check_readable()
    assert check_snapshot(maps) == (snapshot_of or size)
    return size


def check_readable():
    """The checkpoint and everything that it needs; gives its size, and the map at each size until then."""
    public, trust = settings.PRIORCONSENT_DATA / "public", own_trust_file()
    checkpoint = open_checkpoint((public / "log" / "checkpoint").read_bytes(), trust.policy).checkpoint
    read = directory_reader(public / "log")
    entries = list(read_entries(read, checkpoint.size))
    assert tree.root(map(tree.leaf_hash, entries)) == checkpoint.root
    assert tree.tree_root(checkpoint.size, TileNodes(read, checkpoint.size)) == checkpoint.root
    ledger = replay.MemoryLedger()
    maps = {}
    for entry in entries:
        effect = replay.apply(ev.read_event(entry), ledger, FileArchive(public))
        assert (effect.alarm, effect.unchecked) == (None, ())
        maps[ledger.size] = dict(ledger.states)
    return checkpoint.size, maps


def check_snapshot(maps):
    """The newest snapshot holds the map of its size; gives that."""
    folder = settings.PRIORCONSENT_DATA / "public" / "snapshots"
    latest = json.loads((folder / "latest.json").read_bytes())
    path = folder / latest["file"]
    assert latest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    with snapshot.open_verified(path, own_trust_file(), None) as opened:
        assert {name: state for _, name, state in opened.leaves()} == {
            name: state.encode() for name, state in maps[latest["size"]].items()
        }
    return latest["size"]


def own_trust_file():
    return read_trust((settings.PRIORCONSENT_DATA / "trust.json").read_bytes())


class FileArchive(replay.Archive):
    """Blobs and evidence as the public finds them."""

    def __init__(self, public):
        self.public = public

    def blob(self, digest):
        return self.read("blob", digest)

    def evidence(self, digest):
        return self.read("evidence", digest)

    def read(self, folder, digest):
        path = self.public / folder / digest.replace(":", "/")
        return path.read_bytes() if path.exists() else None
