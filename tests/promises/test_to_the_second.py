"""Promises 2 and 7 at a running registry: a yes begins with its inclusion and ends as it was signed."""

from typing import Any

import pytest

from licences.problems import NotGrantableError
from licences.states import State
from priorconsent import times
from priorconsent.errors import RuleError
from tests.api.conftest import client_at
from tests.cast import DAY_S, Cast
from tests.promises.asking import Told, ask, question

YES = Told("permitted", "granted")
WITHDRAWN = Told("not_permitted", "withdrawn")
PUBLIC: dict[str, Any] = {"kind": "public", "party": None, "affiliates": []}
HOUR_S = 3600


def told_at(cast: Cast, instant: str, **other: Any) -> Told:
    """What is said at an instant by what is published now."""
    cast.now = instant
    return ask(cast, **other)


# 2. Prior means prior


def test_a_grant_that_is_not_published_yet_says_nothing(cast):
    cast.publish()
    cast.grant_at(State.ACTIVE)

    assert ask(cast) == Told("not_permitted", "no_grant")
    cast.publish()
    assert ask(cast) == YES


def test_a_grant_says_nothing_about_the_second_before_it_nor_about_copies_made_then(cast):
    cast.grant_at(State.ACTIVE)
    cast.publish()
    begin = cast.now
    cast.wait(HOUR_S)

    before = times.plus(begin, -1)
    assert ask(cast, at=begin) == YES
    assert ask(cast, at=before) == Told("not_permitted", "not_yet_in_force")
    assert ask(cast, acquired_at=begin) == YES
    assert ask(cast, acquired_at=before) == Told("not_permitted", "copy_predates_grant")


def test_nobody_asks_about_tomorrow(cast):
    cast.grant_at(State.ACTIVE)
    cast.publish()

    assert ask(cast, at=times.plus(cast.now, 1)) == Told("not_permitted", "invalid_query")


def test_a_clock_set_back_gives_neither_a_batch_nor_an_answer_an_earlier_time(cast):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    begin = cast.grant_state(offer).life[0].time
    cast.now = times.plus(cast.now, -2 * DAY_S)
    assert ask(cast) == Told("", "stale_snapshot")

    cast.refuse(cast.stranger)
    cast.publish()
    cast.now = begin
    assert ask(cast) == YES
    assert ask(cast, at=times.plus(begin, -DAY_S)).verdict == "not_permitted"


# 7. A signed yes ends as it was signed


def test_a_grant_ends_with_its_period_to_the_second(cast):
    end = times.plus(cast.now, HOUR_S)
    cast.grant_at(State.ACTIVE, valid_until=end)
    cast.publish()

    assert told_at(cast, times.plus(end, -1)) == YES
    assert told_at(cast, end) == Told("not_permitted", "expired")


@pytest.mark.parametrize("notice_s", [0, 1, HOUR_S])
def test_a_withdrawal_by_any_holder_ends_it_after_the_notice_to_the_second(cast, notice_s):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "any", "notice_s": notice_s})
    cast.wait(60)
    cast.withdraw(offer, cast.toy_maker)
    cast.publish()
    end = times.plus(cast.now, notice_s)

    assert told_at(cast, end) == WITHDRAWN
    assert ask(cast, at=times.plus(end, -1)) == YES
    answer = client_at(end).get("/api/v1/decisions", question(cast, at=times.plus(end, -1))).json()
    assert answer["until"] == end


def test_where_all_must_withdraw_the_last_one_ends_it_after_the_notice_to_the_second(cast):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "all", "notice_s": HOUR_S})
    for player in cast.holders:
        assert ask_after_publishing(cast) == YES
        cast.wait(60)
        cast.withdraw(offer, player)
    cast.publish()
    end = times.plus(cast.now, HOUR_S)

    assert told_at(cast, times.plus(end, -1)) == YES
    assert told_at(cast, end) == WITHDRAWN


def ask_after_publishing(cast: Cast) -> Told:
    cast.publish()
    return ask(cast)


def test_a_refusal_leaves_a_named_grant_standing_and_stops_the_next_offer(cast):
    cast.grant_at(State.ACTIVE)
    waiting = cast.grant_at(State.OFFERED, approved_by=cast.holders, works=[cast.works["film"]])
    cast.accept(waiting)
    cast.wait(60)
    cast.refuse(cast.publisher)
    cast.publish()

    assert ask(cast) == YES
    with pytest.raises(NotGrantableError, match="refusal"):
        cast.offer()
    with pytest.raises(RuleError, match="refused by"):
        cast.issue(waiting)


def test_a_refusal_stops_a_public_grant_from_its_next_checkpoint(cast):
    cast.grant_at(State.ACTIVE, licensee=PUBLIC)
    cast.publish()
    assert ask(cast, vendor=None) == YES
    cast.wait(60)
    cast.refuse(cast.publisher, vendors=[cast.vendor.party], uses=["train"])
    cast.publish()

    assert ask(cast).reason == "refused"
    assert ask(cast, vendor=cast.other_vendor.party) == YES
    assert ask(cast, vendor=None).reason == "needs_vendor"


def test_a_suspension_and_its_end_count_from_their_checkpoints(cast):
    cast.grant_at(State.SUSPENDED)
    cast.publish()
    assert ask(cast) == Told("not_permitted", "suspended")
