"""The same list handed in at the same time, from both ends."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
from django.db import connection, connections, transaction

from priorconsent import lists, names
from registry.models import Work
from tests.api.conftest import problem
from tests.api.test_lists import added, claim, hand_in
from tests.stage import committed_cast, folder, openings
from transparency import sequencer
from transparency.append import sequenced_by_caller
from transparency.models import Alarm, Event

__all__ = ["committed_cast", "folder", "openings"]

WORKS = 30


def brought(cast, raws):
    """Hands a list in; how often each outcome was told."""
    response = sent(cast, raws)
    assert response.status_code == HTTPStatus.OK, response.content
    return lists.read_outcomes(response.content)


def sent(cast, raws):
    try:
        with sequenced_by_caller():
            return hand_in(cast, raws)
    finally:
        connections.close_all()


def test_who_hands_in_what_another_hands_in_just_then_is_told_that_it_is_there(committed_cast):
    cast = committed_cast
    works = added(cast, WORKS)
    raws = [claim(cast, work) for work in works]
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda order: brought(cast, order), [raws, raws[::-1]]))

    assert sum(one.stored for one in told) == WORKS
    assert sum(one.there for one in told) == WORKS
    cast.log()
    assert Event.objects.filter(t="work").count() == WORKS + 2
    assert not Work.objects.filter(urn__in=works, claim="").exists()
    assert not Alarm.objects.exists()


def test_pieces_come_in_while_others_are_logged(committed_cast):
    cast = committed_cast
    works = added(cast, WORKS)
    raws = [claim(cast, work) for work in works]
    over = threading.Event()

    def log():
        try:
            while not over.is_set():
                sequencer.run(cast.now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        logging = pool.submit(log)
        pieces = [raws[start : start + 5] for start in range(0, WORKS, 5)]
        stored = [pool.submit(brought, cast, piece).result().stored for piece in pieces]
        over.set()
        logging.result()

    assert stored == [5] * len(pieces)
    cast.log()
    assert all(cast.state(names.work(work)) is not None for work in works)
    assert not Alarm.objects.exists()


@pytest.mark.postgresql
def test_a_list_that_the_database_breaks_off_for_another_is_told_to_ask_again(committed_cast):
    cast = committed_cast
    first, last = sorted(added(cast, 2))
    raws = [claim(cast, work) for work in (first, last)]
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            # This side waits patiently, so that it is the list that gives way.
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")
            Work.objects.select_for_update().get(urn=last)
            sending = pool.submit(sent, cast, raws)
            wait_for_a_lock()
            Work.objects.select_for_update().get(urn=first)
        response = sending.result()

    assert (response.status_code, problem(response), response.headers["Retry-After"]) == (503, "not_ready", "5")
    assert brought(cast, raws).stored == len(raws)


def wait_for_a_lock():
    with connection.cursor() as cursor:
        for _ in range(100):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
