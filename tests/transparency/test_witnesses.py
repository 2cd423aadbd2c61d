"""A registry and its witnesses: what counts is what enough of them countersigned."""

import pytest

from api.published import reading
from priorconsent import times
from priorconsent.errors import MalformedError, QuorumError, StaleError
from priorconsent.log.cosignature import COSIGNATURE_ED25519, Cosigner
from priorconsent.log.countersigners import Countersigners
from priorconsent.log.note import split_note
from priorconsent.log.opening import open_checkpoint, open_signed
from priorconsent.trust import read_trust
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import PUBLISHER, STUDIO
from tests.transparency.conftest import asks
from transparency import publisher, sequencer
from transparency.alarms import NOT_PUBLISHED, WITNESS_CLOCK, WITNESS_REFUSES, DatabaseChangedError, RestoredBackupError
from transparency.files import public_folder
from transparency.keysets import found_registry, write_trust
from transparency.models import (
    Alarm,
    Attachment,
    Blob,
    Checkpoint,
    Event,
    EvidenceItem,
    HashTile,
    Head,
    MapLeaf,
    MapLeafVersion,
    MapNode,
    Pending,
    Spent,
)
from transparency.policies import log_policy, own_policy
from transparency.proofs import first_with
from transparency.store import own_trust
from transparency.witnesses import forget

LOG_TABLES = (
    Pending, Attachment, Blob, EvidenceItem, Head, Event, HashTile, MapLeaf, MapLeafVersion, MapNode, Spent, Checkpoint,
)  # fmt: skip


def public():
    """What stands there; nothing is no note either."""
    return publisher.read_checkpoint() or b""


def unwitnessed():
    path = public_folder() / "log" / "unwitnessed" / "checkpoint"
    return path.read_bytes() if path.exists() else b""


def cosigners(note):
    _, lines = split_note(note)
    return {line.name for line in lines if line.name.startswith("witness")}


def alarms():
    return set(Alarm.objects.values_list("code", flat=True))


def size_seen():
    return open_checkpoint(public(), own_policy()).checkpoint.size


def backup():
    return {model: list(model.objects.all()) for model in LOG_TABLES}


def restore(kept):
    for model in reversed(LOG_TABLES):
        model.objects.all().delete()
    for model, rows in kept.items():
        model.objects.bulk_create(rows)


def test_what_the_public_sees_was_countersigned_by_enough(witnessed):
    witnessed.party(STUDIO).append()
    sequencer.run(times.now())
    check_log()
    assert check_published() == Event.objects.count() == size_seen()
    assert len(cosigners(public())) >= 2
    assert unwitnessed() == b""
    assert own_trust().policy.quorum == "published"
    assert alarms() == set()


def test_a_large_step_is_proved_to_the_witnesses(witnessed):
    for unit in witnessed.everything_up_to_the_offer():
        unit.append()
    sequencer.run(times.now())
    assert check_published() == Event.objects.count()


def test_without_enough_witnesses_nothing_is_published(witnessed, witnesses, client):
    before = public()
    for one in witnesses[:2]:
        one.kill()
    witnessed.party(STUDIO).append()
    now = times.now()
    sequencer.sweep(now)

    # The log goes on, in the database and for monitors.
    newest = Checkpoint.objects.latest("size")
    assert (newest.published, newest.note is not None) == (False, True)
    shown = unwitnessed()
    assert open_signed(shown, log_policy()).checkpoint.size == newest.size
    with pytest.raises(QuorumError):
        open_checkpoint(shown, own_policy())
    served = client.get("/log/unwitnessed/checkpoint")
    assert (served.status_code, b"".join(served.streaming_content)) == (200, shown)

    # Readers keep what they had, and in the end that is too old.
    assert public() == before
    assert check_published() == newest.size - 2
    with reading(now) as published:
        assert published.size == newest.size - 2
        assert published.map.state(f"party:{STUDIO}") is None
    with pytest.raises(StaleError), reading(times.plus(now, 86_400)):
        pass

    # Somebody is told after a minute, once.
    assert NOT_PUBLISHED not in alarms()
    for seconds in (61, 81):
        sequencer.finish(times.plus(now, seconds))
    [alarm] = Alarm.objects.filter(code=NOT_PUBLISHED)
    assert "1, 2" in alarm.detail

    witnesses[0].start()
    sequencer.sweep(times.now())
    assert check_published() == newest.size
    assert unwitnessed() == b""


def test_lines_that_come_later_are_added(witnessed, witnesses):
    witnesses[2].kill()
    witnessed.party(STUDIO).append()
    sequencer.run(times.now())
    size = check_published()
    assert cosigners(public()) == {"witness.example/1", "witness.example/2"}
    witnesses[2].start()
    sequencer.sweep(times.now())
    assert check_published() == size
    assert len(cosigners(public())) == 3


def test_witnesses_that_come_too_late_for_a_checkpoint_get_a_new_one(witnesses, db):
    found_registry(times.plus(times.now(), -200))
    assert public() == b""
    size = Event.objects.count()
    sequencer.sweep(times.now())
    assert check_published() == size_seen() == size + 1
    assert not Checkpoint.objects.get(size=size).published


def test_nothing_is_signed_before_enough_witnesses_said_what_they_know(witnesses, db):
    for one in witnesses[:2]:
        one.kill()
    now = times.now()
    found_registry(now)
    assert Checkpoint.objects.get().note is None
    sequencer.finish(times.plus(now, 61))
    assert Alarm.objects.get().detail.endswith("it is not signed")


WITH_ANOTHER_CLOCK = """
import sys
from priorconsent import times
from priorconsent.cli import main
from priorconsent.witness import witness
real = witness.Witness.__init__
def init(self, state, keys):
    real(self, state, keys, lambda: times.plus(times.now(), SECONDS))
witness.Witness.__init__ = init
raise SystemExit(main())
"""


@pytest.mark.parametrize("seconds", [-400, 200, 100_000])
def test_a_witness_with_another_clock_does_not_count(witnessed, witnesses, tmp_path, seconds):
    program = tmp_path / "skewed.py"
    program.write_text(WITH_ANOTHER_CLOCK.replace("SECONDS", str(seconds)))
    witnesses[0].kill()
    witnesses[0].start(str(program))
    try:
        witnessed.party(STUDIO).append()
        sequencer.run(times.now())
        assert cosigners(public()) <= {"witness.example/2", "witness.example/3"}
        assert check_published() == Event.objects.count()
        sequencer.run(times.now())
        assert WITNESS_CLOCK in alarms()
        # Nor with one more: they are two of three only by their clocks.
        witnesses[1].kill()
        witnessed.party(PUBLISHER).append()
        sequencer.sweep(times.now())
        assert check_published() == Event.objects.count() - 2
    finally:
        witnesses[0].kill()


def test_a_line_by_a_key_that_is_not_in_the_policy_counts_for_nothing(witnessed, witnesses, settings):
    """The policy names the keys of the first two at each other's place: what comes back is signed, by somebody else."""
    lines = [
        f"witness 1 {witnesses[0].keys[0].vkey()} {witnesses[1].url}",
        f"witness 2 {witnesses[1].keys[0].vkey()} {witnesses[0].url}",
    ]
    settings.PRIORCONSENT_WITNESS_POLICY = Countersigners.parse("\n".join([*lines, "group g any 1 2", "quorum g", ""]))
    forget()
    before = size_seen_by_the_log()
    witnessed.party(STUDIO).append()
    sequencer.run(times.now())
    assert size_seen_by_the_log() == before
    assert cosigners(unwitnessed()) == set()


def size_seen_by_the_log():
    return open_signed(public(), log_policy()).checkpoint.size


def test_a_row_that_says_it_is_published_does_not_make_it_so(witnessed, witnesses):
    for one in witnesses[:2]:
        one.kill()
    witnessed.party(STUDIO).append()
    now = times.now()
    sequencer.run(now)
    Checkpoint.objects.update(published=True)
    with pytest.raises(DatabaseChangedError):
        # The snapshot of what nobody countersigned.
        sequencer.run(now)
    with reading(now) as published:
        assert published.map.state(f"party:{STUDIO}") is None


def test_a_log_is_no_witness_of_itself(witnesses, settings):
    [log] = (one.key for one in log_policy().logs)
    for key in (Cosigner(log.name, witnesses[0].keys[0].public_key, COSIGNATURE_ED25519),
                Cosigner("somebody.example/1", log.public_key, COSIGNATURE_ED25519)):  # fmt: skip
        settings.PRIORCONSENT_WITNESS_POLICY = Countersigners.parse(
            f"witness w {key.vkey()} http://127.0.0.1:1/\nquorum w\n"
        )
        with pytest.raises(MalformedError):
            own_policy()


def test_an_old_backup_of_everything_meets_witnesses_that_remember(witnessed, witnesses, folder):
    kept, store = backup(), (folder / "signed.sqlite3").read_bytes()
    old = public()
    witnessed.party(STUDIO).append()
    sequencer.run(times.now())
    seen = size_seen()

    restore(kept)
    (folder / "signed.sqlite3").write_bytes(store)
    (public_folder() / "log" / "checkpoint").write_bytes(old)
    forget()
    witnessed.party(PUBLISHER).append()
    for act in (sequencer.sweep, sequencer.finish):
        with pytest.raises(RestoredBackupError, match=f"saw {seen} events"):
            act(times.now())
    assert Event.objects.count() == seen - 2
    assert Pending.objects.filter(state="pending").count() == 1
    assert RestoredBackupError.code in alarms()
    assert len(list((folder / "contradictions").iterdir())) == 1


def test_one_that_comes_back_behind_a_running_process_is_found_by_the_witnesses_too(witnessed, witnesses, folder):
    kept, store = backup(), (folder / "signed.sqlite3").read_bytes()
    old = public()
    witnessed.party(STUDIO).append()
    sequencer.run(times.now())
    restore(kept)
    (folder / "signed.sqlite3").write_bytes(store)
    (public_folder() / "log" / "checkpoint").write_bytes(old)
    # More than the witnesses have seen, and something else: a fork, signed before anybody noticed.
    for unit in witnessed.everything_up_to_the_offer():
        unit.append()
    with pytest.raises(RestoredBackupError, match="other events are here"):
        sequencer.run(times.now())
    assert public() == old
    assert {WITNESS_REFUSES, RestoredBackupError.code} <= alarms()
    assert all(evidence_of(one) for one in witnesses)


def evidence_of(witness):
    from priorconsent.witness import config

    origin = own_policy().origin
    return [one for one in config.state(witness.folder).evidence() if one.origin == origin]


def test_public_files_from_an_old_backup_are_written_again(witnessed, folder):
    import shutil

    shutil.copytree(folder / "public", folder / "old")
    for unit in witnessed.everything_up_to_the_offer():
        unit.append()
    sequencer.run(times.now())
    size = check_published()
    shutil.rmtree(folder / "public")
    (folder / "old").rename(folder / "public")
    sequencer.run(times.now())
    assert check_published() == size


def test_a_log_that_had_no_witnesses_gets_them(folder, settings, three_witnesses, db, tmp_path_factory):
    settings.PRIORCONSENT_ORIGIN = f"localhost/{tmp_path_factory.mktemp('log').name}/1"
    found_registry(times.plus(times.now(), -500))
    for one in three_witnesses:
        one.add(log_policy().logs[0].key.vkey())
        if one.process is None:
            one.start()
    settings.PRIORCONSENT_WITNESS_POLICY = asks(three_witnesses)
    old = read_trust((folder / "trust.json").read_bytes())
    forget()
    sequencer.sweep(times.now())
    write_trust()
    assert check_published() == Event.objects.count()
    # Who has the old trust file goes on; evidence for a grant begins where today's readers can follow.
    open_checkpoint(public(), old.policy)
    assert first_with(0).size == Event.objects.count()
