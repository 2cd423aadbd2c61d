"""What is appended is sequenced after the commit, in this process or in a worker's, and swept if that failed."""

import json
import shutil
import time

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction

from config.celery import app
from licences.tasks import sweep
from priorconsent import times
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import PUBLISHER, STUDIO, Cast
from transparency import tasks
from transparency.append import append, sequenced_by_caller
from transparency.files import locked, public_folder
from transparency.followers import _followers, register
from transparency.keysets import found_registry
from transparency.models import Checkpoint, Event, Pending

WAIT_S = 30


@pytest.fixture
def cast(folder, transactional_db):
    return Cast(found_registry(times.now()))


def test_what_is_appended_is_published_once_its_transaction_has_committed(cast):
    with transaction.atomic():
        row = append(cast.party(STUDIO).drafts[0])
        assert Pending.objects.get(pk=row.pk).state == "pending"
    assert Pending.objects.get(pk=row.pk).state == "logged"
    check_log()
    assert check_published() == Event.objects.count()


def test_what_is_rolled_back_leaves_nothing(cast):
    with transaction.atomic():
        append(cast.party(STUDIO).drafts[0])
        transaction.set_rollback(True)
    sweep()
    assert Event.objects.filter(t="party").count() == 0


def test_append_outside_a_transaction_is_a_mistake(cast):
    with pytest.raises(RuntimeError, match="transaction"):
        append(cast.party(STUDIO).drafts[0])


def test_a_caller_with_its_own_clock_sequences_by_itself(cast):
    with sequenced_by_caller(), transaction.atomic():
        row = append(cast.party(STUDIO).drafts[0])
    assert Pending.objects.get(pk=row.pk).state == "pending"


def test_a_task_that_fails_leaves_the_act_standing_and_a_sweep_finishes_it(cast, folder):
    (folder / "keys" / "log.pem").rename(folder / "keys" / "away")
    [row] = cast.party(STUDIO).append()
    assert Pending.objects.get(pk=row.pk).state == "pending"
    (folder / "keys" / "away").rename(folder / "keys" / "log.pem")
    call_command("sweep")
    assert Pending.objects.get(pk=row.pk).state == "logged"


def test_tasks_may_run_twice(cast):
    cast.party(STUDIO).append()
    size = Event.objects.count()
    for task in (tasks.sequence, sweep, tasks.sequence):
        task()
    assert Event.objects.count() == size


def test_registered_followers_catch_up_after_each_publication(cast):
    seen: list[object] = []
    register("test", seen.append)
    try:
        cast.party(STUDIO).append()
    finally:
        del _followers["test"]
    assert len(seen) == Event.objects.count()


def test_the_sweep_is_on_the_beat():
    [entry] = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == sweep.name]
    assert entry["schedule"] <= 300


@pytest.mark.parametrize("command", ["found_registry", "sequence", "publish", "publish --everything", "sweep"])
def test_every_command_may_be_given_at_any_time(cast, command):
    call_command(*command.split())
    check_log()
    assert check_published() == Event.objects.count()


@pytest.mark.postgresql
def test_a_worker_sequences_what_a_request_left(worker):
    # The worker has settings of its own, so this one lives in the folder that both were given.
    data = django_settings.PRIORCONSENT_DATA
    try:
        cast = Cast(found_registry(times.now()))
        rows = [*cast.party(STUDIO).append(), *cast.party(PUBLISHER).append()]
        wait_until(is_done)
        assert {Pending.objects.get(pk=row.pk).state for row in rows} == {"logged"}
        check_log()
        assert check_published() == Event.objects.count()
    finally:
        app.control.purge()
        # What the worker still runs would meet the emptying of the tables.
        wait_until(worker_is_idle)
        with locked(data):
            for folder in ("public", "keys", "changes"):
                shutil.rmtree(data / folder)


def wait_until(reached):
    deadline = time.monotonic() + WAIT_S
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.05)


def worker_is_idle():
    asked = app.control.inspect(timeout=2)
    answers = [asked.active(), asked.reserved()]
    return all(answer and not any(answer.values()) for answer in answers)


def is_done():
    waits = Pending.objects.filter(state="pending").exists()
    newest = Checkpoint.objects.latest("size")
    # The snapshot is the last to come.
    latest = public_folder() / "snapshots" / "latest.json"
    return not waits and newest.published and json.loads(latest.read_bytes())["size"] == newest.size
