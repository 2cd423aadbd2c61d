"""A table of faults: what stands after each, and that the next sweep finishes the work."""

import shutil
from contextlib import contextmanager

import pytest

from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, STUDIO, Unit
from transparency import publisher, sequencer, snapshots
from transparency.keysets import found_registry
from transparency.models import Checkpoint, Event, Pending

FRESH_FILE = "sha256:" + "1" * 64


@pytest.fixture
def offered(cast):
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    return cast


@contextmanager
def position_taken(folder):
    """The batch cannot be stored: a row stands where one of its events belongs."""
    row = Event.objects.create(pos=Event.objects.count() + 1, raw=b"", t="", time="")
    yield
    row.delete()


@contextmanager
def key_away(folder):
    """The log's key cannot be read."""
    path = folder / "keys" / "log.pem"
    path.rename(path.with_suffix(".away"))
    yield
    path.with_suffix(".away").rename(path)


def blocked(name):
    """A path that is to be written is taken by something of another kind."""

    @contextmanager
    def block(folder):
        path, away = folder / "public" / name, folder / "away"
        if path.exists():
            path.rename(away)
        if path.suffix == ".json" or path.name == "checkpoint":
            (path / "in the way").mkdir(parents=True)
        else:
            path.touch()
        yield
        if path.is_dir():
            (path / "in the way").rmdir()
            path.rmdir()
        else:
            path.unlink()
        if away.exists():
            away.rename(path)

    block.__name__ = name.replace("/", "_")
    return block


# fault, whether it strikes after the batch was committed
FAULTS = [
    (position_taken, False),
    (key_away, False),
    (blocked("log/checkpoint"), False),
    (key_away, True),
    (blocked("evidence"), True),
    (blocked("log/tile"), True),
    (blocked("log/tile/entries"), True),
    (blocked("../changes"), True),
    (blocked("log/checkpoint"), True),
    (blocked("snapshots"), True),
    (blocked("snapshots/latest.json"), True),
]
# They come after the checkpoint, which does not wait for them.
SNAPSHOTS = {"snapshots", "snapshots_latest.json"}


@pytest.mark.parametrize(("fault", "committed"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_after_a_fault_the_log_is_whole_and_the_next_sweep_finishes(offered, folder, fault, committed):
    before = Event.objects.count()
    [row] = offered.alias(FRESH_FILE).append()

    if committed:
        sequencer.sequence(DAY_2)
    with fault(folder), pytest.raises(Exception, match=r".") as raised:
        sequencer.run(DAY_2)

    assert not isinstance(raised.value, AssertionError)
    check_log()
    assert Pending.objects.get(pk=row.pk).state == ("logged" if committed else "pending")
    assert Event.objects.count() == before + (2 if committed else 0)
    # The checkpoint is the last file but for the snapshot's: nobody is led to what is not there.
    if fault.__name__ in SNAPSHOTS:
        assert check_published(snapshot_of=before) == before + 2
    else:
        assert check_published() == before

    sequencer.sweep(DAY_2)

    check_log()
    assert Pending.objects.get(pk=row.pk).state == "logged"
    assert check_published() == before + 2
    assert Checkpoint.objects.get(size=before + 2).published


@pytest.mark.parametrize("fault", [fault for fault, committed in FAULTS if committed])
def test_what_was_acknowledged_during_a_fault_is_not_lost(offered, folder, fault):
    with fault(folder):
        rows = [row for digit in "345" for row in offered.alias("sha256:" + digit * 64).append()]
        for _ in range(3):
            with pytest.raises(Exception, match=r"."):
                sequencer.sweep(DAY_2)
    sequencer.sweep(DAY_3)
    assert {Pending.objects.get(pk=row.pk).state for row in rows} == {"logged"}
    check_log()
    assert check_published() == Event.objects.count()


def test_batches_that_nobody_signed_are_covered_by_the_next_signature(offered):
    for digit, now in (("1", DAY_2), ("2", DAY_3)):
        offered.alias("sha256:" + digit * 64).append()
        sequencer.sequence(now)
    sequencer.sweep(DAY_3)
    unsigned = list(Checkpoint.objects.filter(note__isnull=True).values_list("size", flat=True))
    assert unsigned == [Event.objects.count() - 2]
    check_log()
    assert check_published() == Event.objects.count()


def test_a_signed_checkpoint_that_was_not_published_is_published_later(offered, folder):
    with blocked("evidence")(folder):
        offered.alias(FRESH_FILE).append()
        with pytest.raises(OSError, match="evidence"):
            sequencer.run(DAY_2)
        assert Checkpoint.objects.latest("size").note is not None
    offered.refusal(1).append()
    sequencer.sweep(DAY_3)
    assert check_published() == Event.objects.count()


def test_a_founding_that_broke_off_goes_on_with_the_same_keys(folder, db):
    folder.mkdir(exist_ok=True)
    (folder / "public").touch()
    with pytest.raises(OSError, match="public"):
        found_registry(DAY_1)
    keys = {path.name: path.read_bytes() for path in (folder / "keys").iterdir()}
    (folder / "public").unlink()
    found_registry(DAY_2)
    assert {path.name: path.read_bytes() for path in (folder / "keys").iterdir()} == keys
    check_log()
    assert check_published() == 4


def test_publishing_everything_again_brings_lost_files_back(offered, folder):
    offered.alias(FRESH_FILE).append()
    sequencer.run(DAY_2)
    size = check_published()
    shutil.rmtree(folder / "public" / "log" / "tile")
    shutil.rmtree(folder / "public" / "evidence")
    assert publisher.publish(everything=True) == size == check_published()


def test_old_snapshots_are_removed_but_for_the_newest_few(offered, folder):
    for number in range(snapshots.SNAPSHOTS_KEPT + 2):
        offered.refusal(number).append()
        sequencer.run(DAY_2)
    sizes = sorted(int(path.stem) for path in (folder / "public" / "snapshots").glob("*.sqlite"))
    assert len(sizes) == snapshots.SNAPSHOTS_KEPT
    assert sizes[-1] == check_published()


def test_partial_tiles_go_when_the_full_tile_is_there(cast, folder):
    cast.party(STUDIO).append()
    cast.key(STUDIO).append()
    sequencer.run(DAY_1)
    assert (folder / "public/log/tile/0/000.p").is_dir()
    strangers = [f"urn:uuid:00000000-0000-4000-9000-{number:012x}" for number in range(260)]
    Unit([{"t": "party", "party": party, "kind": "ai_vendor", "members": None} for party in strangers]).append()
    sequencer.run(DAY_1)
    assert not (folder / "public/log/tile/0/000.p").exists()
    assert (folder / "public/log/tile/0/000").stat().st_size == 8192
    check_log()
    assert check_published() == Event.objects.count()
