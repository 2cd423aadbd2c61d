"""Promise 7: no is quick. An event that narrows never turns a no into a yes, whatever happened before it."""

import itertools
import random
from typing import Any

import pytest

from priorconsent import names, query, times
from priorconsent.decision import decide
from priorconsent.errors import PriorConsentError
from priorconsent.reasons import Verdict
from priorconsent.replay import open_suspensions
from priorconsent.states import GrantState
from tests.world import (
    AYA,
    DAY_S,
    EPISODE,
    FILM,
    FILM_FILE,
    FILM_URL,
    MANGA,
    MEMBERS,
    OTHER_FILM,
    OTHER_VENDOR,
    PUBLISHER,
    QUESTION,
    SONG,
    STRANGER,
    STUDIO,
    VENDOR,
    World,
    file,
    uid,
)

PARTIES = [STUDIO, *MEMBERS, PUBLISHER, STRANGER]
WORKS = [FILM, MANGA, EPISODE, SONG, OTHER_FILM]
NAMES = [FILM_FILE, file("second"), f"url:{FILM_URL}", "prefix:https://studio.example/film/", "host:studio.example"]
KEYS: list[dict[str, Any]] = [
    {},
    {"sha256": file("second")[7:]},
    {"url": FILM_URL},
    {"url": f"{FILM_URL}?x"},
    {"url": "https://studio.example/other"},
    {"work": FILM},
    {"work": SONG},
    {"identifier": "eidr:10.5240-film"},
]
REST: list[dict[str, Any]] = [
    {},
    {"vendor": None},
    {"vendor": OTHER_VENDOR},
    {"use": "search"},
    {"modality": "audio"},
    {"min_level": "E3"},
]


def questions(at):
    """Every key with every variation, all about one instant."""
    for key, rest in itertools.product(KEYS, REST):
        plain = {**QUESTION, **key, **rest, "at": at}
        if {"url", "work", "identifier"} & key.keys():
            plain.pop("sha256")
        yield query.parse({name: value for name, value in plain.items() if value is not None}, now=at)


def grants_of(world):
    return [state for state in world.ledger.states.values() if isinstance(state, GrantState)]


def holders_of(world, work):
    state = world.state(names.work(work))
    return sorted({holder.party for holder in state.holders}) if state else []


# What narrows: each takes a world and chance, and acts by the rules


def withdraw(world, chance):
    grant = chance.choice(grants_of(world))
    world.withdraw(grant.terms.grant, *holders_of(world, grant.terms.works[0])[:1])


def suspend(world, chance):
    world.suspend(chance.choice(grants_of(world)).terms.grant, chance.choice(["court", "dispute"]))


def pause(world, chance):
    grant = chance.choice(grants_of(world))
    world.suspend(grant.terms.grant, "holder", by=holders_of(world, grant.terms.works[0])[0])


def supersede(world, chance):
    grants = grants_of(world)
    world.supersede(chance.choice(grants).terms.grant, chance.choice(grants).terms.grant)


def refuse(world, chance):
    world.refuse(
        chance.choice(PARTIES),
        vendors=chance.choice([["*"], [VENDOR], [OTHER_VENDOR]]),
        works=chance.choice([["*"], [FILM], [MANGA]]),
        uses=chance.choice([["*"], ["train"], ["search"]]),
        label=str(world.ledger.size),
    )


def end_key(world, chance):
    world.end_key(chance.choice(PARTIES), by_operator=chance.random() < 0.5)


def claim_by_a_stranger(world, chance):
    """At E0, of a work that nobody licensed."""
    mine = uid(f"a stranger's {world.ledger.size}")
    world.register(mine, STRANGER)
    world.claim(chance.choice(NAMES), mine, STRANGER, level="E0")


def claim_that_breaks_the_rules(world, chance):
    world.claim(chance.choice(NAMES), FILM, STRANGER)


NARROWING = [withdraw, suspend, pause, supersede, refuse, end_key, claim_by_a_stranger, claim_that_breaks_the_rules]


# What may have happened before, honest or not


def claim(world, chance):
    work = chance.choice(WORKS)
    holders = holders_of(world, work)
    if holders:
        world.claim(chance.choice(NAMES), work, chance.choice(holders), level=chance.choice(["E0", "E1", "E3"]))


def grant(world, chance):
    work = chance.choice(WORKS)
    if holders_of(world, work):
        offer = world.offer(
            work,
            label=f"grant {world.ledger.size}",
            public=chance.random() < 0.5,
            uses=chance.choice([["search"], ["train.generative"], ["search", "train.generative"]]),
            modalities_in=chance.choice([["video"], ["*"]]),
            rights=["copyright", "performer", "phonogram"],
            locators=["host:studio.example", "prefix:https://studio.example/film/"],
        )
        world.issue(offer)


def shares(world, chance):
    work = chance.choice(WORKS)
    if world.state(names.work(work)) is None:
        return
    links = [("contains", SONG)] if work == FILM and world.state(names.work(SONG)) else []
    world.share(work, chance.sample(PARTIES, 2), [*links, *([("based_on", MANGA)] if work == FILM else [])])


def register(world, chance):
    work = chance.choice(WORKS)
    if world.state(names.work(work)) is None:
        world.register(work, chance.choice(PARTIES), kind="music" if work == SONG else "film")


def resume(world, chance):
    for state in grants_of(world):
        for pos, suspension in open_suspensions(state.life, world.ledger.event).items():
            world.resume(state.terms.grant, pos, by=suspension.party)


def rebind(world, chance):
    party = chance.choice(PARTIES)
    world.bind_key(party, f"key {world.ledger.size}")


BEFORE = [claim, claim, grant, grant, shares, register, register, resume, rebind, *NARROWING]


def act(step, world, chance):
    """One step; what the rules or the state of things forbid does not happen."""
    try:
        step(world, chance)
    except (PriorConsentError, IndexError):
        return False
    return world.last.alarm is None


def answers(states, asked):
    return [decide(one, states).verdict for one in asked]


@pytest.mark.parametrize("seed", range(24))
def test_a_narrowing_event_never_turns_a_no_into_a_yes(seed):
    chance = random.Random(seed)
    world = World.granted(public=seed % 3 == 0, uses=["search", "train.generative"])
    for _ in range(8):
        act(chance.choice(BEFORE), world, chance)
        world.wait(seconds=chance.choice([0, 3600]))
    asked = [
        *questions(world.clock),
        *questions(times.plus(world.clock, -DAY_S)),
        *questions(times.plus(world.clock, DAY_S)),
    ]
    before = answers(world.ledger, asked)
    mark = world.mark()
    for step in NARROWING * 2:
        act(step, world, chance)
        for one, old, new in zip(asked, before, answers(world.ledger, asked), strict=True):
            assert (old, new) != (Verdict.NOT_PERMITTED, Verdict.PERMITTED), (step.__name__, one)
        world.back(mark)


def test_the_worlds_of_this_property_say_yes_and_no_often_enough():
    yes = no = 0
    for seed in range(12):
        chance = random.Random(seed)
        world = World.granted(public=seed % 3 == 0, uses=["search", "train.generative"])
        for _ in range(8):
            act(chance.choice(BEFORE), world, chance)
        found = answers(world.ledger, questions(world.wait(days=1).clock))
        yes += found.count(Verdict.PERMITTED)
        no += found.count(Verdict.NOT_PERMITTED)
    assert yes > 30
    assert no > 30


def test_every_narrowing_step_really_happens():
    for step in NARROWING[:-1]:
        world = World.granted()
        following = world.offer(label="next", supersedes=[uid("grant")])
        world.issue(following)
        chance = random.Random(0)
        assert any(act(step, world, chance) for _ in range(20)), step.__name__


def test_a_refusal_leaves_a_named_grant_standing_and_stops_the_next():
    world = World.granted()
    for party in (AYA, PUBLISHER):
        world.refuse(party)
    assert world.wait(seconds=1).reason() == "granted"
    world.issue(world.offer(label="next"))
    assert "refused" in world.alarm
    assert world.wait(seconds=1).ask().grants == (uid("grant"),)


def test_a_refusal_stops_an_open_offer_and_its_end_lets_it_through():
    world = World.with_film()
    offer = world.offer()
    refusal = world.refuse(AYA, works=[MANGA])
    world.issue(offer)
    assert "refused" in world.alarm
    world.end_refusal(refusal, AYA)
    world.issue(offer)
    assert world.reason() == "granted"


def test_a_refusal_ends_a_public_grant_for_those_it_names_at_once():
    world = World.granted(public=True)
    at = world.clock
    world.refuse(AYA, vendors=[VENDOR], uses=["train"])
    assert world.reason(at=at) == "refused"
    assert world.reason(vendor=OTHER_VENDOR) == "granted"
    assert world.reason(vendor=None) == "needs_vendor"
    assert world.wait(seconds=1).reason(at=times.plus(at, -1)) == "changed_since"
    world.refuse(PUBLISHER, label="all")
    assert world.reason(vendor=OTHER_VENDOR) == "refused"


def test_a_refusal_elsewhere_does_not_reach_a_public_grant():
    world = World.granted(public=True)
    world.register(SONG, PUBLISHER, kind="music")
    world.refuse(STRANGER)
    world.refuse(AYA, works=[SONG])
    world.refuse(PUBLISHER, uses=["search"])
    assert world.wait(seconds=1).reason() == "granted"


def test_a_decline_before_issue_counts_instead_of_the_approval():
    world = World.with_film()
    offer = world.offer()
    approvals = [world.approve(offer, party) for party in (STUDIO, *MEMBERS)]
    declined = world.approve(offer, PUBLISHER, decision="decline")
    with pytest.raises(PriorConsentError):
        world.issue(offer, approvals=[*approvals, declined])
    assert world.reason() == "no_grant"
