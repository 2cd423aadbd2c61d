"""Promise 2: prior means prior. Nothing logged after the instant asked about turns a no into a yes."""

from typing import Any

import pytest

from priorconsent import names
from tests.world import (
    AYA,
    FILM,
    FILM_FILE,
    FILM_PREFIX,
    FILM_URL,
    HERO,
    MANGA,
    MEMBERS,
    OTHER_FILM,
    PUBLISHER,
    SONG,
    STRANGER,
    STUDIO,
    VENDOR,
    World,
    file,
    uid,
)

OTHER_URL = f"url:{FILM_URL}"


def later_claim_on_a_file():
    world = World.granted()
    asked = {"sha256": file("second cut")[7:]}
    yield world, asked
    world.claim(file("second cut"), FILM, STUDIO)
    yield world, asked


def later_claim_on_a_place():
    world = World.granted(locators=["host:studio.example", FILM_PREFIX])
    asked = {"url": "https://studio.example/trailer.mp4"}
    yield world, asked
    world.claim("host:studio.example", FILM, STUDIO)
    yield world, asked


def later_claim_at_a_higher_level():
    world = World.granted()
    world.claim(file("cut"), FILM, STUDIO, level="E0")
    asked = {"sha256": file("cut")[7:]}
    yield world.wait(days=1), asked
    world.claim(file("cut"), FILM, STUDIO, level="E3")
    yield world, asked


def later_end_of_another_claim():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER)
    asked: dict[str, Any] = {}
    yield world.wait(days=1), asked
    world.claim(FILM_FILE, OTHER_FILM, STRANGER, ended=True)
    yield world, asked


def later_fall_of_another_claim():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER)
    asked: dict[str, Any] = {}
    yield world.wait(days=1), asked
    world.claim(FILM_FILE, OTHER_FILM, STRANGER, level="E0")
    yield world, asked


def later_share_set_that_silences_another_claim():
    # The other film's claim on the same file stops counting when its claimant is no holder any more.
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER)
    asked: dict[str, Any] = {}
    yield world.wait(days=1), asked
    world.share(OTHER_FILM, [PUBLISHER])
    yield world, asked


def later_share_set_that_silences_a_nearer_place():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(OTHER_URL, OTHER_FILM, STRANGER)
    asked = {"url": FILM_URL}
    yield world.wait(days=1), asked
    world.share(OTHER_FILM, [PUBLISHER])
    yield world, asked


def later_share_set_that_silences_the_same_path():
    world = World.granted(locators=[FILM_PREFIX])
    world.register(OTHER_FILM, STRANGER)
    world.claim(OTHER_URL, OTHER_FILM, STRANGER)
    asked = {"url": FILM_URL + "?quality=high"}
    yield world.wait(days=1), asked
    world.share(OTHER_FILM, [PUBLISHER])
    yield world, asked


def later_share_set_that_lets_a_claim_count():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(file("cut"), FILM, AYA)
    world.share(FILM, [STUDIO, PUBLISHER], [("based_on", MANGA)])
    asked = {"sha256": file("cut")[7:]}
    yield world.wait(days=1), asked
    world.share(FILM, [STUDIO, AYA], [("based_on", MANGA)])
    yield world, asked


def later_end_of_a_refusal():
    world = World.granted(public=True)
    refusal = world.refuse(AYA)
    yield world.wait(days=1), {}
    world.end_refusal(refusal, AYA)
    yield world, {}


def later_share_set_without_the_holder_who_refuses():
    world = World.granted(public=True)
    world.refuse(AYA)
    yield world.wait(days=1), {}
    world.share(FILM, [STUDIO], [("based_on", MANGA)])
    yield world, {}


def later_loss_of_a_link():
    # A song came in, with a performer who was not asked, and went out again.
    world = World.with_film()
    world.register(SONG, STRANGER, kind="music")
    world.share(SONG, [STRANGER, ("performer", STRANGER)])
    world.issue(world.offer(modalities_in=["audio"]))
    world.share(FILM, [STUDIO], [("based_on", MANGA), ("contains", SONG)])
    asked = {"modality": "audio"}
    yield world.wait(days=1), asked
    world.share(FILM, [STUDIO], [("based_on", MANGA)])
    yield world, asked


def later_grant():
    world = World.with_film()
    yield world.wait(days=1), {}
    world.issue(world.offer())
    yield world, {}


def later_resumption():
    world = World.granted()
    pos = world.suspend(uid("grant"))
    yield world.wait(days=1), {}
    world.resume(uid("grant"), pos)
    yield world, {}


PASTS = {name: story for name, story in list(globals().items()) if name.startswith("later_")}


@pytest.mark.parametrize("name", PASTS)
def test_a_no_about_the_past_stays_a_no_after_a(name):
    story = PASTS[name]()
    world, asked = next(story)
    at = world.clock
    before = world.ask(at=at, **asked).verdict
    world.close_batch().wait(seconds=1)
    next(story)
    assert not world.alarms, world.alarms
    world.close_batch().wait(days=1)
    assert (before, world.ask(at=at, **asked).verdict) == ("not_permitted", "not_permitted")


def test_the_stories_reach_a_yes_about_the_present():
    # Otherwise they would show nothing.
    for name, make in PASTS.items():
        story = make()
        next(story)
        world, asked = next(story)
        world.wait(days=1)
        assert world.reason(**asked) == "granted", name


def test_what_became_of_another_work_of_the_grant_does_not_matter():
    world = World.with_film()
    world.register(SONG, STRANGER, kind="music")
    world.share(SONG, [STRANGER, ("performer", STRANGER)])
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [STUDIO])
    world.issue(world.offer(FILM, OTHER_FILM, modalities_in=["audio"]))
    world.share(OTHER_FILM, [STUDIO], [("contains", SONG)])
    at = world.wait(days=1).clock
    before = world.reason(modality="audio")
    world.wait(days=1).share(OTHER_FILM, [STUDIO])
    assert (before, world.reason(modality="audio", at=at)) == ("granted", "granted")


def test_a_copy_made_before_the_grant_stays_outside():
    world = World.granted()
    logged = world.grant_state(uid("grant")).life[0].time
    assert world.reason(acquired_at=logged) == "granted"
    assert world.reason(acquired_at="2026-11-10T23:59:59Z") == "copy_predates_grant"
    assert world.reason(at="2026-11-10T23:59:59Z") == "not_yet_in_force"


def test_time_never_goes_back_not_even_behind_an_event_that_went_back():
    world = World.with_film()
    now = world.wait(days=10).clock
    world.close_batch()
    world.clock = "2026-11-02T00:00:00Z"
    world.add_party(uid("nobody"))
    assert "time goes back" in world.alarm
    world.issue(world.offer())
    assert "time goes back" in world.alarm
    world.clock = now
    assert world.state(names.grant(uid("grant"))) is None
    assert world.reason(at="2026-11-05T00:00:00Z") == "no_grant"


def test_nothing_counts_after_the_log_was_closed():
    world = World.with_film().wait(days=1)
    world.log({"t": "log-close", "reason": "moved", "next": None})
    assert world.last.alarm is None
    world.close_batch()
    assert world.last.alarm is None
    world.wait(days=1).issue(world.offer())
    assert "closed" in world.alarm
    world.issue(world.offer(label="again"))
    assert "closed" in world.alarm
    assert world.reason() == "no_grant"


def test_a_strangers_claim_at_e0_does_not_unsettle_the_past():
    world = World.granted()
    at = world.clock
    world.wait(days=1).register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER, level="E0")
    world.wait(days=1).share(OTHER_FILM, [STRANGER])
    decision = world.ask(at=at)
    assert (decision.reason, decision.contested) == ("granted", (OTHER_FILM,))
    assert world.reason() == "granted"


def test_a_change_elsewhere_does_not_unsettle_the_past():
    world = World.granted()
    at = world.clock
    world.wait(days=1).share(MANGA, [PUBLISHER, STRANGER])
    assert world.reason(at=at) == "changed_since"
    world = World.granted()
    world.wait(days=1).register(HERO, STRANGER, kind="character")
    world.refuse(AYA)
    world.bind_key(VENDOR, "second")
    assert world.reason(at=at) == "granted"


def test_a_holders_change_unsettles_the_past_of_public_grants_alone():
    for public, expected in ((True, "changed_since"), (False, "granted")):
        world = World.granted(public=public)
        at = world.clock
        world.wait(days=1).end_key(MEMBERS[1])
        assert world.reason(at=at) == expected
