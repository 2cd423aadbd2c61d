"""Whoever says no gets the registry's word at once that the log will have it; and the registry watches its word."""

import uuid

import pytest
from django.db import transaction

from api.views.statements import TAKE
from licences.models import Offer
from licences.states import State
from priorconsent import acknowledgements, canonical, times
from priorconsent.statements import NARROWING
from registry import ids
from registry.verbs.refuse import refuse
from tests.api.conftest import client_at, post, problem
from transparency import acknowledgements as kept
from transparency.models import Acknowledged, Alarm, EvidenceItem, Pending, Spent
from transparency.store import keyset

ADDRESS = "/api/v1/statements"


def hand_in(cast, raw, **more):
    return post(client_at(cast.now), ADDRESS, {"statement": raw.decode(), **more})


def refusal(cast, player):
    body = {"refusal": ids.new_record(), "party": player.party, "vendors": ["*"], "works": ["*"], "uses": ["*"]}
    return cast.sign(player, "refusal", body)


def withdrawal(cast, player, offer=None):
    grant = cast.grant_state(offer or cast.grant_at(State.ACTIVE))
    return cast.sign(player, "withdrawal", subject=grant.digest)


def key_end(cast, player):
    body = {"party": player.party, "key": player.key_id, "reason": "lost", "suspect_from": None}
    return cast.sign(player, "key-end", body)


MADE = {"withdrawal": withdrawal, "refusal": refusal, "key-end": key_end}


def acknowledged(cast, response):
    """The acknowledgement in an answer, verified."""
    assert response.status_code == 202, response.json()
    signed = acknowledgements.SignedAcknowledgement(response.json()["acknowledgement"].encode())
    made = signed.acknowledgement
    signed.verify(keyset().key(signed.kid, "receipt", made.received_at))
    assert made.registry == cast.registry
    return made


def alarms():
    return list(Alarm.objects.order_by("id").values_list("code", flat=True))


def test_every_narrowing_type_that_is_taken_is_tested_here():
    assert set(MADE) == NARROWING & set(TAKE)


@pytest.mark.parametrize("kind", MADE)
def test_a_narrowing_statement_is_acknowledged_at_once_and_closed_when_the_public_has_it(cast, kind):
    raw = MADE[kind](cast, cast.studio)
    made = acknowledged(cast, hand_in(cast, raw))

    assert (made.statement, made.received_at) == (canonical.digest(raw), cast.now)
    assert made.log_by == times.plus(cast.now, 60)
    cast.log()
    kept.watch(cast.now)
    assert Acknowledged.objects.get(open=True).statement == made.statement
    cast.publish()
    kept.watch(times.plus(cast.now, 61))
    assert not Acknowledged.objects.filter(open=True).exists()
    assert alarms() == []


@pytest.mark.parametrize("kind", MADE)
def test_handed_in_again_it_is_acknowledged_by_the_same_bytes(cast, kind):
    raw = MADE[kind](cast, cast.studio)
    first = hand_in(cast, raw).json()["acknowledgement"]
    for step in (lambda: None, cast.wait, cast.log, cast.publish, cast.wait):
        step()
        assert hand_in(cast, raw).json()["acknowledgement"] == first
    assert Pending.objects.filter(state="pending").count() == 0


def test_what_widens_is_not_acknowledged(cast):
    body = {"name": f"sha256:{'ab' * 32}", "work": cast.works["film"], "party": cast.toy_maker.party, "ended": False}
    told = hand_in(cast, cast.sign(cast.toy_maker, "claim", body)).json()

    assert told["acknowledgement"] is None
    assert not Acknowledged.objects.exists()


def test_a_withdrawal_that_waits_for_others_is_acknowledged_when_the_last_one_comes(cast):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "all", "notice_s": 0})
    *firsts, last = [withdrawal(cast, player, offer) for player in cast.holders]
    for raw in firsts:
        assert hand_in(cast, raw).json()["acknowledgement"] is None
    cast.wait()
    acknowledged(cast, hand_in(cast, last))
    for raw in firsts:
        made = acknowledged(cast, hand_in(cast, raw))
        assert (made.statement, made.received_at) == (canonical.digest(raw), cast.now)


def test_without_its_draft_nothing_is_acknowledged(cast):
    raw = refusal(cast, cast.studio)
    with transaction.atomic():
        refuse(cast.studio.actor, raw, cast.now)
        assert Acknowledged.objects.exists()
        transaction.set_rollback(True)
    assert not Acknowledged.objects.exists()
    assert kept.given(canonical.digest(raw)) is None


def test_a_crash_before_the_signature_leaves_it_to_the_next_one_who_asks(cast):
    raw = refusal(cast, cast.studio)
    refuse(cast.studio.actor, raw, cast.now)
    received_at = cast.now
    cast.wait(30)

    assert acknowledged(cast, hand_in(cast, raw)).received_at == received_at


def test_a_clock_behind_the_sequencers_promises_no_checkpoint_that_is_there_already(cast):
    logged = cast.now
    cast.refuse(cast.stranger)
    cast.log()
    cast.now = times.plus(logged, -90)
    raw = refusal(cast, cast.studio)
    assert acknowledged(cast, hand_in(cast, raw)).received_at == logged


# The registry watches its word


def test_what_is_not_published_within_a_minute_is_an_alarm(cast):
    hand_in(cast, refusal(cast, cast.studio))
    kept.watch(times.plus(cast.now, 60))
    assert alarms() == []
    for _ in range(2):
        kept.watch(times.plus(cast.now, 61))
        assert alarms() == [kept.OVERDUE]


def test_a_draft_that_was_taken_away_by_hand_is_an_alarm_at_once(cast):
    raw = refusal(cast, cast.studio)
    made = acknowledged(cast, hand_in(cast, raw))
    Pending.objects.filter(state="pending").delete()
    cast.publish()
    kept.watch(cast.now)

    assert alarms() == [kept.BROKEN]
    assert made.statement in Alarm.objects.get().detail
    # The holder still gets the evidence against the registry, and is told.
    again = hand_in(cast, raw)
    assert acknowledged(cast, again) == made
    assert "is not in the log" in again.json()["says"]


def test_a_row_that_says_logged_is_not_believed(cast):
    raw = refusal(cast, cast.studio)
    digest = acknowledged(cast, hand_in(cast, raw)).statement
    Pending.objects.filter(state="pending").update(state="logged", pos=10_000)
    Spent.objects.create(digest=digest, pos=2)
    EvidenceItem.objects.filter(digest=digest).update(pos=2)
    cast.publish()
    kept.watch(times.plus(cast.now, 61))

    assert alarms() == [kept.OVERDUE]


def refused_by_a_race(cast):
    """The key ends, and before that is sequenced it signs once more."""
    assert hand_in(cast, key_end(cast, cast.studio)).status_code == 202
    raw = refusal(cast, cast.studio)
    refuse(cast.studio.actor, raw, cast.now)
    return raw


def test_what_the_log_refuses_before_it_was_acknowledged_never_is(cast):
    raw = refused_by_a_race(cast)
    cast.publish()
    response = hand_in(cast, raw)

    assert (response.status_code, problem(response)) == (422, "rule")
    assert "sign anew" in response.json()["detail"]
    kept.watch(cast.now)
    assert alarms() == ["unit_refused"]


def test_what_the_log_refuses_after_it_was_acknowledged_is_an_alarm_and_stays_acknowledged(cast):
    raw = refused_by_a_race(cast)
    made = acknowledged(cast, hand_in(cast, raw))
    cast.publish()
    for _ in range(2):
        kept.watch(cast.now)
        assert alarms() == ["unit_refused", kept.BROKEN]
    again = hand_in(cast, raw)
    assert acknowledged(cast, again) == made
    assert "sign anew" in again.json()["says"]


def test_a_grant_withdrawn_a_moment_before_is_told_and_not_acknowledged(cast):
    offer = cast.grant_at(State.ACTIVE)
    first, second = (withdrawal(cast, player, offer) for player in (cast.studio, cast.publisher))
    acknowledged(cast, hand_in(cast, first))

    assert problem(hand_in(cast, second)) == "conflict"
    assert Acknowledged.objects.count() == 1
    assert Offer.objects.get(pk=offer.pk).state == State.WITHDRAWN


def test_an_unknown_statement_has_no_acknowledgement(cast):
    assert kept.given(canonical.digest(uuid.uuid4().bytes)) is None
