"""Promise 1: the default is no. Every reason of the decision table, from replayed events."""

from typing import Any

import msgspec
import pytest

from priorconsent import consent, names, query
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError
from priorconsent.query import KEYS
from priorconsent.reasons import REASONS, Verdict
from priorconsent.shares import Link
from tests.world import (
    AYA,
    FILM,
    FILM_FILE,
    FILM_URL,
    HERO,
    MANGA,
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

FAILED_CHECKS = {"stale_snapshot", "unverified_snapshot", "unreachable", "misaligned_answer"}
CHARACTER: dict[str, Any] = {"uses": ["generate.character"], "rights": ["copyright", "mark"]}
ASKED_CHARACTER = {"use": "generate.character", "modality_out": "video"}


def granted(**asked):
    return World.granted().ask(**asked)


def terms(asked, *, public=False, **members):
    return World.granted(public=public, **members).ask(**asked)


def after_change():
    world = World.granted()
    at = world.clock
    world.wait(days=1).claim(FILM_FILE, MANGA, PUBLISHER)
    return world.ask(at=at)


def withdrawn():
    world = World.granted()
    world.withdraw(uid("grant"), AYA)
    return world.ask()


def superseded():
    world = World.granted()
    following = world.offer(label="next", supersedes=[uid("grant")], territory=["JP"])
    world.issue(following)
    world.supersede(uid("grant"), following)
    world.withdraw(following, AYA)
    return world.ask(at=world.clock)


def suspended():
    world = World.granted()
    world.suspend(uid("grant"))
    return world.ask()


def refused():
    world = World.granted(public=True)
    world.refuse(AYA, vendors=[VENDOR])
    return world.wait(days=1).ask()


def maybe_refused():
    world = World.granted(public=True)
    world.refuse(AYA, vendors=[VENDOR])
    return world.wait(days=1).ask(vendor=None)


def rights_missing():
    # The film gets a hero after the grant, and with it a mark that nobody was asked about.
    world = World.with_film()
    world.share(FILM, [STUDIO], [("based_on", MANGA)])
    world.issue(world.offer(**{**CHARACTER, "rights": ["copyright"]}))
    world.register(HERO, STRANGER, kind="character")
    world.share(HERO, [STRANGER, ("mark", STRANGER)])
    world.share(FILM, [STUDIO], [("based_on", MANGA), ("depicts", HERO)])
    return world.wait(days=1).ask(**ASKED_CHARACTER)


def weak_holder():
    world = World.with_film()
    world.share(MANGA, [("copyright", PUBLISHER, "E0")])
    world.issue(world.offer())
    return world.wait(days=1).ask()


def weak_key():
    world = World.with_film()
    # The publisher lost its key; the registry signs for its account.
    world.end_key(PUBLISHER)
    world.bind_key(PUBLISHER, "account", method="account")
    world.issue(world.offer())
    assert not world.alarms
    assert world.reason(min_method="account") == "granted"
    return world.wait(days=1).ask()


def two_works():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER)
    return world.ask()


STORIES = {
    "no_record": [
        ("an unknown file", lambda: granted(sha256=file("another")[7:])),
        ("an unknown place", lambda: granted(url="https://else.example/")),
        ("an unknown work", lambda: granted(work=uid("nothing"))),
        ("an unknown identifier", lambda: granted(identifier="isbn:9784000000000")),
    ],
    "changed_since": [("another work claims the file later", after_change)],
    "no_grant": [
        ("the original has none", lambda: granted(work=MANGA)),
        ("nobody ever asked", lambda: World.with_film().ask()),
        ("one of two works under one file has none", two_works),
    ],
    "not_yet_in_force": [
        ("asked about a day before", lambda: granted(at="2026-11-10T00:00:00Z")),
        ("begins next year", lambda: terms({}, valid_from="2027-01-01T00:00:00Z")),
    ],
    "withdrawn": [("one of the committee withdraws", withdrawn)],
    "superseded": [("a later grant took its place, and a later end says nothing of it", superseded)],
    "suspended": [("a court", suspended)],
    "expired": [("the period is over", lambda: terms({}, valid_until="2026-11-12T00:00:00Z"))],
    "needs_vendor": [
        ("a named licence", lambda: granted(vendor=None)),
        ("a holder refuses one vendor", maybe_refused),
    ],
    "other_licensee": [("another vendor", lambda: granted(vendor=OTHER_VENDOR))],
    "refused": [("a member refuses the vendor under a public licence", refused)],
    "use_not_granted": [
        ("another use", lambda: granted(use="search")),
        ("specialise is never implied", lambda: granted(use="specialise")),
        ("a sibling", lambda: granted(use="train.nongenerative")),
        ("an ancestor", lambda: granted(use="train")),
        ("a code that nobody knows", lambda: granted(use="train.generative.dream")),
        ("a code that only looks like a descendant", lambda: granted(use="train.generativex")),
        ("an inner code, though granted", lambda: terms({"use": "train"}, uses=["train"])),
    ],
    "rights_not_granted": [("a mark came into the film", rights_missing)],
    "binding_not_granted": [
        ("files do not count", lambda: terms({}, bindings=["named"])),
        ("places do not count", lambda: terms({"url": FILM_URL}, bindings=["digest"])),
        ("places count, but not this one", lambda: terms({"url": FILM_URL}, locators=["host:studio.example"])),
        ("names do not count", lambda: terms({"work": FILM}, bindings=["digest"])),
        ("identifiers neither", lambda: terms({"identifier": "eidr:10.5240-film"}, bindings=["digest"])),
    ],
    "copy_predates_grant": [("an older copy", lambda: granted(acquired_at="2026-11-10T23:59:59Z"))],
    "needs_modality": [
        ("what goes in", lambda: granted(modality=None)),
        ("what comes out", lambda: terms({"use": "generate.expression"}, uses=["generate.expression"])),
    ],
    "modality_not_granted": [
        ("another goes in", lambda: granted(modality="audio")),
        (
            "another comes out",
            lambda: terms({"use": "generate.expression", "modality_out": "audio"}, uses=["generate.expression"]),
        ),
        ("none is", lambda: terms({}, modalities_in=[])),
    ],
    "needs_model": [("not said", lambda: granted(model=None))],
    "model_not_granted": [("another", lambda: granted(model="B-Video")), ("a star", lambda: granted(model="*"))],
    "needs_distribution": [("not said", lambda: granted(distribution=None))],
    "distribution_not_granted": [("weights for all", lambda: granted(distribution="open_weights"))],
    "needs_territory": [("not said", lambda: granted(territory=None))],
    "territory_not_granted": [("another", lambda: granted(territory="FR"))],
    "level_too_low": [
        ("a holder by its own word", weak_holder),
        ("signed for an account", weak_key),
    ],
    "unsupported_term": [
        ("an unknown territory", lambda: terms({}, territory=["EU", "JP"])),
        ("an unknown kind of copies", lambda: terms({}, copies="all")),
        ("an unknown binding", lambda: terms({}, bindings=["digest", "likeness"])),
        ("an unknown right beside", lambda: terms({}, rights=["copyright", "dreams"])),
        ("an unknown distribution", lambda: terms({}, distribution=["internal", "smoke"])),
        ("an inner code", lambda: terms({}, uses=["train"])),
        ("an unknown way out", lambda: terms({}, modalities_out=["smell"])),
    ],
    "granted": [
        ("the file", granted),
        ("the place", lambda: granted(url=FILM_URL)),
        ("the name", lambda: granted(work=FILM)),
        ("everywhere", lambda: terms({"territory": None, "modality": None}, territory=["*"], modalities_in=["*"])),
        ("in public", lambda: terms({"vendor": None}, public=True)),
    ],
}


@pytest.mark.parametrize(
    ("reason", "story"),
    [pytest.param(reason, story, id=f"{reason}: {title}") for reason, all_ in STORIES.items() for title, story in all_],
)
def test_the_reason_is(reason, story):
    decision = story()
    assert decision.reason == reason
    yes = reason == "granted"
    assert decision.verdict == (Verdict.PERMITTED if yes else Verdict.NOT_PERMITTED)
    assert bool(decision.grants) == (decision.binding is not None) == (decision.until is not None) == yes
    assert yes or decision.conditions == {}


def test_every_reason_of_the_table_has_a_story():
    assert set(STORIES) | {"invalid_query", "disputed"} | FAILED_CHECKS == set(REASONS)


INVALID: dict[str, dict[str, Any]] = {
    "no key": {"sha256": None},
    "two keys": {"work": FILM, "sha256": FILM_FILE[7:]},
    "a digest too short": {"sha256": "a" * 63},
    "a digest that ends in a line feed": {"sha256": "a" * 64 + "\n"},
    "no URL": {"url": "studio.example/film/"},
    "a URL with credentials": {"url": "https://u:p@studio.example/film/ep1.mp4"},
    "a URL of another scheme": {"url": "ftp://studio.example/film/ep1.mp4"},
    "a URL too long": {"url": "https://studio.example/" + "a" * 4096},
    "a lone surrogate": {"url": "https://studio.example/\ud800"},
    "no use": {"use": None},
    "a use with a line feed": {"use": "search\n"},
    "a use in capitals": {"use": "Search"},
    "the future": {"at": "2099-01-01T00:00:00Z"},
    "a copy later than the question": {"at": "2026-11-11T00:00:00Z", "acquired_at": "2026-11-11T00:00:01Z"},
    "a day that no calendar has": {"at": "2026-02-30T00:00:00Z"},
    "an hour that no clock has": {"at": "2026-11-01T24:00:00Z"},
    "Arabic digits": {"at": "٢026-11-01T00:00:00Z"},
    "another zone": {"at": "2026-11-01T00:00:00+09:00"},
    "an unknown member": {"colour": "red"},
    "an unknown territory": {"territory": "XX"},
    "any territory": {"territory": "*"},
    "an unknown modality": {"modality": "smell"},
    "an unknown modality out": {"modality_out": "smell"},
    "an unknown distribution": {"distribution": "*"},
    "an unknown level": {"min_level": "E9"},
    "less than a yes needs": {"min_level": "E0"},
    "an unknown method": {"min_method": "voice"},
    "a vendor by name": {"vendor": "A Video Inc."},
    "a number for a text": {"model": 5},
    "a float": {"model": 1.5},
    "a list": {"use": ["search"]},
    "an empty text": {"model": ""},
}


@pytest.mark.parametrize("asked", [pytest.param(asked, id=title) for title, asked in INVALID.items()])
def test_a_question_that_does_not_parse_is_an_invalid_query(asked):
    question = {**QUESTION, **asked}
    if "url" in asked:
        question.pop("sha256")
    with pytest.raises(MalformedError):
        query.parse({name: value for name, value in question.items() if value is not None}, now="2026-12-01T00:00:00Z")
    assert refuse("invalid_query").verdict is Verdict.NOT_PERMITTED


def test_null_counts_as_not_given():
    question = {**QUESTION, **dict.fromkeys(set(KEYS) - {"sha256"})}
    assert query.parse(question, now="2026-12-01T00:00:00Z") == query.parse(QUESTION, now="2026-12-01T00:00:00Z")


@pytest.mark.parametrize("disputed", [FILM, MANGA])
def test_a_dispute_on_a_work_of_the_closure_is_a_no(disputed):
    # No event opens disputes yet: the one state made by hand.
    world = World.granted()
    state = world.state(names.work(disputed))
    world.ledger.put(names.work(disputed), msgspec.structs.replace(state, disputes=(uid("dispute"),)))
    assert world.reason() == "disputed"


def test_a_dispute_elsewhere_does_not_matter():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    state = world.state(names.work(OTHER_FILM))
    world.ledger.put(names.work(OTHER_FILM), msgspec.structs.replace(state, disputes=(uid("dispute"),)))
    assert world.reason() == "granted"


# Every fault of a step at once with a later one: the earlier step answers.
ORDER = [
    ("licensee before use said", {"use": "search", "vendor": OTHER_VENDOR}, "other_licensee"),
    ("licensee before use", {"vendor": None, "use": "search"}, "needs_vendor"),
    ("life before licensee", {"at": "2026-11-10T00:00:00Z", "vendor": OTHER_VENDOR}, "not_yet_in_force"),
    ("use before binding", {"work": MANGA, "use": "search"}, "no_grant"),
    ("copies before modality", {"acquired_at": "2026-11-05T00:00:00Z", "modality": "audio"}, "copy_predates_grant"),
    ("modality before model", {"modality": None, "model": None}, "needs_modality"),
    ("model before distribution", {"model": "B", "distribution": None}, "model_not_granted"),
    ("distribution before territory", {"distribution": None, "territory": None}, "needs_distribution"),
    ("territory before level", {"territory": "FR", "min_method": "key", "min_level": "E3"}, "territory_not_granted"),
]


@pytest.mark.parametrize(("asked", "reason"), [pytest.param(*rest, id=title) for title, *rest in ORDER])
def test_the_first_step_that_fails_answers(asked, reason):
    assert granted(**asked).reason == reason


def test_binding_answers_before_copies_and_use_before_rights():
    world = World.granted(bindings=["named"])
    assert world.reason(acquired_at="2026-11-05T00:00:00Z") == "binding_not_granted"
    assert world.reason(use="generate.character") == "use_not_granted"


def test_the_grant_that_got_furthest_answers():
    world = World.granted()
    world.issue(world.offer(label="search", uses=["search"], territory=["FR"]))
    assert world.reason(use="search", territory="JP") == "territory_not_granted"
    assert world.reason(use="retrieve") == "use_not_granted"
    world.withdraw(uid("search"), STUDIO)
    assert world.reason(use="search", territory="FR") == "use_not_granted"


def test_one_grant_that_passes_is_enough():
    world = World.granted()
    world.issue(world.offer(label="search", uses=["search"]))
    world.suspend(uid("grant"))
    decision = world.ask(use="search")
    assert (decision.reason, decision.grants) == ("granted", (uid("search"),))
    assert world.reason() == "use_not_granted"


def test_of_equal_grants_the_lowest_id_answers():
    world = World.granted()
    world.issue(world.offer(label="twin"))
    assert world.ask().grants == (min(uid("grant"), uid("twin")),)


def test_of_several_works_the_one_that_failed_earliest_answers():
    world = World.granted()
    world.register(SONG, PUBLISHER, kind="music")
    world.share(SONG, [PUBLISHER])
    world.claim(FILM_FILE, SONG, PUBLISHER)
    world.issue(world.offer(SONG, label="song", territory=["FR"]))
    assert world.wait(days=1).reason() == "territory_not_granted"
    assert world.reason(territory="US") == "territory_not_granted"
    assert world.reason(territory="FR") == "territory_not_granted"
    assert world.reason(vendor=OTHER_VENDOR) == "other_licensee"
    assert world.ask().works == tuple(sorted((FILM, SONG)))


def test_all_works_under_a_file_must_permit():
    world = World.granted()
    world.register(SONG, PUBLISHER, kind="music")
    world.share(SONG, [PUBLISHER])
    world.claim(FILM_FILE, SONG, PUBLISHER)
    world.wait(days=1)
    assert world.reason() == "no_grant"
    world.issue(world.offer(SONG, label="song", valid_until="2027-06-01T00:00:00Z"))
    decision = world.wait(days=1).ask()
    assert (decision.reason, decision.until) == ("granted", "2027-06-01T00:00:00Z")
    assert decision.grants == tuple(sorted((uid("grant"), uid("song"))))


def test_until_is_the_end_that_a_withdrawal_with_notice_sets():
    world = World.granted(withdrawal={"by": "any", "notice_s": 86400})
    world.withdraw(uid("grant"), AYA)
    assert world.ask().until == world.wait(days=1).clock
    assert world.reason() == "withdrawn"
    assert world.reason(at="2026-11-12T23:59:59Z") == "granted"


def test_a_decision_refuses_truthiness():
    for decision in (granted(), refuse("no_record")):
        with pytest.raises(TypeError, match="verdict"):
            bool(decision)
        with pytest.raises(TypeError, match="verdict"):
            _ = not decision
        with pytest.raises(TypeError, match="verdict"):
            any([decision])


def test_a_decision_is_no_by_default_and_cannot_be_edited():
    with pytest.raises(TypeError):
        Decision()  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        refuse("no_record").verdict = Verdict.PERMITTED  # type: ignore[misc]


def test_a_grant_that_pins_a_table_nobody_has_permits_nothing():
    world = World.granted()
    asked = query.parse(QUESTION, now=world.clock)
    assert decide(asked, world.ledger).reason == "granted"
    assert decide(asked, world.ledger, {}).reason == "rights_not_granted"


def test_a_state_of_another_kind_under_a_name_counts_as_none():
    world = World.granted()
    for name in (FILM_FILE, names.work(FILM), names.grant(uid("grant"))):
        broken = World.granted()
        broken.ledger.put(name, world.state(names.KEYSET))
        assert broken.ask().verdict is Verdict.NOT_PERMITTED


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_a_sentence_in_english_and_japanese(code):
    sentences = REASONS[code].sentences
    assert {"en", "ja"} <= sentences.keys()
    assert sentences["en"].endswith(".")
    assert sentences["ja"].endswith("。")
    # A no says what is recorded here, never what the law says.
    assert "unlawful" not in sentences["en"]
    assert REASONS[code].sentence("xx") == sentences["en"]


def test_links_that_lead_nowhere_or_too_far_permit_nothing(monkeypatch):
    world = World.granted()
    state = world.state(names.work(FILM))
    monkeypatch.setattr(consent, "MAX_CLOSURE_WORKS", 1)
    assert world.reason() == "no_grant"
    monkeypatch.undo()
    # Replay lets no link lead nowhere, so this one is made by hand.
    nowhere = (Link(rel="based_on", work=uid("nowhere")),)
    world.ledger.put(names.work(FILM), msgspec.structs.replace(state, links=nowhere))
    assert world.reason() == "no_grant"
