"""What was signed last is remembered outside the database: nothing is signed twice, and no old copy goes on."""

import shutil
import threading

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from priorconsent import times
from priorconsent.errors import SigningError
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_2, DAY_3, PUBLISHER, STUDIO, VENDOR
from tests.transparency.test_witnesses import backup, restore
from transparency import last_signed, sequencer
from transparency.alarms import RestoredBackupError
from transparency.files import public_folder
from transparency.last_signed import Signed
from transparency.models import Alarm, Checkpoint, Event, Pending
from transparency.trees import log_nodes


@pytest.fixture
def store(folder):
    return folder / "signed.sqlite3"


def remembered():
    found = last_signed.read()
    assert found is not None
    return found


def logged(cast, party=STUDIO, now=DAY_2):
    cast.party(party).append()
    sequencer.run(now)


def refuses(match):
    """Nothing is sequenced, nothing signed, and the alarm tells how to go on."""
    events, notes = Event.objects.count(), Checkpoint.objects.filter(note__isnull=False).count()
    for act in (sequencer.sweep, sequencer.run):
        with pytest.raises(RestoredBackupError, match=match):
            act(DAY_3)
    assert (Event.objects.count(), Checkpoint.objects.filter(note__isnull=False).count()) == (events, notes)
    assert "docs/guides/restoring.md" in Alarm.objects.get(code="restored_backup").detail


def test_it_follows_each_signature(cast, store):
    logged(cast)
    newest = Checkpoint.objects.latest("size")
    assert last_signed.read() == Signed(newest.size, bytes(newest.root))
    assert store.stat().st_mode & 0o777 == 0o600
    assert public_folder() not in store.parents


def test_it_lies_where_the_setting_says(cast, folder, settings, store):
    settings.PRIORCONSENT_SIGNED_STORE = folder / "elsewhere" / "store"
    (folder / "elsewhere").mkdir()
    store.rename(folder / "elsewhere" / "store")
    logged(cast)
    assert not store.exists()
    assert remembered().size == Event.objects.count()


def test_a_database_from_an_old_backup_does_not_go_on(cast, folder):
    kept = backup()
    logged(cast)
    shutil.rmtree(folder / "public")
    restore(kept)
    cast.party(PUBLISHER).append()
    refuses("were signed, but only 4 are here")
    assert Pending.objects.filter(state="pending").count() == 1


def test_an_old_backup_is_told_by_the_next_sweep_though_nothing_is_due(cast):
    soon = times.plus(Checkpoint.objects.latest("size").time, 60)
    sequencer.sweep(soon)
    kept = backup()
    logged(cast, now=soon)
    restore(kept)
    with pytest.raises(RestoredBackupError, match="were signed, but only 4 are here"):
        sequencer.sweep(soon)
    assert Alarm.objects.filter(code="restored_backup").exists()


def test_nor_if_it_has_grown_again_since(cast, store):
    kept, old = backup(), store.read_bytes()
    logged(cast)
    newer = store.read_bytes()
    restore(kept)
    store.write_bytes(old)
    (public_folder() / "log" / "checkpoint").unlink()
    logged(cast, PUBLISHER)
    store.write_bytes(newer)
    cast.party(VENDOR).append()
    refuses("other events are here than the 6 that were signed")


def test_the_files_alone_tell_of_an_old_backup_too(cast, store):
    kept, old = backup(), store.read_bytes()
    logged(cast)
    restore(kept)
    store.write_bytes(old)
    cast.party(PUBLISHER).append()
    with pytest.raises(Exception, match="only 4 are here"):
        sequencer.sweep(DAY_3)


def test_a_lost_store_is_not_made_again(cast, store):
    logged(cast)
    store.unlink()
    cast.party(PUBLISHER).append()
    refuses("is gone")
    assert not store.exists()


def test_nor_is_one_believed_that_went_back(cast, store):
    old = store.read_bytes()
    logged(cast)
    store.write_bytes(old)
    cast.party(PUBLISHER).append()
    refuses("6 events were signed, and .* knows of 4")


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_nor_one_that_is_damaged(cast, store, content):
    logged(cast)
    store.write_bytes(content)
    cast.party(PUBLISHER).append()
    refuses("signed.sqlite3")


def test_nor_one_of_another_log(cast, store, settings):
    other = store.read_bytes().replace(b"localhost/prior-consent/1", b"localhost/prior-consent/2")
    store.write_bytes(other)
    cast.party(PUBLISHER).append()
    refuses("is not that of")


def test_one_that_cannot_be_read_now_stops_the_signing_alone(cast, store):
    store.unlink()
    store.mkdir()
    cast.party(PUBLISHER).append()
    with pytest.raises(SigningError):
        sequencer.sweep(DAY_2)
    store.rmdir()


def test_after_a_crash_between_remembering_and_signing_the_same_is_signed(cast, folder):
    cast.party(STUDIO).append()
    sequencer.sequence(DAY_2)
    row = Checkpoint.objects.latest("size")
    assert last_signed.move_on(row.size, bytes(row.root), log_nodes(row.size))
    # The process ends here.
    sequencer.run(DAY_3)
    check_log()
    assert check_published() == row.size


def test_after_such_a_crash_the_log_may_also_have_grown(cast):
    cast.party(STUDIO).append()
    sequencer.sequence(DAY_2)
    row = Checkpoint.objects.latest("size")
    assert last_signed.move_on(row.size, bytes(row.root), log_nodes(row.size))
    logged(cast, PUBLISHER, DAY_3)
    check_log()
    assert check_published() == row.size + 2


def test_who_is_behind_another_process_signs_nothing(cast):
    first = Checkpoint.objects.get()
    cast.party(STUDIO).append()
    sequencer.run(DAY_2)
    assert not last_signed.move_on(first.size, bytes(first.root), log_nodes(first.size))
    assert remembered().size == first.size + 2


def test_of_many_who_make_it_one_does(folder):
    start, made = threading.Barrier(8), []

    def make(size):
        start.wait()
        made.append(last_signed.remember(Signed(size, bytes(32))))

    threads = [threading.Thread(target=make, args=(size,)) for size in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]


class TestGoingOn:
    """``manage.py resume_signing``."""

    def test_a_lost_store_is_made_anew_on_demand(self, cast, store, capsys):
        logged(cast)
        store.unlink()
        call_command("resume_signing")
        assert "goes on from 6 events; remembered until now: nothing; witnesses heard: 0" in capsys.readouterr().out
        logged(cast, PUBLISHER, DAY_3)
        assert check_published() == 8

    def test_one_that_went_back_is_brought_forward(self, cast, store):
        old = store.read_bytes()
        logged(cast)
        store.write_bytes(old)
        call_command("resume_signing")
        assert remembered().size == 6

    def test_one_that_is_ahead_of_its_signature_stays_ahead(self, cast):
        cast.party(STUDIO).append()
        sequencer.sequence(DAY_2)
        row = Checkpoint.objects.latest("size")
        last_signed.move_on(row.size, bytes(row.root), log_nodes(row.size))
        call_command("resume_signing")
        assert remembered().size == row.size

    def test_an_old_database_is_never_made_to_go_on(self, cast, store, folder):
        kept = backup()
        logged(cast)
        restore(kept)
        for lost in (None, folder / "public", store):
            with pytest.raises(CommandError, match="only 4 are here"):
                call_command("resume_signing")
            if lost == folder / "public":
                shutil.rmtree(lost)
                break
        with pytest.raises(CommandError, match="only 4 are here"):
            call_command("resume_signing")

    def test_witnesses_are_asked(self, witnessed, store, folder, capsys):
        kept = backup()
        logged(witnessed, STUDIO, times.now())
        store.unlink()
        call_command("resume_signing")
        assert "witnesses heard: 3" in capsys.readouterr().out

        restore(kept)
        store.unlink()
        shutil.rmtree(folder / "public")
        with pytest.raises(CommandError, match="saw 6 events"):
            call_command("resume_signing")
        assert not store.exists()

    @pytest.mark.usefixtures("witnessed")
    def test_and_enough_of_them_have_to_answer(self, witnesses, store):
        store.unlink()
        for one in witnesses[:2]:
            one.kill()
        with pytest.raises(CommandError, match="too few witnesses"):
            call_command("resume_signing")
