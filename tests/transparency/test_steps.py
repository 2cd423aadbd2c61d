"""A large map: checkpoints at once, the snapshot later, and steps between them for whoever answers."""

import tracemalloc

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from priorconsent import times
from priorconsent.current_map import CurrentMap
from priorconsent.errors import ProofError
from priorconsent.merkle_map import map_key
from priorconsent.snapshot import open_verified
from priorconsent.states import PartyState
from tests.transparency.audit import check_published
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, DAY_4, STUDIO, Unit
from transparency import publisher, sequencer, snapshots
from transparency.checkpoints import sign_newest
from transparency.files import locked, public_folder
from transparency.models import Checkpoint, Head, MapLeaf
from transparency.steps import changes_folder, next_step, step_path
from transparency.store import own_trust
from transparency.trees import leaves_at

# A second for each name of these small maps.
SLOWLY = 1_000_000


@pytest.fixture
def offered(cast, monkeypatch):
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    monkeypatch.setattr(snapshots, "PAUSE_S_PER_MILLION_NAMES", SLOWLY)
    return cast


def file(number):
    return f"sha256:{number:064x}"


def log(unit, now):
    unit.append()
    sequencer.run(now)
    return Head.objects.get().size


def newest_snapshot():
    return max((public_folder() / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))


def follow(current, size):
    while (step := next_step(current.head.checkpoint.size, size)) is not None:
        current.advance(step)
    return {name: state for _, name, state in current.leaves()}


def test_a_checkpoint_does_not_wait_for_the_snapshot_of_a_large_map(offered):
    begin = check_published()
    size = log(offered.alias(file(1)), DAY_1)
    assert check_published(snapshot_of=begin) == size == begin + 2


def test_whoever_has_a_snapshot_follows_step_by_step_to_every_checkpoint(offered):
    with CurrentMap(newest_snapshot(), own_trust()) as current:
        for number in range(1, 5):
            size = log(offered.alias(file(number)), DAY_1)
            assert follow(current, size) == {leaf.name: leaf.state for leaf in leaves_at(size)}
            assert current.head.checkpoint.size == size
        log(offered.refusal(1), DAY_2)
        size = log(Unit([{"t": "party", "party": urn(1), "kind": "ai_vendor", "members": None}]), DAY_2)
        assert follow(current, size) == {leaf.name: leaf.state for leaf in leaves_at(size)}


def urn(number):
    return f"urn:uuid:00000000-0000-4000-9000-{number:012x}"


def test_a_sign_of_life_is_a_step_without_leaves(offered):
    begin = check_published()
    sequencer.sweep(DAY_3)
    assert check_published(snapshot_of=begin) == begin + 1
    with CurrentMap(newest_snapshot(), own_trust()) as current:
        assert len(follow(current, begin + 1)) == Head.objects.get().leaves


def test_a_backlog_is_published_batch_by_batch(offered, monkeypatch):
    monkeypatch.setattr(sequencer, "MAX_BATCH_EVENTS", 2)
    for number in range(6):
        offered.alias(file(number)).append()
    begin = check_published()
    sequencer.run(DAY_1)
    steps = sorted(path.name for path in changes_folder().iterdir() if int(path.stem.split("-")[0]) >= begin)
    assert steps == sorted(f"{begin + 3 * n}-{begin + 3 * n + 3}.sqlite" for n in range(3))


def test_what_was_sequenced_meanwhile_is_left_out_of_a_step(offered):
    with CurrentMap(newest_snapshot(), own_trust()) as current:
        offered.alias(file(1)).append()
        sequencer.sequence(DAY_1)
        signed = sign_newest(DAY_1) or Checkpoint()
        for again in (offered.refusal(1), offered.alias(file(2)), offered.refusal(2)):
            again.append()
            sequencer.sequence(DAY_2)
        assert publisher.publish() == signed.size < Head.objects.get().size
        assert follow(current, signed.size) == {leaf.name: leaf.state for leaf in leaves_at(signed.size)}

        sequencer.finish(DAY_2)
        size = Head.objects.get().size
        assert follow(current, size) == {leaf.name: leaf.state for leaf in leaves_at(size)}


def test_a_step_that_a_crash_left_behind_leads_nobody_astray(offered):
    begin = check_published()
    with CurrentMap(newest_snapshot(), own_trust()) as current:
        log(offered.alias(file(1)), DAY_1)
        orphan = step_path(begin, begin + 2)
        assert orphan.exists()
        # As if the crash had come before the checkpoint.
        checkpoint = public_folder() / "log" / "checkpoint"
        checkpoint.write_bytes(bytes(Checkpoint.objects.get(size=begin).note or b""))
        Checkpoint.objects.filter(size=begin + 2).update(published=False)
        size = log(offered.alias(file(2)), DAY_2)

        assert next_step(begin, size) == step_path(begin, size)
        assert follow(current, size) == {leaf.name: leaf.state for leaf in leaves_at(size)}
        with pytest.raises(ProofError):
            current.advance(orphan)


@pytest.mark.sqlite
def test_a_publication_walks_through_no_table_of_leaves(offered):
    """PostgreSQL chooses by what it counted; SQLite always so."""
    offered.alias(file(1)).append()
    with CaptureQueriesContext(connection) as captured:
        sequencer.run(DAY_2)
    read = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert any("transparency_mapleafversion" in sql for sql in read)
    with connection.cursor() as cursor:
        for sql in read:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert not [plan for *_, plan in cursor.fetchall() if plan.startswith("SCAN transparency_map")], sql


def test_the_snapshot_comes_when_its_time_has_come(offered):
    begin, names = check_published(), Head.objects.get().leaves
    size = log(offered.alias(file(1)), DAY_1)
    due = times.plus(DAY_1, names + 1)
    sequencer.write_snapshot(times.plus(due, -1))
    assert check_published(snapshot_of=begin) == size
    sequencer.write_snapshot(due)
    assert check_published() == size


def test_without_any_snapshot_one_is_due(offered):
    log(offered.alias(file(1)), DAY_1)
    (public_folder() / "snapshots" / "latest.json").unlink()
    sequencer.write_snapshot(DAY_1)
    check_published()


def test_a_snapshot_of_this_checkpoint_is_not_written_twice(offered):
    before = newest_snapshot().stat().st_mtime_ns
    assert snapshots.write() == check_published()
    assert newest_snapshot().stat().st_mtime_ns == before
    assert snapshots.write(again=True) == check_published()
    assert newest_snapshot().stat().st_mtime_ns != before


def test_two_who_write_a_snapshot_at_once_do_not_queue_up(offered):
    begin = check_published()
    size = log(offered.alias(file(1)), DAY_1)
    with locked(settings.PRIORCONSENT_DATA, ".lock-snapshots"):
        sequencer.write_snapshot(DAY_4)
    assert check_published(snapshot_of=begin) == size


def test_steps_go_with_the_last_snapshot_that_they_begin_at(offered):
    for number in range(3 * snapshots.SNAPSHOTS_KEPT):
        log(offered.alias(file(number)), times.plus(DAY_4, 3600 * number))
        if number % 2:
            snapshots.write()
    kept = sorted(int(path.stem) for path in (public_folder() / "snapshots").glob("*.sqlite"))
    assert len(kept) == snapshots.SNAPSHOTS_KEPT
    assert min(int(path.stem.split("-")[0]) for path in changes_folder().iterdir()) == kept[0]
    size = Head.objects.get().size
    for begin in kept:
        with CurrentMap(public_folder() / "snapshots" / f"{begin}.sqlite", own_trust()) as current:
            assert follow(current, size) == {leaf.name: leaf.state for leaf in leaves_at(size)}


def test_the_steps_are_not_public(offered):
    log(offered.alias(file(1)), DAY_1)
    assert changes_folder().is_dir()
    assert not changes_folder().is_relative_to(public_folder())
    assert public_folder().is_relative_to(settings.PRIORCONSENT_DATA)


def test_a_snapshot_of_a_database_that_moved_on_is_of_the_checkpoint_published(offered):
    size = log(offered.alias(file(1)), DAY_1)
    offered.refusal(1).append()
    sequencer.sequence(DAY_2)
    snapshots.write()
    with open_verified(newest_snapshot(), own_trust(), None) as opened:
        assert opened.head.checkpoint.size == size
        state = opened.state(f"party:{STUDIO}")
    assert isinstance(state, PartyState)
    assert not state.refusals
    assert b"refusal" in bytes(MapLeaf.objects.get(name=f"party:{STUDIO}").state)


def test_leaves_are_read_in_pieces_however_many_there_are(offered):
    state = bytes(4_000)
    MapLeaf.objects.bulk_create(
        MapLeaf(key=map_key(file(n)), name=file(n), bucket=0, state=state, value=b"", pos=0) for n in range(5_000)
    )
    tracemalloc.start()
    try:
        assert sum(len(leaf.state) for leaf in leaves_at(1)) >= 20_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 14_000_000
