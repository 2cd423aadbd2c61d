"""Nobody stops the registry for everybody: whoever floods it fills only the room that is his own."""

import pytest
from msgspec.structs import replace

from licences.verbs.issue import issue_all_ready
from licences.verbs.lapse import lapse_offers
from priorconsent import bucket, consent, merkle_map, names
from priorconsent.errors import MalformedError
from priorconsent.replay.step import MAX_STATE_BYTES
from priorconsent.shares import Link
from tests.api.conftest import client_at, problem
from tests.cast import OPERATOR
from tests.promises.asking import ask
from tests.world import FILM, FILM_FILE, OTHER_FILM, STRANGER, STUDIO, World, uid
from transparency.models import Alarm

# About as many works as fit into one leaf of the log.
MANY = [uid(f"work {number}") for number in range(1_250)]


def test_a_party_that_refuses_without_end_does_not_keep_the_others_from_publishing(cast):
    for _ in range(18):
        cast.refuse(cast.stranger, works=MANY)
        cast.wait(1)
    cast.publish()

    assert ask(cast).reason == "no_grant"
    refusals = cast.state(names.party(cast.stranger.party)).refusals
    assert 0 < len(refusals) < 18
    assert Alarm.objects.count() == 18 - len(refusals)


def test_who_has_filled_its_room_still_ends_keys_and_refusals():
    world = World.with_film()
    numbers = iter(range(100))
    while not world.alarms:
        world.refuse(STRANGER, works=MANY, label=str(next(numbers)))
    assert "longer than" in world.alarm
    state = world.state(names.party(STRANGER))
    assert len(state.encode()) <= MAX_STATE_BYTES // 2

    assert world.end_refusal(state.refusals[0].refusal, STRANGER).alarm is None
    world.end_key(STRANGER)
    assert world.last.alarm is None


def test_claims_that_nobody_checked_leave_room_for_those_that_somebody_did():
    world = World.with_film()
    world.register(OTHER_FILM, STRANGER)
    state = world.state(FILM_FILE)
    [claim] = state.claims
    crowd = tuple(type(claim)(work=uid(f"{number:05}"), party=STRANGER, level="E0") for number in range(1_900))
    full = type(state)(claims=tuple(sorted((claim, *crowd), key=lambda one: one.encode())), since=None, pos=state.pos)
    world.ledger.put(FILM_FILE, full)
    assert len(full.encode()) < MAX_STATE_BYTES // 4
    for number in range(1_900, 2_100):
        world.ledger.put(names.work(uid(f"{number:05}")), world.state(names.work(OTHER_FILM)))
        world.claim(FILM_FILE, uid(f"{number:05}"), STRANGER, level="E0")
        if world.last.alarm is not None:
            break

    assert "longer than" in world.alarm
    assert world.claim(FILM_FILE, FILM, STUDIO, level="E3").alarm is None


def test_an_offer_too_long_to_be_read_again_is_refused_at_once(cast):
    models = [f"{number:04}{'x' * 4000}" for number in range(300)]
    with pytest.raises(MalformedError, match="bytes"):
        cast.draft(models=models)

    assert lapse_offers(cast.now) == []
    assert issue_all_ready(OPERATOR, cast.now) == []


def test_a_bucket_that_no_reader_would_take_is_not_built(cast, monkeypatch):
    cast.publish()
    address = f"/api/v1/buckets/{merkle_map.map_key(names.KEYSET).hex()[:2]}"
    assert client_at(cast.now).get(address).status_code == 200
    monkeypatch.setattr(bucket, "MAX_BUCKET_BYTES", 50)

    response = client_at(cast.now).get(address)
    assert (response.status_code, problem(response)) == (400, "malformed")


def test_a_web_of_works_that_all_link_to_each_other_is_left_with_a_no():
    world = World.granted()
    assert world.reason() == "granted"
    film = world.state(names.work(FILM))
    web = [uid(f"knot {number}") for number in range(400)]
    links = tuple(Link(rel="contains", work=work) for work in sorted(web))
    for work in (FILM, *web):
        knot = replace(film, links=links, holders=film.holders if work == FILM else ())
        world.ledger.put(names.work(work), knot)

    steps = consent.closure([FILM], frozenset({"contains"}), world.ledger)
    assert not steps.complete
    assert len(steps.works) * len(web) <= consent.MAX_CLOSURE_LINKS + 2 * len(web)
    assert world.reason() == "no_grant"
