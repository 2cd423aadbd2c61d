"""A ledger in a file is the ledger in memory, also after a break."""

import hashlib
import sqlite3

import pytest

from priorconsent import events as ev
from priorconsent import merkle_map, replay
from priorconsent.replay.file_ledger import FileLedger
from tests import scenario as cast
from tests.court_world import World, honest


@pytest.fixture
def connection(tmp_path):
    opened = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    opened.execute("PRAGMA synchronous=OFF")
    yield opened
    opened.close()


def items(ledger):
    return sorted(
        (merkle_map.map_key(name), merkle_map.value_hash(state.encode())) for name, state in ledger.states.items()
    )


def test_every_event_does_the_same_to_both_and_each_map_root_is_the_same(connection):
    made, memory, file = honest(), replay.MemoryLedger(), FileLedger(connection)
    for raw in made.made.events:
        event = ev.read_event(raw)
        effects = [replay.apply(event, ledger, made.archive) for ledger in (memory, file)]
        assert effects[0] == effects[1]
        assert (file.size, file.last_time) == (memory.size, memory.last_time)
        assert file.save() == merkle_map.root(items(memory))
        assert file.leaves == len(memory.states)
    assert {name: state.encode() for name, state in memory.states.items()} == dict(file.leaves_of_map())
    assert all(file.is_spent(digest) for digest in memory.spent)
    assert not file.is_spent("sha256:" + "0" * 64)
    again = FileLedger(connection)
    assert (again.size, again.leaves, again.last_time) == (file.size, file.leaves, file.last_time)
    assert again.save() == merkle_map.root(items(memory))
    assert all(again.state(name) == state for name, state in memory.states.items())
    assert again.event(0) == memory.event(0)


def test_what_was_rolled_back_is_forgotten(connection):
    world, file = World().begin(), FileLedger(connection)
    events = [ev.read_event(raw) for raw in world.made.events]
    for event in events[:5]:
        replay.apply(event, file, world.archive)
    root = file.save()
    connection.execute("BEGIN")
    for event in events[5:]:
        replay.apply(event, file, world.archive)
    assert file.save() != root
    connection.execute("ROLLBACK")
    file.reload()
    assert (file.size, file.save()) == (5, root)
    for event in events[5:]:
        assert replay.apply(event, file, world.archive).alarm is None
    assert file.save() == merkle_map.root(items(world.ledger))


def test_a_state_that_was_not_kept_in_memory_is_read_again(connection, monkeypatch):
    monkeypatch.setattr("priorconsent.replay.file_ledger.KEPT_STATES", 2)
    world, file = World().begin(), FileLedger(connection)
    for number in range(20):
        name = "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()
        alias = {"t": "alias", "name": name, "work": cast.FILM, "party": cast.STUDIO, "level": "E3", "ended": False}
        world.log({**alias, "_signed": ("claim", cast.STUDIO, None)}, cast.BATCH_B)
    for raw in world.made.events:
        replay.apply(ev.read_event(raw), file, world.archive)
        file.save()
    assert file.save() == merkle_map.root(items(world.ledger))
