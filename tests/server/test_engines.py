"""The database and the task queue that the tests run on are the real ones."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections, transaction

from accounts.models import User
from config.celery import app
from tests.server.tasks import tell_who_ran

WRITERS = 20


@pytest.mark.django_db(transaction=True)
def test_twenty_concurrent_writers_all_succeed():
    def read_then_write(number: int) -> None:
        try:
            with transaction.atomic():
                seen = User.objects.count()
                time.sleep(0.005)
                User.objects.create_user(f"writer-{number}-{seen}@example.org")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(read_then_write, range(WRITERS)))

    assert User.objects.count() == WRITERS


@pytest.mark.sqlite
@pytest.mark.django_db
def test_sqlite_is_a_file_that_survives_a_crash():
    def pragma(name: str) -> object:
        with connection.cursor() as cursor:
            return cursor.execute(f"PRAGMA {name}").fetchone()[0]

    full = 2
    assert str(connection.settings_dict["NAME"]).startswith(str(settings.PRIORCONSENT_DATA))
    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", full, 1)


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_other_engine_is_postgresql():
    assert connection.vendor == "postgresql"


@pytest.mark.postgresql
def test_a_task_sent_on_commit_runs_in_the_worker_process(worker):
    with transaction.atomic():
        user = User.objects.create_user("studio@example.org")
        tell_who_ran.delay_on_commit(str(user.pk))
        time.sleep(0.2)
        assert cache.get(f"ran-{user.pk}") is None

    deadline = time.monotonic() + 20
    while (told := cache.get(f"ran-{user.pk}")) is None and time.monotonic() < deadline:
        time.sleep(0.05)

    pid, saw_the_row = told
    [workers_own] = (app.control.inspect().stats() or {}).values()
    assert pid in workers_own["pool"]["processes"]
    assert workers_own["pid"] == worker.pid
    assert saw_the_row


@pytest.mark.django_db(transaction=True)
def test_a_task_runs_in_this_process_when_no_worker_is_asked_for():
    user = User.objects.create_user("studio@example.org")

    with transaction.atomic():
        tell_who_ran.delay_on_commit(str(user.pk))

    assert cache.get(f"ran-{user.pk}")[1] is True
