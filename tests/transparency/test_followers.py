"""Followers: everything once, in order, at their own pace."""

import pytest

from tests.transparency.cast import DAY_1, DAY_2, PUBLISHER, STUDIO
from transparency import sequencer
from transparency.followers import Logged, Refused, follow
from transparency.models import Event, Follower


def test_a_follower_sees_every_published_event_once_and_in_order(cast):
    seen: list[Logged | Refused] = []
    follow("mail", seen.append)
    cast.party(STUDIO).append()
    sequencer.run(DAY_1)
    follow("mail", seen.append)
    follow("mail", seen.append)
    logged = [item for item in seen if isinstance(item, Logged)]
    assert [item.pos for item in logged] == list(range(Event.objects.count()))
    assert [item.unit is not None for item in seen] == [True, True, True, False, True, False]


def test_a_follower_waits_for_publication(cast):
    cast.party(STUDIO).append()
    sequencer.sequence(DAY_1)
    seen: list[Logged | Refused] = []
    follow("mail", seen.append)
    assert len(seen) == 4
    sequencer.finish(DAY_1)
    follow("mail", seen.append)
    assert len(seen) == 6


def test_a_follower_hears_of_refused_units_with_their_drafts(cast):
    seen: list[Logged | Refused] = []
    cast.party(STUDIO).append()
    [again] = cast.party(STUDIO).append()
    sequencer.run(DAY_1)
    follow("mail", seen.append)
    [refused] = [item for item in seen if isinstance(item, Refused)]
    assert refused.unit == again.unit
    assert refused.drafts[0]["party"] == STUDIO
    assert "exists" in refused.reason


def test_what_a_handler_could_not_do_is_handed_to_it_again(cast):
    cast.party(STUDIO).append()
    sequencer.run(DAY_1)
    seen: list[Logged | Refused] = []

    def fails_at_the_last(item):
        seen.append(item)
        if isinstance(item, Logged) and item.pos == 5:
            raise RuntimeError("the post office is closed")

    with pytest.raises(RuntimeError):
        follow("mail", fails_at_the_last)
    assert Follower.objects.get(name="mail").pos == 0
    follow("mail", seen.append)
    assert {item.pos for item in seen if isinstance(item, Logged)} == set(range(6))


def test_followers_do_not_disturb_each_other(cast):
    first: list[Logged | Refused] = []
    second: list[Logged | Refused] = []
    follow("first", first.append)
    cast.party(PUBLISHER).append()
    sequencer.run(DAY_2)
    follow("second", second.append)
    assert (len(first), len(second)) == (4, 6)
