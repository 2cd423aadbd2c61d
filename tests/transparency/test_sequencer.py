"""From a draft to a published checkpoint, and what is refused on the way."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from priorconsent import canonical, names, times
from priorconsent.errors import MalformedError
from priorconsent.states import GrantState, PartyState
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, DAY_4, FILM, GRANT, NOTICE_S, PUBLISHER, STUDIO, Cast, Unit
from transparency import sequencer
from transparency.append import append, sequenced_by_caller
from transparency.keysets import found_registry
from transparency.models import Alarm, Event, EvidenceItem, Pending
from transparency.store import current_states


def log(units, now):
    rows = [unit.append() for unit in units]
    sequencer.run(now)
    return [row for unit in rows for row in unit]


@pytest.fixture
def offered(cast):
    """All is ready for a grant."""
    log(cast.everything_up_to_the_offer(), DAY_1)
    return cast


def test_a_registry_is_founded_once(registry):
    assert found_registry(DAY_2) == registry
    assert [event.t for event in Event.objects.order_by("pos")] == ["log-open", "keyset", "rights-table", "map-root"]
    check_log()
    assert check_published() == 4


def test_every_batch_leaves_a_log_that_an_auditor_derives_again(offered):
    check_log()
    grant = offered.grant(DAY_2)
    for units, now in (([grant], DAY_2), ([offered.refusal(1)], DAY_3)):
        log(units, now)
        ledger = check_log()
        assert check_published() == ledger.size
    log([offered.withdrawal(grant.drafts[0]["digest"], DAY_3)], DAY_4)
    check_log()
    assert check_published() == current_states().size
    assert not list(Alarm.objects.values_list("detail", flat=True))


def test_the_sequencer_fills_in_when_a_withdrawal_ends_a_grant(offered):
    grant = offered.grant(DAY_2)
    log([grant], DAY_2)
    log([offered.withdrawal(grant.drafts[0]["digest"], DAY_3)], DAY_3)
    grant_state = current_states().state(names.grant(GRANT))
    assert isinstance(grant_state, GrantState)
    assert grant_state.life[-1].ends_at == times.plus(DAY_3, NOTICE_S)


def test_a_first_key_counts_only_after_the_delay_of_the_keyset(folder, db, settings):
    settings.PRIORCONSENT_KEY_DELAY_S = 86400
    with sequenced_by_caller():
        cast = Cast(found_registry(DAY_1))
        log([cast.party(STUDIO), cast.key(STUDIO)], DAY_1)
        party = current_states().state(names.party(STUDIO))
        assert isinstance(party, PartyState)
        assert party.keys[0].counts_from == DAY_2
        [early] = log([cast.work(FILM, "film", STUDIO)], times.plus(DAY_2, -1))
        [late] = log([cast.work(FILM, "film", STUDIO)], DAY_2)
    assert [Pending.objects.get(pk=row.pk).state for row in (early, late)] == ["refused", "logged"]


def test_a_batch_ends_in_its_map_root_and_shares_one_time(offered):
    size = Event.objects.count()
    log([offered.alias("sha256:" + digit * 64) for digit in "123"], DAY_2)
    batch = Event.objects.filter(pos__gte=size).order_by("pos")
    assert [event.t for event in batch] == ["alias", "alias", "alias", "map-root"]
    assert {event.time for event in batch} == {DAY_2}


def test_the_time_of_a_batch_never_goes_back(offered):
    log([offered.alias("sha256:" + "1" * 64)], DAY_3)
    log([offered.alias("sha256:" + "2" * 64)], DAY_2)
    assert [event.time for event in Event.objects.order_by("pos")][-4:] == [DAY_3] * 4
    check_log()


def test_a_unit_is_logged_whole_or_not_at_all(cast):
    unit = cast.party(STUDIO)
    unit.drafts += cast.party(PUBLISHER).drafts + cast.party(STUDIO).drafts
    rows = log([unit], DAY_1)
    assert {Pending.objects.get(pk=row.pk).state for row in rows} == {"refused"}
    assert current_states().state(names.party(PUBLISHER)) is None
    assert Event.objects.count() == 4
    check_log()


def test_what_follows_a_refused_unit_in_the_same_batch_is_logged(cast):
    rows = log([cast.party(STUDIO), cast.party(STUDIO), cast.party(PUBLISHER)], DAY_1)
    assert [Pending.objects.get(pk=row.pk).state for row in rows] == ["logged", "refused", "logged"]
    check_log()


def test_a_refused_unit_says_why_and_raises_an_alarm(cast):
    _, second = log([cast.party(STUDIO), cast.party(STUDIO)], DAY_1)
    refused = Pending.objects.get(pk=second.pk)
    alarm = Alarm.objects.get()
    assert "exists" in refused.reason
    assert (alarm.unit, alarm.detail, alarm.code) == (second.unit, refused.reason, "unit_refused")


def test_evidence_that_is_missing_refuses_the_unit(offered):
    unit = offered.alias("sha256:" + "1" * 64)
    unit.evidence.clear()
    [row] = log([unit], DAY_2)
    assert "evidence is missing" in Pending.objects.get(pk=row.pk).reason


def test_evidence_counts_once(offered):
    unit = offered.alias("sha256:" + "1" * 64)
    _, second = log([unit, unit], DAY_2)
    assert "counted before" in Pending.objects.get(pk=second.pk).reason


def test_a_forged_statement_refuses_the_unit(offered):
    unit = offered.alias("sha256:" + "1" * 64)
    offered.keys[STUDIO] = offered.keys[PUBLISHER]
    record = offered.record(STUDIO)
    forged = offered.alias("sha256:" + "1" * 64)
    forged.evidence[record.key_id] = record.encode()
    refused, logged = log([forged, unit], DAY_2)
    assert Pending.objects.get(pk=refused.pk).state == "refused"
    assert Pending.objects.get(pk=logged.pk).state == "logged"


@pytest.mark.parametrize("t", ["map-root", "anchor", "nonsense"])
def test_only_events_that_others_may_log_are_logged(registry, t):
    draft = {"t": t, "map": 1, "size": 4, "root": "sha256:" + "0" * 64, "n": 2, "fresh_for_s": 60}
    [row] = log([Unit([draft])], DAY_2)
    assert Pending.objects.get(pk=row.pk).state == "refused"
    check_log()


def test_evidence_of_a_refused_unit_stays_private(offered, folder):
    unit = offered.alias("sha256:" + "1" * 64)
    unit.drafts[0]["level"] = "E3"
    unit.drafts[0]["name"] = "sha256:" + "2" * 64
    log([unit], DAY_2)
    [digest] = unit.evidence
    assert EvidenceItem.objects.get(digest=digest).pos is None
    assert not (folder / "public" / "evidence" / digest.replace(":", "/")).exists()


def test_the_number_of_statements_of_a_batch_does_not_grow_with_its_units(offered):
    def statements(numbers):
        for number in numbers:
            offered.alias(f"sha256:{number:064x}").append()
        with CaptureQueriesContext(connection) as captured:
            sequencer.sequence(DAY_2)
        return len(captured)

    assert abs(statements(range(10, 70)) - statements(range(2))) <= 3


def test_a_large_backlog_is_logged_in_several_batches(offered, monkeypatch):
    monkeypatch.setattr(sequencer, "MAX_BATCH_EVENTS", 3)
    before = Event.objects.filter(t="map-root").count()
    rows = log([offered.alias(f"sha256:{number:064x}") for number in range(8)], DAY_2)
    assert {Pending.objects.get(pk=row.pk).state for row in rows} == {"logged"}
    assert Event.objects.filter(t="map-root").count() == before + 3
    check_log()
    assert check_published() == current_states().size


def test_a_unit_larger_than_a_batch_is_logged_at_once(offered, monkeypatch):
    monkeypatch.setattr(sequencer, "MAX_BATCH_EVENTS", 2)
    big = offered.alias("sha256:" + "1" * 64)
    for digit in "234":
        more = offered.alias("sha256:" + digit * 64)
        big.drafts += more.drafts
        big.evidence |= more.evidence
    rows = log([big, offered.alias("sha256:" + "5" * 64)], DAY_2)
    positions = [Pending.objects.get(pk=row.pk).pos or 0 for row in rows]
    assert positions[3] - positions[0] == 3
    check_log()


def test_an_idle_log_says_that_it_is_alive_every_third_of_its_freshness(offered, settings):
    third = settings.PRIORCONSENT_FRESH_FOR_S // 3
    size = Event.objects.count()
    sequencer.sweep(times.plus(DAY_1, third - 1))
    assert Event.objects.count() == size
    sequencer.sweep(times.plus(DAY_1, third))
    sequencer.sweep(times.plus(DAY_1, third))
    assert Event.objects.count() == size + 1
    check_log()
    assert check_published() == size + 1


def test_an_event_too_large_for_a_tile_is_refused(offered):
    members = [f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(2000)]
    draft = {"t": "party", "party": GRANT, "kind": "committee", "members": members}
    [row] = log([Unit([draft])], DAY_2)
    assert Pending.objects.get(pk=row.pk).state == "refused"


def test_a_draft_is_checked_when_it_is_left(registry):
    bad: list[dict[str, object]] = [
        {"t": "party", "time": DAY_1},
        {"party": STUDIO},
        {"t": "party", "n": 1.5},
        {"t": "party", "members": ["b", "a"]},
    ]
    for draft in bad:
        with pytest.raises(MalformedError), transaction.atomic():
            append(draft)
    with pytest.raises(MalformedError, match="do not have the digest"), transaction.atomic():
        append({"t": "party"}, blobs={canonical.digest(b"a"): b"b"})
    assert not Pending.objects.filter(state="pending").exists()
