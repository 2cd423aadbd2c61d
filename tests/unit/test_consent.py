"""Whose yes is needed, told in the cast's own stories; ``tests/property/test_consent_oracle.py`` walks every path."""

import pytest

from priorconsent import canonical, consent
from priorconsent.consent import refusal_meets, required
from priorconsent.rights import LATEST, SHIPPED, read_rights_table
from priorconsent.states import Refusal
from priorconsent.vocabulary import CONSENT_LINKS, RIGHTS, USES, covers, overlap
from tests.world import AYA, FILM, HERO, MANGA, MEMBERS, PUBLISHER, SONG, STRANGER, STUDIO, VENDOR, World, uid

VIDEO, AUDIO, ANY = ("video",), ("audio",), ("*",)


@pytest.fixture(scope="module")
def world():
    """The film contains a song, depicts a hero, and is part of a series."""
    made = World.with_film()
    series, poem = uid("series"), uid("poem")
    for work, kind in ((SONG, "music"), (HERO, "character"), (series, "series"), (poem, "text")):
        made.register(work, STUDIO, kind=kind)
    made.share(poem, [("copyright", STRANGER)])
    made.share(SONG, [AYA, ("performer", AYA), ("phonogram", VENDOR)], [("based_on", poem)])
    made.share(HERO, [PUBLISHER, ("mark", STUDIO), ("likeness_voice", VENDOR)])
    made.share(series, [VENDOR])
    links = [("based_on", MANGA), ("contains", SONG), ("depicts", HERO), ("part_of", series)]
    made.share(FILM, [STUDIO, *MEMBERS, ("mark", STUDIO)], links)
    assert not made.alarms
    return made


def needs(world, use, modalities=VIDEO, excluded=()):
    found = required((FILM,), excluded, (use,), modalities, LATEST, world.ledger)
    return {(need.work, need.right, need.party) for need in found.needs}, {problem.code for problem in found.problems}


def of(work, right, *parties):
    return {(work, right, party) for party in parties}


WHOLE = of(FILM, "copyright", STUDIO, *MEMBERS) | of(MANGA, "copyright", PUBLISHER)
SUNG = of(SONG, "copyright", AYA) | of(uid("poem"), "copyright", STRANGER)


def test_training_needs_the_film_its_original_and_what_it_contains_however_deep(world):
    assert needs(world, "train.generative") == (WHOLE | SUNG, set())


def test_a_series_is_not_asked_about_its_film(world):
    assert uid("series") not in required((FILM,), (), ("train.generative",), VIDEO, LATEST, world.ledger).works


@pytest.mark.parametrize("modalities", [AUDIO, ANY, ("audio", "video")])
def test_with_audio_the_performers_of_contained_music_are_asked(world, modalities):
    performed = of(SONG, "performer", AYA) | of(SONG, "phonogram", VENDOR)
    assert needs(world, "train.generative", modalities) == (WHOLE | SUNG | performed, set())


def test_generating_the_character_needs_its_copyright_and_mark(world):
    assert needs(world, "generate.character")[0] == WHOLE | SUNG | of(HERO, "copyright", PUBLISHER) | of(
        HERO, "mark", STUDIO
    )


def test_generating_a_voice_needs_those_whose_voice_it_is_also_in_the_film_itself(world):
    found, problems = needs(world, "generate.voice")
    assert found == WHOLE | SUNG | of(HERO, "likeness_voice", VENDOR)
    assert problems == {"right_without_holder"}


def test_what_is_contained_or_depicted_can_be_left_out_and_its_sources_with_it(world):
    assert needs(world, "train.generative", excluded=(SONG,)) == (WHOLE, set())
    assert needs(world, "generate.character", excluded=(HERO, SONG)) == (WHOLE, set())


def test_the_source_cannot_be_left_out(world):
    assert needs(world, "train.generative", excluded=(MANGA,))[1] == {"excluded_source"}
    assert needs(world, "train.generative", excluded=(uid("poem"),))[1] == {"excluded_source"}


@pytest.mark.parametrize("use", ["dream", "train.dream.x", "generate", "trai"])
def test_a_use_that_nobody_knows_concerns_at_least_as_much(world, use):
    assert needs(world, use, ANY)[0] >= WHOLE | SUNG
    if use in {"dream", "trai"}:
        assert {right for _, right, _ in needs(world, use)[0]} == {
            "copyright",
            "performer",
            "phonogram",
            "mark",
            "likeness_voice",
        }


def test_who_is_waited_for_is_said(world):
    found = required((FILM,), (SONG,), ("search",), VIDEO, LATEST, world.ledger)
    assert found.parties == tuple(sorted((STUDIO, *MEMBERS, PUBLISHER)))
    assert found.waiting_for([STUDIO, PUBLISHER, STRANGER]) == tuple(sorted(MEMBERS))
    assert found.rights_of(STUDIO) == {"copyright"}
    assert found.level == "E3"


def test_an_unregistered_work_is_a_problem():
    world = World.with_film()
    found = required((uid("nowhere"),), (), ("search",), VIDEO, LATEST, world.ledger)
    assert {problem.code for problem in found.problems} == {"unregistered_work"}


def test_links_beyond_the_budget_are_a_problem(monkeypatch, world):
    monkeypatch.setattr(consent, "MAX_CLOSURE_WORKS", 2)
    assert "too_many_works" in needs(world, "search")[1]


def test_five_hundred_works_can_be_granted_at_once():
    world = World.with_film()
    works = [uid(f"episode {number}") for number in range(500)]
    for work in works:
        world.register(work, STUDIO, kind="episode")
        world.share(work, [STUDIO], [("based_on", MANGA)])
    world.issue(world.offer(*works))
    assert not world.alarms
    assert world.wait(days=1).reason(work=works[250]) == "granted"


def test_cycles_end():
    world = World.with_film()
    world.share(MANGA, [PUBLISHER], [("based_on", FILM)])
    world.issue(world.offer())
    assert not world.alarms
    assert world.wait(days=1).reason() == "granted"


def test_a_use_that_no_rule_speaks_about_for_what_goes_in_concerns_everything(world):
    """The shipped table has no such gap; a later one may."""
    audio = {"uses": ["train"], "rights": ["performer"], "reach": ["self"], "kinds": [], "modalities_in": ["audio"]}
    table = read_rights_table(canonical.encode({"v": 1, "version": 2, "rules": [audio]}))

    def rights(uses, modalities):
        return set(required((FILM,), (), uses, modalities, table, world.ledger).rights)

    assert rights(("train.generative",), AUDIO) == {"performer"} == rights(("train.generative",), ANY)
    assert rights(("train.generative",), VIDEO) == RIGHTS == rights(("search", "train.generative"), AUDIO)


REFUSALS = [
    (["*"], ["*"], True),
    ([FILM], ["train.generative"], True),
    ([FILM], ["train"], True),
    ([FILM], ["train.generative.pretrain"], True),
    ([FILM], ["train.nongenerative"], False),
    ([FILM], ["train.gen"], False),
    ([FILM], ["train.generativex"], False),
    ([FILM], [], False),
    ([], ["*"], False),
    ([HERO], ["*"], False),
    (["*"], ["search"], False),
]


@pytest.mark.parametrize(("works", "uses", "meets"), REFUSALS)
def test_a_refusal_meets_what_it_names_with_ancestors_and_descendants(works, uses, meets):
    refusal = Refusal(refusal=uid("r"), vendors=("*",), works=tuple(works), uses=tuple(uses))
    assert refusal_meets(refusal, [FILM, MANGA], ["train.generative"]) == meets


def test_codes_cover_their_descendants_and_nothing_that_only_begins_alike():
    assert covers("train.generative", "train.generative.pretrain")
    assert not covers("train.generative.pretrain", "train.generative")
    assert not covers("train.generative", "train.generativex")
    assert overlap("train", "train.generative")
    assert overlap("train.generative", "train")
    assert not overlap("train.generative", "train.nongenerative")


def test_the_shipped_table_knows_every_use_and_only_our_words():
    assert SHIPPED[LATEST.digest] == LATEST == read_rights_table(LATEST.encode())
    for use in USES:
        assert LATEST.rules_for((use,), ANY)
        assert {right for rule in LATEST.rules_for((use,), ANY) for right in rule.rights} <= RIGHTS
        assert consent.links_of(LATEST.rules_for((use,), ANY)) <= CONSENT_LINKS
