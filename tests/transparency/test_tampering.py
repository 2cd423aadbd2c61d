"""Rows changed behind the registry's back: noticed before anything is signed, or at the latest published."""

import json

import pytest

from priorconsent import canonical
from priorconsent.errors import ConflictError
from priorconsent.log.checkpoint import Checkpoint as LogCheckpoint
from priorconsent.log.opening import open_checkpoint
from priorconsent.merkle_buckets import bucket_of
from priorconsent.merkle_map import map_key, value_hash
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, FILM, FILM_FILE, PUBLISHER, STUDIO
from transparency import publisher, sequencer
from transparency.alarms import DatabaseChangedError, RestoredBackupError
from transparency.checkpoints import _sign
from transparency.files import public_folder
from transparency.models import (
    Alarm,
    Blob,
    Checkpoint,
    Event,
    EvidenceItem,
    HashTile,
    Head,
    MapLeaf,
    MapNode,
    Pending,
)
from transparency.signers import signers
from transparency.store import current_states, own_trust

FRESH_FILE = "sha256:" + "1" * 64


@pytest.fixture
def offered(cast):
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    return cast


def newest():
    return Checkpoint.objects.latest("size")


# --- what waits -------------------------------------------------------------------------------------


def raise_the_level(row):
    draft = json.loads(bytes(row.draft))
    assert draft["level"] == "E0"
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode({**draft, "level": "E3"}))


def name_another_file(row):
    draft = json.loads(bytes(row.draft))
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode({**draft, "name": FILM_FILE}))


def scribble(row):
    Pending.objects.filter(pk=row.pk).update(draft=b"\xff{")


def move_to_another_unit(row):
    Pending.objects.filter(pk=row.pk).update(unit="00000000-0000-7000-8000-000000000000")


def double(row):
    Pending.objects.create(unit=row.unit, place=1, draft=row.draft, seal=row.seal)


@pytest.mark.parametrize("change", [raise_the_level, name_another_file, scribble, move_to_another_unit, double])
def test_a_pending_event_changed_by_sql_ends_as_a_no_and_an_alarm(offered, change):
    before = Event.objects.count()
    [row] = offered.alias(FRESH_FILE, level="E0").append()
    change(row)
    offered.refusal(1).append()

    sequencer.run(DAY_2)

    row = Pending.objects.get(pk=row.pk)
    assert row.state == "refused"
    assert Alarm.objects.get().unit == row.unit
    # What waited beside it, untouched, is logged.
    assert [event.t for event in Event.objects.filter(pos__gte=before).order_by("pos")] == ["refuse", "map-root"]
    check_log()
    assert check_published() == before + 2


def test_a_draft_taken_out_of_its_unit_by_sql_refuses_the_rest(cast):
    unit = cast.party(STUDIO)
    unit.drafts += cast.party(PUBLISHER).drafts
    first, second = unit.append()
    second.delete()
    sequencer.run(DAY_2)
    assert Pending.objects.get(pk=first.pk).state == "refused"
    assert current_states().state(f"party:{STUDIO}") is None


def test_evidence_of_a_waiting_unit_changed_by_sql_refuses_that_unit(offered):
    unit = offered.alias(FRESH_FILE)
    [row] = unit.append()
    EvidenceItem.objects.filter(digest__in=unit.evidence).update(raw=b"something else")
    sequencer.run(DAY_2)
    assert "evidence is missing" in Pending.objects.get(pk=row.pk).reason


# --- what is logged ---------------------------------------------------------------------------------


def edit_the_last_event():
    row = Event.objects.latest("pos")
    Event.objects.filter(pos=row.pos).update(raw=bytes(row.raw).replace(b'"n":', b'"m":'))


def edit_the_first_event():
    Event.objects.filter(pos=0).update(raw=bytes(Event.objects.get(pos=0).raw).replace(b"localhost", b"elsewhere"))


def edit_a_state():
    row = MapLeaf.objects.get(name=f"work:{FILM}")
    state = bytes(row.state).replace(b'"level":"E3"', b'"level":"E2"')
    assert MapLeaf.objects.filter(pk=row.pk).update(state=state) == 1


def edit_a_state_and_its_hash():
    row = MapLeaf.objects.get(name=f"work:{FILM}")
    state = bytes(row.state).replace(b'"level":"E3"', b'"level":"E2"')
    MapLeaf.objects.filter(pk=row.pk).update(state=state, value=value_hash(state))


def delete_a_state():
    MapLeaf.objects.get(name=f"work:{FILM}").delete()


def add_a_state():
    row = MapLeaf.objects.get(name=f"sha256:{FILM_FILE[7:]}")
    key = map_key(f"work:{FILM}")[:2] + map_key(FRESH_FILE)[2:]
    bucket = MapLeaf.objects.get(name=f"work:{FILM}").bucket
    MapLeaf.objects.create(key=key, name=FRESH_FILE, bucket=bucket, state=row.state, value=row.value, pos=row.pos)


def edit_the_map_root():
    MapNode.objects.filter(number=1).update(hash=b"\1" * 32)


def edit_the_nodes():
    MapNode.objects.exclude(number=1).update(hash=b"\1" * 32)


def edit_a_tile():
    row = HashTile.objects.get()
    HashTile.objects.update(hashes=b"\1" * 32 + bytes(row.hashes)[32:])


def edit_the_root_noted():
    Checkpoint.objects.filter(size=newest().size).update(root=b"\1" * 32)


def edit_the_note():
    Checkpoint.objects.filter(size=newest().size).update(note=b"no note")


def delete_the_checkpoint():
    newest().delete()


def set_the_head_back():
    Head.objects.update(size=4, leaves=2)


def set_the_head_forward():
    Head.objects.update(size=newest().size + 1)


def miscount_the_leaves():
    Head.objects.update(leaves=1)


def edit_the_keyset():
    keyset = Blob.objects.get(pos=0, digest=json.loads(bytes(Event.objects.get(pos=0).raw))["keyset"])
    Blob.objects.filter(pk=keyset.pk).update(raw=b"{}")


LOGGED = [
    edit_the_last_event,
    edit_a_state,
    edit_a_state_and_its_hash,
    delete_a_state,
    add_a_state,
    edit_the_nodes,
    edit_a_tile,
    edit_the_root_noted,
    edit_the_note,
    delete_the_checkpoint,
    set_the_head_back,
    set_the_head_forward,
    miscount_the_leaves,
    edit_the_keyset,
]


@pytest.mark.parametrize("change", LOGGED)
def test_nothing_is_sequenced_on_rows_that_were_changed(offered, change):
    notes = set(Checkpoint.objects.values_list("note", flat=True))
    [row] = offered.alias(FRESH_FILE).append()
    change()

    for _ in range(2):
        with pytest.raises(DatabaseChangedError):
            sequencer.run(DAY_2)

    assert Pending.objects.get(pk=row.pk).state == "pending"
    # A head set back is what an old copy of the database looks like.
    code = "restored_backup" if change is set_the_head_back else "database_changed"
    assert Alarm.objects.get().code == code
    # Nothing was signed, and the public still sees what it saw.
    assert not {bytes(note) for note in Checkpoint.objects.values_list("note", flat=True) if note} - {
        *notes,
        b"no note",
    }
    assert check_published() == Event.objects.count()


def test_events_changed_between_batch_and_signature_are_not_signed(offered):
    offered.alias(FRESH_FILE).append()
    sequencer.sequence(DAY_2)
    row = Event.objects.get(pos=newest().size - 2)
    Event.objects.filter(pos=row.pos).update(raw=bytes(row.raw).replace(b'"E3"', b'"E2"'))
    with pytest.raises(DatabaseChangedError, match=f"event {row.pos} "):
        sequencer.finish(DAY_2)
    assert newest().note is None


def test_an_older_event_of_the_same_bundle_is_read_again_before_a_signature(offered):
    notes = Checkpoint.objects.filter(note__isnull=False).count()
    edit_the_first_event()
    offered.alias(FRESH_FILE).append()
    with pytest.raises(DatabaseChangedError, match="event 0 "):
        sequencer.run(DAY_2)
    assert Checkpoint.objects.filter(note__isnull=False).count() == notes


def test_a_heartbeat_too_looks_at_the_root_of_the_map(offered):
    edit_the_map_root()
    with pytest.raises(DatabaseChangedError):
        sequencer.heartbeat(DAY_3)


def test_a_root_changed_between_batch_and_signature_is_not_signed(offered):
    offered.alias(FRESH_FILE).append()
    sequencer.sequence(DAY_2)
    edit_the_root_noted()
    with pytest.raises(DatabaseChangedError):
        sequencer.finish(DAY_2)
    assert newest().note is None


@pytest.mark.parametrize("change", [edit_a_state_and_its_hash, delete_a_state, add_a_state])
def test_a_leaf_changed_far_from_the_batch_gets_into_no_snapshot(offered, change):
    published = check_published()
    change()
    assert sequencer.heartbeat(DAY_3) is not None
    with pytest.raises(DatabaseChangedError, match="leaves are not those that were signed"):
        sequencer.finish(DAY_3)
    # What the checkpoint says is true still: the log is of the events, and the map was hashed before.
    assert check_published(snapshot_of=published) == published + 1
    assert Alarm.objects.get().code == "database_changed"


@pytest.mark.parametrize("change", [edit_a_state_and_its_hash, delete_a_state, add_a_state])
def test_a_leaf_changed_beside_the_batch_is_not_published(offered, change):
    published = check_published()
    far = MapLeaf.objects.get(name=f"work:{FILM}")
    unit = offered.alias(name_beside(far.bucket))
    unit.append()
    sequencer.sequence(DAY_3)
    change()
    with pytest.raises(DatabaseChangedError, match="leaves are not those that were signed"):
        sequencer.finish(DAY_3)
    assert check_published() == published
    assert Alarm.objects.get().code == "database_changed"


def name_beside(bucket):
    """A file whose name falls into a bucket."""
    names = (f"sha256:{number:064x}" for number in range(1_000_000))
    return next(name for name in names if bucket_of(map_key(name)) == bucket)


def test_evidence_changed_before_it_is_published_is_not_published(offered):
    unit = offered.alias(FRESH_FILE)
    unit.append()
    sequencer.sequence(DAY_2)
    EvidenceItem.objects.filter(digest__in=unit.evidence).update(raw=b"something else")
    published = check_published()
    with pytest.raises(DatabaseChangedError, match="were changed"):
        sequencer.finish(DAY_2)
    assert check_published() == published


def test_a_database_restored_from_an_old_copy_signs_no_second_future(offered):
    """The public file says more than the database: somebody has seen a log that is gone."""
    trust = own_trust()
    seen = open_checkpoint(publisher.read_checkpoint() or b"", trust.policy).checkpoint
    later = _sign(LogCheckpoint(seen.origin, seen.size + 2, b"\1" * 32), signers("log"), DAY_1)
    (public_folder() / "log" / "checkpoint").write_bytes(later)
    offered.alias(FRESH_FILE).append()
    with pytest.raises(RestoredBackupError, match=r"were signed, but only .* are here; docs/guides/restoring.md says"):
        sequencer.run(DAY_2)


def test_a_signature_is_asked_for_only_once_for_a_size(offered):
    before = bytes(newest().note)
    sequencer.finish(DAY_2)
    assert bytes(newest().note) == before


def test_states_for_issuing_are_read_only_where_they_lead_to_the_logged_root(offered):
    states = current_states()
    edit_a_state()
    with pytest.raises(DatabaseChangedError):
        states.state(f"work:{FILM}")


def test_who_reads_while_a_batch_is_committed_begins_again_or_is_told(offered):
    fresh, used = current_states(), current_states()
    used.state(f"work:{FILM}")
    offered.alias(FRESH_FILE).append()
    sequencer.run(DAY_2)
    assert fresh.state(FRESH_FILE) is not None
    offered.alias("sha256:" + "2" * 64).append()
    sequencer.run(DAY_2)
    with pytest.raises(ConflictError, match="moved on"):
        used.load(leaf.name for leaf in MapLeaf.objects.all())
