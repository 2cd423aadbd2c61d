"""Of a receipt the registry keeps its digest, until the log has committed to it; and of what was asked nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from priorconsent import canonical, receipts, times
from priorconsent.events import Anchor
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_2
from transparency import receipts as given
from transparency import sequencer
from transparency.files import public_folder
from transparency.models import Alarm, Blob, GivenReceipt, Pending
from transparency.store import current_states

HOUR_S = 3600


def give(count, at):
    digests = [canonical.digest(f"{at} {number}".encode()) for number in range(count)]
    GivenReceipt.objects.bulk_create(GivenReceipt(digest=digest, issued_at=at) for digest in digests)
    return digests


def sweep(at):
    given.anchor_due(at)
    sequencer.sweep(at)
    given.watch(at)


def anchors():
    log = current_states()
    found = [log.event(pos) for pos in range(log.size)]
    return [event for event in found if isinstance(event, Anchor)]


def test_an_hour_after_the_oldest_all_receipts_are_anchored_and_forgotten(registry):
    digests = [*give(3, DAY_2), *give(2, times.plus(DAY_2, 1800))]
    sweep(times.plus(DAY_2, HOUR_S - 1))
    assert (anchors(), GivenReceipt.objects.count()) == ([], 5)
    sweep(times.plus(DAY_2, HOUR_S))

    [anchor] = anchors()
    listed = bytes(Blob.objects.get(digest=anchor.digest).raw)
    assert receipts.read_list(listed) == sorted(canonical.digest_bytes(one) for one in digests)
    assert receipts.list_digest(listed) == anchor.digest
    assert (anchor.kind, anchor.party, anchor.statement) == ("receipts", None, None)
    assert not GivenReceipt.objects.exists()
    check_log()
    check_published()
    assert (public_folder() / "blob" / anchor.digest.replace(":", "/")).read_bytes() == listed


def test_without_receipts_there_is_no_anchor(registry):
    sweep(times.plus(DAY_2, HOUR_S))
    assert anchors() == []


def test_no_receipt_is_in_two_lists(registry):
    give(3, DAY_2)
    sweep(times.plus(DAY_2, HOUR_S))
    give(2, times.plus(DAY_2, HOUR_S))
    sweep(times.plus(DAY_2, 2 * HOUR_S))
    lists = [receipts.read_list(bytes(Blob.objects.get(digest=one.digest).raw)) for one in anchors()]
    assert [len(one) for one in lists] == [3, 2]


@pytest.mark.parametrize("ahead_s", [1, -given.CLOCKS_DIFFER_S + 1])
def test_no_receipt_is_in_an_anchor_that_may_be_dated_before_it(registry, ahead_s):
    """It was given while the sweep ran, or by a machine whose clock is ahead of the sequencer's."""
    give(1, DAY_2)
    [late] = give(1, times.plus(DAY_2, HOUR_S + ahead_s))
    sweep(times.plus(DAY_2, HOUR_S))
    [first] = anchors()
    assert canonical.digest_bytes(late) not in receipts.read_list(bytes(Blob.objects.get(digest=first.digest).raw))
    sweep(times.plus(DAY_2, 2 * HOUR_S + 1))
    assert len(anchors()) == 2
    assert not GivenReceipt.objects.exists()


def test_more_than_a_list_holds_take_several(registry, monkeypatch):
    monkeypatch.setattr(receipts, "MAX_LISTED", 4)
    give(10, DAY_2)
    sweep(times.plus(DAY_2, HOUR_S))
    assert [len(bytes(Blob.objects.get(digest=one.digest).raw)) // 32 for one in anchors()] == [4, 4, 2]


def test_what_the_log_refuses_is_anchored_by_the_next_sweep(registry):
    give(2, DAY_2)
    given.anchor_due(times.plus(DAY_2, HOUR_S))
    Pending.objects.filter(state="pending").update(seal=b"another")
    sequencer.sweep(times.plus(DAY_2, HOUR_S))
    assert anchors() == []
    sweep(times.plus(DAY_2, HOUR_S + 60))
    sweep(times.plus(DAY_2, HOUR_S + 60))
    assert len(anchors()) == 1
    assert not GivenReceipt.objects.exists()


def test_a_draft_taken_away_by_hand_leaves_its_receipts_to_the_next_list(registry):
    give(2, DAY_2)
    given.anchor_due(times.plus(DAY_2, HOUR_S))
    Pending.objects.filter(state="pending").delete()
    sweep(times.plus(DAY_2, HOUR_S + 60))
    assert len(anchors()) == 1


def test_an_overdue_anchor_is_an_alarm(registry):
    give(2, DAY_2)
    given.watch(times.plus(DAY_2, 2 * HOUR_S))
    assert not Alarm.objects.exists()
    given.watch(times.plus(DAY_2, 2 * HOUR_S + 1))
    assert Alarm.objects.get().code == given.OVERDUE


@pytest.mark.parametrize("count", [4])
def test_many_sweeps_at_once_list_every_receipt_once(committed_registry, count):
    digests = give(50, DAY_2)
    barrier = threading.Barrier(count)

    def anchor(_):
        try:
            barrier.wait()
            given.anchor_due(times.plus(DAY_2, HOUR_S))
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(anchor, range(count)))
    sequencer.sweep(times.plus(DAY_2, HOUR_S))
    lists = [receipts.read_list(bytes(Blob.objects.get(digest=one.digest).raw)) for one in anchors()]
    listed = sorted("sha256:" + one.hex() for some in lists for one in some)
    assert listed == sorted(digests)


def test_nothing_is_kept_but_digest_and_time():
    assert {field.name for field in GivenReceipt._meta.get_fields()} == {"digest", "issued_at", "unit"}
