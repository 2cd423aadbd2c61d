"""People who act in the same second, and lists that stay cheap however long they are."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from licences import queries
from licences.explain import explain, explain_all
from licences.models import Offer
from licences.states import State
from licences.verbs import issue
from licences.verbs.add_licence import add_licence
from licences.verbs.approve import approve_offer
from licences.verbs.end_key import end_key_by_operator
from licences.verbs.issue import issue_all_ready
from licences.verbs.lapse import lapse_offers
from licences.verbs.withdraw import withdraw_grant
from priorconsent import names
from priorconsent.errors import PriorConsentError
from registry.actor import Actor
from registry.verbs import bind_key
from tests.cast import OPERATOR
from transparency.append import append, append_all, sequenced_by_caller


def together(acts):
    """Run acts at the same time, each on its own connection; results or errors of ours, in order."""

    def run(act):
        try:
            with sequenced_by_caller():
                return act()
        except PriorConsentError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def approval(cast, offer, player, decision="approve"):
    raw = cast.sign(player, "approval", subject=offer.digest, decision=decision, rights=["copyright"])
    return lambda: approve_offer(player.actor, raw, cast.now)


def test_approvals_in_the_same_second_are_all_kept(committed_cast):
    cast = committed_cast
    offer = cast.offer()
    together([approval(cast, offer, player) for player in cast.holders])
    assert {row.party for row in offer.approvals.all()} == {player.party for player in cast.holders}


def test_an_approval_and_a_decline_in_the_same_second_decline(committed_cast):
    cast = committed_cast
    offer = cast.offer()
    together([approval(cast, offer, cast.studio), approval(cast, offer, cast.toy_maker, "decline")])
    offer.refresh_from_db()
    assert offer.state == "declined"


def test_the_last_two_withdrawals_in_the_same_second_end_the_grant_once(committed_cast):
    cast = committed_cast
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "all", "notice_s": 0})
    digest = cast.grant_state(offer).digest

    def withdrawal(player):
        raw = cast.sign(player, "withdrawal", subject=digest)
        return lambda: withdraw_grant(player.actor, raw, cast.now)

    together([withdrawal(player) for player in cast.holders])
    cast.log()
    offer.refresh_from_db()
    assert offer.state == "withdrawn"
    assert [entry.s for entry in cast.grant_state(offer).life] == ["active", "withdrawn"]


def test_a_grant_that_is_issued_while_the_key_under_it_falls_is_suspended(committed_cast, monkeypatch):
    cast = committed_cast
    offer = cast.grant_at(State.OFFERED, approved_by=cast.holders)
    cast.accept(offer)
    appended, ended = threading.Event(), threading.Event()

    def slowly(*drafts, **more):
        rows = append_all(*drafts, **more)
        appended.set()
        # Not committed yet, and whoever does not wait for that is done by then.
        ended.wait(1)
        return rows

    def steal():
        appended.wait(10)
        key = cast.broadcaster.key_id
        told = {"party": cast.broadcaster.party, "key": key, "reason": "stolen", "suspect_from": cast.now}
        end_key_by_operator(OPERATOR, **told, now=cast.now)
        ended.set()

    monkeypatch.setattr(issue, "append_all", slowly)
    together([lambda: issue.issue_grant(OPERATOR, offer, cast.now), steal])
    cast.log()
    offer.refresh_from_db()
    assert offer.state == "suspended"
    assert cast.grant_state(offer).life[-1].cause == "key"


def test_a_key_that_is_bound_while_the_one_that_vouches_falls_falls_with_it(committed_cast, monkeypatch):
    """A thief binds keys without pause, so that one of them outlives the stolen one."""
    cast = committed_cast
    thief = cast.another_key(cast.broadcaster, "thief")
    appended, ended = threading.Event(), threading.Event()

    def slowly(*drafts, **more):
        row = append(*drafts, **more)
        appended.set()
        ended.wait(1)
        return row

    def steal():
        appended.wait(10)
        told = {"party": cast.broadcaster.party, "key": cast.broadcaster.key_id, "reason": "stolen"}
        end_key_by_operator(OPERATOR, **told, suspect_from=cast.now, now=cast.now)
        ended.set()

    monkeypatch.setattr(bind_key, "append", slowly)
    together([lambda: cast.bind(thief, by=cast.broadcaster), steal])
    cast.log()
    party = cast.state(names.party(cast.broadcaster.party))
    assert party.key(cast.broadcaster.key_id).until == cast.now
    bound = party.key(thief.key_id)
    assert bound is None or bound.until == cast.now


def queries_for(act) -> int:
    with CaptureQueriesContext(connections["default"]) as captured:
        act()
    return len(captured)


def test_a_list_of_offers_with_their_explanations_takes_as_many_queries_as_one(cast):
    def listed():
        rows = queries.offers(cast.studio.actor)
        return [one.en for one in explain_all(rows, cast.now)]

    cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    few = queries_for(listed)
    for _ in range(4):
        cast.grant_at(State.OFFERED, approved_by=cast.holders[:2])
    cast.grant_at(State.ACTIVE)
    assert len(listed()) == 6
    assert queries_for(listed) == few


def test_a_list_of_grants_takes_as_many_queries_as_one(cast):
    cast.grant_at(State.ACTIVE)
    few = queries_for(queries.grants)
    cast.grant_at(State.WITHDRAWN)
    cast.grant_at(State.SUSPENDED)
    cast.grant_at(State.OFFERED)
    assert len(queries.grants()) == 3
    assert queries_for(queries.grants) == few


def test_a_list_of_licences_takes_as_many_queries_as_one(cast):
    def listed():
        return [len(licence.texts.all()) for licence in queries.licences()]

    add_licence(OPERATOR, title="One", terms={}, now=cast.now)
    few = queries_for(listed)
    add_licence(OPERATOR, title="Two", terms={}, now=cast.now)
    assert queries_for(listed) == few


def test_offers_are_seen_by_those_concerned_and_drafts_by_their_author(cast):
    cast.grant_at(State.DRAFT)
    offer = cast.grant_at(State.OFFERED)

    def seen_by(actor: Actor) -> int:
        return len(queries.offers(actor))

    assert seen_by(cast.studio.actor) == 2
    assert [seen_by(player.actor) for player in (cast.publisher, cast.vendor)] == [1, 1]
    assert [seen_by(player.actor) for player in (cast.stranger, cast.other_vendor)] == [0, 0]
    assert seen_by(OPERATOR) == 2
    assert queries.offer(cast.stranger.actor, offer.grant) is None
    assert queries.grant(offer.grant) is None


def test_an_open_offer_says_who_is_waited_for_in_both_languages(cast):
    cast.grant_at(State.OFFERED, approved_by=[cast.studio, cast.publisher])
    told = explain(Offer.objects.get(), cast.now)

    assert set(told.waiting_for) == {cast.broadcaster.party, cast.toy_maker.party}
    assert "Waiting for 2 of 4: " in told.en
    assert "Broadcaster" in told.en
    assert "Waiting for the licensee: Vendor." in told.en
    assert "権利者4者のうち2者の承認を待っています" in told.ja
    assert told.accepted is False


def test_a_signed_offer_says_that_it_is_about_to_be_issued(cast):
    cast.grant_at(State.OFFERED, approved_by=cast.holders)
    cast.accept(Offer.objects.get())
    assert "All have signed" in explain(Offer.objects.get(), cast.now).en


@pytest.mark.parametrize("state", [State.DRAFT, State.ACTIVE, State.WITHDRAWN, State.DECLINED, State.SUSPENDED])
def test_every_state_is_explained(cast, state):
    cast.grant_at(state)
    told = explain(Offer.objects.get(), cast.now)
    assert (told.state, told.waiting_for) == (state, ())
    assert told.en
    assert told.ja


def test_a_sweep_takes_a_bounded_number_of_queries_for_offers_that_still_wait(cast):
    def sweep():
        assert lapse_offers(cast.now) == []
        assert issue_all_ready(OPERATOR, cast.now) == []

    cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    few = queries_for(sweep)
    for _ in range(3):
        cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    assert queries_for(sweep) == few
