"""The same list handed in at the same time, from both ends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from django.db import connections

from priorconsent import lists, names
from registry.models import Work
from tests.api.test_lists import added, claim, hand_in
from tests.stage import committed_cast, folder, openings
from transparency import sequencer
from transparency.append import sequenced_by_caller
from transparency.models import Alarm, Event

__all__ = ["committed_cast", "folder", "openings"]

WORKS = 30
# As a client tries again: of two that wait for each other, the database lets one go on.
TRIES = 5


def brought(cast, raws):
    """Hands a list in until it is answered; how often each outcome was told."""
    try:
        with sequenced_by_caller():
            for _ in range(TRIES):
                response = hand_in(cast, raws)
                if response.status_code == HTTPStatus.OK:
                    return lists.read_outcomes(response.content)
    finally:
        connections.close_all()
    raise AssertionError(response.content)


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
