"""Works found over HTTP and on the start page: which one is meant, and never what is permitted."""

import re

import pytest

from registry.verbs.add_work import Description, Title, add_work
from tests.api.conftest import client_at, problem
from tests.api.test_description import check
from tests.cast import OPERATOR


@pytest.fixture
def told(cast):
    """Adds a work that the log does not know."""

    def add(*titles, kind="film", **more):
        described = tuple(Title(lang, form, text) for lang, form, text in titles)
        return add_work(OPERATOR, cast.studio.party, Description(kind=kind, titles=described, **more), cast.now).urn

    return add


def search(cast, **given):
    return client_at(cast.now).get("/api/v1/works", given)


def items(cast, text):
    return search(cast, q=text).json()["items"]


def page(cast, text, language="en"):
    return client_at(cast.now).post(f"/?lang={language}", {"key": text, "use": "evaluate"}).content.decode()


def test_a_work_is_found_with_everything_told_about_it(cast, told, client):
    urn = told(("ja", "main", "機動戦士ガンダム"), ("en", "translated", "Mobile Suit"), date="1979-04-07")
    (found,) = items(cast, "がんだむ")

    check(client.get("/api/v1/openapi.json").json(), "WorkOut", found)
    assert (found["work"], found["date"], found["match"]) == (urn, "1979-04-07", "part")
    assert [title["text"] for title in found["titles"]] == ["機動戦士ガンダム", "Mobile Suit"]


def test_the_answer_says_whether_the_log_knows_the_work(cast, told):
    urn = told(("en", "main", "Film Noir"))

    assert [(found["work"], found["match"], found["logged"]) for found in items(cast, "film")] == [
        (cast.works["film"], "whole", True),
        (urn, "beginning", False),
    ]


def test_finding_a_work_says_nothing_about_permission(cast, told):
    cast.grant_at("active")
    told(("en", "main", "Film Noir"))
    (granted, other) = items(cast, "film")

    assert {*granted} == {*other}
    assert not re.search("permit|grant|allow|verdict", " ".join(granted))


def test_without_a_text_all_works_are_listed_and_nothing_is_matched(cast):
    (first, _) = search(cast).json()["items"]

    assert not {"match", "logged"} & {*first}


def test_pages_go_on_where_the_one_before_ended(cast, told):
    for number in range(120):
        told(("ja", "main", f"風の町{number}"))
    first = search(cast, q="風").json()
    second = search(cast, q="風", after=first["next"]).json()

    assert (len(first["items"]), len(second["items"]), second["next"]) == (100, 20, None)
    assert len({item["work"] for item in first["items"] + second["items"]}) == 120


@pytest.mark.parametrize("text", ["", " ", "ー", "\0", "a" * 1001, "風" * 10_000])
def test_a_text_that_nothing_can_be_looked_for_by_is_malformed(cast, text):
    response = search(cast, q=text)

    assert (problem(response), response.json()["pointer"]) == ("malformed", "/q")


@pytest.mark.parametrize("raw", ["q=a&q=b", "q=a&title=b", "q=a&after=x"])
def test_a_search_that_is_not_understood_is_malformed(cast, raw):
    assert problem(client_at(cast.now).get(f"/api/v1/works?{raw}")) == "malformed"


@pytest.mark.parametrize("raw", ["%ed%a0%80", "%ff", "%25", "%22)%20OR%20(%22", "a%20%26%20!b", "*"])
def test_any_characters_are_looked_for(cast, raw):
    assert client_at(cast.now).get(f"/api/v1/works?q={raw}").json() == {"items": [], "next": None}


def test_a_person_tells_namesakes_apart(cast, told):
    cast.publish()
    told(("ja", "main", "影の旅人"), date="1987-03", identifiers=(("madb", "C1"),))
    told(("ja", "main", "影の旅人"), ("en", "translated", "Shadow Traveller"), kind="game", date="2009")
    shown = re.findall(r'<button type="submit" class="plain">.*?</form>', page(cast, "kageno"), flags=re.DOTALL)
    assert shown == []
    shown = re.findall(r'<button type="submit" class="plain">.*?</form>', page(cast, "影の旅"), flags=re.DOTALL)

    assert len(shown) == 2
    assert "Film · 1987 · madb:C1 · <em>not in the log yet</em>" in shown[0]
    assert '<span lang="ja">影の旅人</span> / <span lang="en">Shadow Traveller</span>' in shown[1]
    assert "Game · 2009" in shown[1]
    assert "ゲーム · 2009" in page(cast, "影の旅", "ja")


def test_a_list_of_works_is_no_answer(cast):
    cast.grant_at("active")
    cast.publish()
    (shown,) = re.findall(r"<section class=\"answer\".*?</section>", page(cast, "film"), flags=re.DOTALL)

    assert "This list says nothing about permission: choose a work to ask." in shown
    assert "not in the log yet" not in shown
    assert "permitted" not in shown


def test_the_page_shows_the_best_matches_and_says_that_there_are_more(cast, told):
    cast.publish()
    for number in range(21):
        told(("ja", "main", f"風の町{number}"))

    assert page(cast, "風の").count('class="plain"') == 20
    assert "There are more" in page(cast, "風の")
    assert "There are more" not in page(cast, "風の町2")
