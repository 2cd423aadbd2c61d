"""A whole story replayed as the published vectors have it: from their bytes, and by the script that made them."""

import json

from priorconsent import replay
from priorconsent.events import MapRoot, read_event
from tests import replay_vectors
from tests.world import Shelf, World

VECTORS = json.loads(replay_vectors.PATH.read_text(encoding="utf-8"))


def test_replay_reaches_the_states_and_alarms_of_the_vectors():
    world = World.__new__(World)
    world.ledger, world.shelf = replay.MemoryLedger(), Shelf()
    world.shelf.blobs.update({digest: text.encode() for digest, text in VECTORS["blobs"].items()})
    world.shelf.proofs.update({digest: text.encode() for digest, text in VECTORS["evidence"].items()})
    effects = []
    for text in VECTORS["events"]:
        event = read_event(text.encode())
        if isinstance(event, MapRoot):
            assert event.root == f"sha256:{world.root().hex()}"
        effects.append(replay.apply(event, world.ledger, world.shelf))
    assert [pos for pos, effect in enumerate(effects) if effect.alarm is not None] == VECTORS["without_effect"]
    assert sorted({digest for effect in effects for digest in effect.unchecked}) == VECTORS["unchecked"]
    assert {name: json.loads(state.encode()) for name, state in world.ledger.states.items()} == VECTORS["states"]


def test_the_vectors_are_those_that_their_script_makes():
    assert replay_vectors.vectors() == VECTORS
