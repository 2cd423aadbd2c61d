"""The start page: where one is, and one question in plain words, in four languages."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as project
from django.utils import translation

from api.views.start import ADVICE, USES
from priorconsent import vocabulary as words
from priorconsent.reasons import REASONS
from tests import scenario
from tests.api.conftest import client_at

LOCALE = Path(__file__).parents[2] / "api" / "locale"
LANGUAGES = [code for code, _ in project.LANGUAGES]
DETAILS = {
    name: scenario.QUESTION[name] for name in ("use", "vendor", "modality", "model", "distribution", "territory")
}

pytestmark = pytest.mark.django_db


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


def page(response):
    assert response.status_code == 200
    return response.content.decode()


def ask(client, key, **members):
    return page(client.post("/", {"key": key, **DETAILS, **members}))


def test_it_says_where_one_is(public, client):
    text = page(client.get("/"))

    assert scenario.ORIGIN in text
    assert scenario.REGISTRY in text
    assert '<dd id="works">2</dd>' in text
    assert '<dd id="grants">1</dd>' in text
    assert "2 entries" in text


def test_it_says_what_a_no_means(public, client):
    assert "recorded no permission at that time" in page(client.get("/"))


@pytest.mark.parametrize("key", [scenario.FILM_FILE, f"sha256:{scenario.FILM_FILE}", scenario.FILM_FILE.upper()])
def test_a_recorded_permission_is_a_yes_in_words(public, client, key):
    text = ask(client, key)

    assert "Yes: permitted" in text
    assert REASONS["granted"].sentence("en") in text
    assert scenario.GRANT in text


def test_a_place_is_recognised_by_its_spelling(public, client):
    assert "Yes: permitted" in ask(client, "https://studio.example/film/1.mp4")


@pytest.mark.parametrize(
    ("key", "members", "reason"),
    [
        ("https://elsewhere.example/", {}, "no_record"),
        (scenario.FILM, {}, "binding_not_granted"),
        (scenario.FILM_FILE, {"use": "search"}, "use_not_granted"),
        (scenario.FILM_FILE, {"vendor": ""}, "needs_vendor"),
        (scenario.FILM_FILE, {"territory": "Atlantis"}, "invalid_query"),
        ("isbn:9784000000000", {}, "no_record"),
        ("https://user:secret@a.example/", {}, "invalid_query"),
    ],
)
def test_anything_else_is_a_no_with_its_reason_and_what_to_do(public, client, key, members, reason):
    text = ask(client, key, **members)

    assert "No: not permitted" in text
    assert f"<code>{reason}</code>" in text
    assert REASONS[reason].sentence("en") in text


def test_without_a_recent_snapshot_the_answer_is_no(public):
    text = ask(client_at("2027-01-01T00:00:00Z"), scenario.FILM_FILE)

    assert "No: not permitted" in text
    assert "stale_snapshot" in text


def test_a_title_leads_to_works_and_never_to_an_answer(cast):
    cast.publish()
    client = client_at(cast.now)
    text = ask(client, "fil")

    assert "Which work do you mean?" in text
    assert cast.works["film"] in text
    assert "permitted" not in text.replace("not permitted", "")
    assert "No work with such a title" in ask(client, "unheard of")


def test_what_was_asked_is_shown_as_text_only(public, client):
    assert "<script>" not in ask(client, "<script>alert(1)</script>")


def test_a_question_is_never_asked_by_address(public, client):
    text = page(client.get("/", {"key": scenario.FILM_FILE, **DETAILS}))

    assert "permitted" not in text
    assert {form["method"] for form in Elements(text).of("form")} == {"post"}


def test_nobody_may_keep_the_page(public, client):
    for response in (client.get("/"), client.post("/", {"key": "https://a.example/"})):
        assert response.headers["Cache-Control"] == "no-store"


def test_nothing_stands_in_the_page_that_the_policy_forbids(public, client):
    response = client.get("/")
    elements = Elements(page(response))

    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
    assert not elements.of("script", "style")
    assert not [name for _, attributes in elements.found for name in attributes if name == "style" or name[:2] == "on"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_own_page(public, client, language):
    by_header = page(client.get("/", headers={"Accept-Language": language}))
    response = client.get("/", {"lang": language})

    assert response.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in by_header
    assert Elements(page(response)).of("h1") == Elements(by_header).of("h1")


def test_the_answer_is_in_the_language_of_the_page(public, client):
    for language in LANGUAGES:
        response = client.post(f"/?lang={language}", {"key": "https://elsewhere.example/", **DETAILS})
        assert REASONS["no_record"].sentence(language) in page(response).replace("&#x27;", "'")


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_no_sentence_is_left_untranslated(language):
    folder = LOCALE / language / "LC_MESSAGES"
    messages = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', (folder / "django.po").read_text(), flags=re.MULTILINE)
    template = (LOCALE.parent / "templates" / "api" / "start.html").read_text()
    used = re.findall(r"""{% translate ["'](.+?)["'] %}""", template)
    with translation.override("en"):
        used += [str(text) for text in [*USES.values(), *ADVICE.values()]]

    assert set(used) <= {source for source, _ in messages}
    with translation.override(language):
        for source, translated in messages:
            shown = translation.gettext(source.replace('\\"', '"'))
            # Other apps have sentences too, and the first app wins.
            assert shown == translated.replace('\\"', '"') != "", "compile it again, or choose other words"


def test_every_use_can_be_asked_for():
    assert set(USES) == words.USES


def test_every_field_has_a_label(public, client):
    elements = Elements(page(client.get("/")))
    labelled = {label["for"] for label in elements.of("label")}

    fields = [field for field in elements.of("input", "select") if field.get("type") != "hidden"]
    assert len(fields) == 8
    assert {field["id"] for field in fields} == labelled
    assert elements.of("html")[0]["lang"] == "en"
