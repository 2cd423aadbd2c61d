"""Promise 1 over HTTP: the same stories as the decision has, each asked by GET and in a batch."""

from types import SimpleNamespace

import pytest

from priorconsent.reasons import REASONS
from tests.api.conftest import client_at, post, problem, publish
from tests.unit.test_decision_reasons import FAILED_CHECKS, INVALID, STORIES
from tests.world import QUESTION, World

ALL = [pytest.param(reason, story, id=f"{reason}: {title}") for reason in STORIES for title, story in STORIES[reason]]


@pytest.fixture
def asked_over_http(data, monkeypatch):
    """Whoever asks the world asks a server that has published it."""

    def ask(world, **members):
        publish(data, {name: state.encode() for name, state in world.ledger.states.items()}, time=world.clock)
        question = {**QUESTION, **members}
        if {"url", "work", "identifier"} & members.keys():
            question.pop("sha256")
        question = {name: value for name, value in question.items() if value is not None}
        return answer(client_at(world.clock), question)

    monkeypatch.setattr(World, "ask", ask)


def answer(client, question):
    """The one answer that all doors give."""
    single = client.get("/api/v1/decisions", question).json()
    batch = post(client, "/api/v1/decisions", {"queries": [{"ref": "a", **question}]}).json()
    (told,) = batch["decisions"]
    assert told.pop("ref") == "a"
    assert {**told, "checkpoint": batch["checkpoint"]} == single
    return SimpleNamespace(**told)


@pytest.mark.parametrize(("reason", "story"), ALL)
def test_the_reason_is(asked_over_http, reason, story):
    told = story()

    assert told.reason == reason
    assert told.verdict == ("permitted" if reason == "granted" else "not_permitted")
    assert bool(told.grants) == (reason == "granted")


@pytest.mark.parametrize("asked", [pytest.param(asked, id=title) for title, asked in INVALID.items()])
def test_a_question_that_does_not_parse_never_gets_a_yes(public, client, asked):
    question = {**QUESTION, **asked}
    if "url" in asked:
        question.pop("sha256")
    question = {name: value for name, value in question.items() if value is not None}
    try:
        response = post(client, "/api/v1/decisions", {"queries": [{"ref": "a", **question}]})
    except UnicodeEncodeError:
        response = post(client, "/api/v1/decisions", b'{"queries":[{"ref":"a","url":"\\ud800"}]}')

    if response.status_code == 200:
        (told,) = response.json()["decisions"]
        assert (told["verdict"], told["reason"]) == ("not_permitted", "invalid_query")
    else:
        # What is no JSON of the profile is no envelope either.
        assert problem(response) == "malformed"


def test_every_reachable_reason_was_reached():
    assert set(STORIES) | {"invalid_query", "disputed"} | FAILED_CHECKS == set(REASONS)
