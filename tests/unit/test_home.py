"""Asking at home: what the command line and a program of one's own have in common."""

import pytest

import priorconsent
from priorconsent import Verdict, ask, ask_all, canonical, home, snapshot, times
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.log.note import spell_vkey
from tests import scenario as cast
from tests.scenario import FILM_FILE, VENDOR, recent

QUESTION = {
    "sha256": FILM_FILE,
    "use": "train.generative.pretrain",
    "vendor": VENDOR,
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
}


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def publish(path, *, age_s=0, padding=0):
    head = cast.publish(recent(), time=times.plus(times.now(), -age_s), padding=padding)
    snapshot.build(path, recent().items(), registry=cast.REGISTRY, **head)
    return path


@pytest.fixture
def fresh(tmp_path):
    return publish(tmp_path / "fresh.sqlite")


def test_one_question_is_answered_with_the_checkpoint_that_it_comes_from(fresh):
    answer = ask(QUESTION, fresh, cast.trust())
    assert answer.decision.verdict is Verdict.PERMITTED
    assert answer.checkpoint
    assert answer.checkpoint["size"] == 2


def test_the_trust_file_may_be_given_by_its_path(fresh, tmp_path):
    (tmp_path / "trust.json").write_bytes(cast.trust().encode())
    assert ask(QUESTION, fresh, tmp_path / "trust.json").decision.verdict is Verdict.PERMITTED
    assert ask(QUESTION, fresh, tmp_path / "none.json").decision.reason == "unverified_snapshot"


def test_what_the_question_does_not_say_is_as_strict_as_the_trust_file(fresh):
    strict = cast.trust(min_level="E3", min_method="key")
    read = home.question({"url": "https://a.example/", "use": "train", "min_level": None}, strict, times.now())
    assert (read.min_level, read.min_method) == ("E3", "key")
    read = home.question({"url": "https://a.example/", "use": "train", "min_level": "E1"}, strict, times.now())
    assert read.min_level == "E1"


def test_a_smaller_checkpoint_than_seen_before_is_not_used(fresh, tmp_path):
    larger = publish(tmp_path / "larger.sqlite", padding=3)
    assert ask(QUESTION, larger, cast.trust()).decision.verdict is Verdict.PERMITTED
    answer = ask(QUESTION, fresh, cast.trust())
    assert (answer.decision.reason, answer.checkpoint) == ("stale_snapshot", None)


def test_every_question_of_a_check_that_failed_gets_a_no(tmp_path):
    stale = publish(tmp_path / "stale.sqlite", age_s=2 * 86400)
    answers = ask_all([QUESTION, QUESTION], stale, cast.trust())
    assert [answer.decision.reason for answer in answers] == ["stale_snapshot"] * 2
    assert all("fetch a newer one" in answer.detail for answer in answers)
    assert ask(QUESTION, "http://127.0.0.1:9", cast.trust()).decision.reason == "unreachable"


def test_what_comes_later_is_a_no_wherever_it_stands(tmp_path):
    """Whoever serves a map could put there what this version refuses by name."""
    event = {"t": "anchor", "kind": "runs", "digest": cast.REGISTRY, "party": None, "statement": None}
    head = {**cast.publish(recent(), time=times.now()), "map_root": canonical.encode({**event, "time": times.now()})}
    snapshot.build(tmp_path / "later.sqlite", recent().items(), registry=cast.REGISTRY, **head)
    assert ask(QUESTION, tmp_path / "later.sqlite", cast.trust()).decision.reason == "unverified_snapshot"

    vkey = spell_vkey(cast.ORIGIN, 2, bytes(33))
    (tmp_path / "trust.json").write_bytes(canonical.encode({**cast.trust().to_json(), "log_policy": f"log {vkey}\n"}))
    assert ask(QUESTION, tmp_path / "later.sqlite", tmp_path / "trust.json").decision.reason == "unverified_snapshot"


def test_a_malformed_question_among_others_is_one_no(fresh):
    answers = ask_all([QUESTION, {**QUESTION, "territory": "jp"}], fresh, cast.trust())
    assert [answer.decision.reason for answer in answers] == ["granted", "invalid_query"]
    assert answers[1].detail == "unknown code 'jp' (at /territory)"


def test_a_file_written_to_meanwhile_gives_no_answer_at_all(fresh):
    def questions_of_somebody_who_writes(opened):
        yield opened.answer(QUESTION)
        fresh.touch()

    trust, now = cast.trust(), times.now()
    with pytest.raises(NotTrustedError, match="written to"), home.opened(fresh, trust, now) as opened:
        list(questions_of_somebody_who_writes(opened))


def test_an_answer_does_not_stand_as_a_truth_value(fresh):
    with pytest.raises(TypeError, match="Verdict"):
        bool(ask(QUESTION, fresh, cast.trust()))


def test_a_place_that_is_no_url_is_a_mistake_of_who_asks():
    with pytest.raises(MalformedError):
        ask(QUESTION, "map.sqlite", cast.trust())


def test_the_package_offers_all_that_it_names():
    assert all(getattr(priorconsent, name) is not None for name in priorconsent.__all__)
