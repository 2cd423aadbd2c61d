"""Several sequencers at once: no fork, no gap, nothing twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, connections

from priorconsent import times
from priorconsent.errors import ConflictError, PriorConsentError
from priorconsent.witness import config
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_1, DAY_2, STUDIO, Cast
from transparency import publisher, sequencer, snapshots, storing
from transparency.append import sequenced_by_caller
from transparency.checkpoints import sign_newest
from transparency.keysets import found_registry
from transparency.models import Alarm, Event, Head, Pending
from transparency.policies import own_policy

THREADS = 4


@pytest.fixture
def cast(committed_registry):
    made = Cast(committed_registry)
    made.party(STUDIO).append()
    made.key(STUDIO).append()
    sequencer.run(DAY_1)
    return made


def together(work):
    """Run ``work(number)`` in threads that all begin at once."""
    start = threading.Barrier(THREADS)

    def one(number):
        start.wait()
        try:
            with sequenced_by_caller():
                return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(one, number) for number in range(THREADS)]]


def test_four_writers_who_each_sequence_lose_nothing(cast):
    units = [[cast.refusal(10 * number + one) for one in range(5)] for number in range(THREADS)]

    def work(number):
        for unit in units[number]:
            unit.append()
            sequencer.run(DAY_2)

    together(work)

    check_log()
    assert check_published() == Event.objects.count()
    assert Pending.objects.filter(state="logged").count() == Pending.objects.count()
    assert Event.objects.filter(t="refuse").count() == 5 * THREADS


def test_without_the_lock_one_wins_and_the_others_do_nothing(cast, monkeypatch):
    """The lock spares work; what forbids a fork are the rows themselves."""
    monkeypatch.setattr(sequencer, "_take_turn", lambda: None)
    for number in range(20):
        cast.refusal(number).append()

    def work(number):
        try:
            return sequencer.sequence(DAY_2)
        except (DatabaseError, PriorConsentError):
            # PostgreSQL may show it rows of the winner's: these lead to another root than the one it began with.
            return None

    won = [batch for batch in together(work) if batch is not None and batch.logged]

    assert len(won) == 1
    check_log()
    assert Event.objects.filter(t="refuse").count() == 20
    assert Head.objects.get().size == Event.objects.count() == won[0].size


@pytest.mark.django_db(transaction=True)
def test_a_head_that_moved_on_is_not_moved_again(cast):
    size = Head.objects.get().size
    storing._move_head(size, size + 1, 1)
    with pytest.raises(ConflictError):
        storing._move_head(size, size + 1, 1)


@pytest.mark.django_db(transaction=True)
def test_many_who_sign_and_publish_at_once_agree_with_their_witnesses(witnesses, transactional_db):
    with sequenced_by_caller():
        cast = Cast(found_registry(times.now()))
        units = [cast.party(f"urn:uuid:00000000-0000-4000-8000-{number:012x}") for number in range(40)]

        def work(number):
            for unit in units[number::4]:
                unit.append()
                try:
                    sequencer.run(times.now())
                except (DatabaseError, PriorConsentError):
                    # PostgreSQL may show the loser rows of the winner's; what it left undone somebody else finishes.
                    continue

        together(work)
        sequencer.sweep(times.now())
    assert Event.objects.filter(t="party").count() == 40
    check_log()
    assert check_published() == Event.objects.count()
    assert not Alarm.objects.filter(code="restored_backup").exists()
    kept = [one.origin for witness in witnesses for one in config.state(witness.folder).evidence()]
    assert own_policy().origin not in kept


@pytest.mark.django_db(transaction=True)
def test_what_is_signed_while_a_publication_begins_waits_for_the_next_one(cast):
    cast.refusal(1).append()
    sequencer.sequence(DAY_2)
    sign_newest(DAY_2)
    cast.refusal(2).append()
    sequencer.sequence(DAY_2)
    signed: list[bool] = []

    def sign_after_the_first_look(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "transparency_checkpoint" in sql and not signed:
            signed.append(True)
            sign_newest(DAY_2)
        return result

    with connection.execute_wrapper(sign_after_the_first_look):
        publisher.publish()
    snapshots.write()
    assert (signed, check_published()) == ([True], Event.objects.count() - 2)
    sequencer.finish(DAY_2)
    assert check_published() == Event.objects.count()
