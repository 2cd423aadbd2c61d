"""Many acts in one transaction: each whole or not at all, all of them stored in a few statements."""

import contextvars

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from priorconsent.errors import ConflictError
from tests.transparency.cast import DAY_1, DAY_2, FILM, MANGA, PUBLISHER, STUDIO
from transparency import sequencer
from transparency.append import append_all, gathered, waiting
from transparency.models import Alarm, Attachment, EvidenceItem, Pending
from transparency.store import current_states, one_reading


@pytest.fixture
def units(cast):
    """Two works by parties that are logged, ready to be appended."""
    for unit in (cast.party(STUDIO), cast.key(STUDIO), cast.party(PUBLISHER), cast.key(PUBLISHER)):
        unit.append()
    sequencer.run(DAY_1)
    return [cast.work(FILM, "film", STUDIO), cast.work(MANGA, "manga", PUBLISHER)]


def leave(unit):
    append_all(unit.drafts, blobs=unit.blobs, evidence=unit.evidence)


def fail(gathering, unit):
    with gathering.step():
        EvidenceItem.objects.create(digest="x", raw=b"x")
        leave(unit)
        raise ConflictError("no")


def test_what_many_steps_append_is_stored_at_the_end_and_logged_in_their_order(units):
    before = Pending.objects.count()
    with transaction.atomic():
        leave_all(units)
    sequencer.run(DAY_2)
    rows = Pending.objects.order_by("pk")[before:]
    assert [row.state for row in rows] == ["logged", "logged"]
    first, second = (row.pos for row in rows)
    assert second == (first or 0) + 1
    assert not Alarm.objects.exists()


def test_a_step_that_fails_is_forgotten_with_all_that_it_wrote_and_no_other(units):
    with transaction.atomic(), gathered() as gathering:
        with gathering.step():
            leave(units[0])
        with pytest.raises(ConflictError):
            fail(gathering, units[1])
        assert waiting(units[0].evidence) == set(units[0].evidence)
        assert not waiting(units[1].evidence)
    assert not EvidenceItem.objects.filter(digest__in=["x", *units[1].evidence]).exists()
    assert set(units[0].evidence) <= set(Attachment.objects.values_list("digest", flat=True))


def leave_all(units, *, fails=False):
    with transaction.atomic(), gathered() as gathering:
        for unit in units:
            with gathering.step():
                leave(unit)
        if fails:
            raise RuntimeError


def test_a_transaction_that_fails_after_its_steps_leaves_nothing(units):
    before = Pending.objects.count()
    with pytest.raises(RuntimeError):
        leave_all(units, fails=True)
    assert Pending.objects.count() == before
    assert not waiting(units[0].evidence)


def test_storing_many_takes_as_many_statements_as_storing_one(units):
    def statements(some):
        with CaptureQueriesContext(connection) as queries:
            leave_all(some)
        return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]

    third = units.pop()
    assert len(statements(units)) == len(statements([third, *units]))


def test_evidence_waits_from_when_it_was_left_until_it_is_logged_or_refused(units):
    asked = [*units[0].evidence, *units[1].evidence]
    units[0].append()
    assert waiting(asked) == set(units[0].evidence)
    sequencer.run(DAY_2)
    assert waiting(asked) == set()
    # A second event about the same work has no effect, so it is refused.
    twice = type(units[0])(units[0].drafts, units[0].blobs, units[0].evidence)
    twice.append()
    sequencer.run(DAY_2)
    assert Alarm.objects.count() == 1
    assert waiting(asked) == set()


def test_what_waited_before_waits_for_every_step_and_is_looked_up_once(units):
    units[0].append()
    asked = {*units[0].evidence, *units[1].evidence}
    with transaction.atomic(), gathered() as gathering:
        assert waiting(asked) == set(units[0].evidence)
        assert waiting(asked) == set(units[0].evidence)
        with CaptureQueriesContext(connection) as queries:
            assert not waiting(units[1].evidence)
        assert not len(queries)
        with gathering.step():
            leave(units[1])
        assert waiting(asked) == asked


def test_one_reading_proves_a_row_once_and_ends_with_its_block(units):
    with one_reading() as log:
        assert current_states() is log
        log.state(f"party:{STUDIO}")
        with CaptureQueriesContext(connection) as queries:
            current_states().state(f"party:{STUDIO}")
        assert not len(queries)
    assert current_states() is not log


def test_a_reading_goes_on_at_its_size_while_the_log_moves_on_and_reads_nothing_new(units):
    with one_reading() as log:
        log.state(f"party:{STUDIO}")
        for unit in units:
            unit.append()
        # As another process does: what this block reads is its own.
        contextvars.Context().run(sequencer.run, DAY_2)
        assert log.state(f"party:{STUDIO}") is not None
        with pytest.raises(ConflictError, match="moved on"):
            log.state(f"work:{FILM}")
    assert current_states().state(f"work:{FILM}") is not None


def test_steps_that_would_be_committed_one_by_one_are_refused(transactional_db):
    with pytest.raises(RuntimeError, match="one transaction"), gathered():
        pass
