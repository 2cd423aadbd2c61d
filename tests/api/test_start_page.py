"""The start page: where one is, and one question in plain words, in four languages."""

import ast
import html
import inspect
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as project
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from api import labels, told, typed
from api.views import start
from licences.states import State
from priorconsent import query
from priorconsent import vocabulary as words
from priorconsent.offers import Conditions
from priorconsent.reasons import REASONS
from registry import queries
from tests import scenario
from tests.api.conftest import client_at
from tests.cast import FILM_FILE

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


def translated_in(*modules):
    """Every sentence that is marked for translation in these modules."""
    for module in modules:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                yield ast.literal_eval(node.args[0])


def answer(text):
    """The words of the answer, without elements."""
    section = re.search(r'<section class="answer.*?</section>', text, re.DOTALL)
    assert section
    # Not split(): French has blanks that are no place to break.
    return html.unescape(re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", section[0])))


def marked(text):
    """The fields that are to be filled in or corrected."""
    return {field["id"] for field in Elements(text).of("input", "select") if field.get("aria-invalid") == "true"}


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
        (scenario.MANGA, {}, "no_grant"),
        (scenario.FILM_FILE, {"use": "search"}, "use_not_granted"),
        (scenario.FILM_FILE, {"territory": "FR"}, "territory_not_granted"),
        ("isbn:9784000000000", {}, "no_record"),
    ],
)
def test_anything_else_is_a_no_with_its_reason_and_what_to_do(public, client, key, members, reason):
    text = ask(client, key, **members)

    assert "No: not permitted" in text
    assert f"<code>{reason}</code>" in text
    assert REASONS[reason].sentence("en") in text


def test_a_yes_says_what_it_is_for_and_as_of_when(public, client):
    said = answer(ask(client, scenario.FILM_FILE))

    assert f"For whom {scenario.VENDOR}" in said
    assert "What for Train a generative model: from the start" in said
    assert "Name of the model A-Video" in said
    assert "goes in Moving images" in said
    assert "Within the company only" in said
    assert "Country of the act (two letters) JP" in said
    assert "Until 1 January 2028, 00:00 UTC" in said
    assert "As of 11 December 2026, 00:00 UTC" in said


def test_a_yes_names_its_party_and_its_conditions_in_words(cast):
    cast.grant_at(State.ACTIVE, conditions={"attribution": "A Studio", "transfer": False})
    cast.publish()
    asked = {**DETAILS, "vendor": cast.vendor.party}
    said = answer(page(client_at(cast.now).post("/", {"key": FILM_FILE, **asked})))

    assert "Yes: permitted" in said
    assert f"For whom {queries.names_of([cast.vendor.party], 'en')[cast.vendor.party]} ({cast.vendor.party})" in said
    assert "Credit: A Studio" in said
    assert "Transfer to others: not agreed" in said
    assert "{" not in said


def test_a_permission_for_everybody_says_so(cast):
    cast.grant_at(State.ACTIVE, licensee={"kind": "public", "party": None, "affiliates": []})
    cast.publish()
    said = answer(page(client_at(cast.now).post("/", {"key": FILM_FILE, **DETAILS, "vendor": ""})))

    assert "For whom everybody" in said


def test_what_an_ended_permission_restricted_is_not_asked_for(cast):
    ended = cast.grant_at(State.ACTIVE)
    cast.withdraw(ended, cast.studio)
    cast.log()
    cast.grant_at(State.ACTIVE, models=["*"], territory=["*"])
    cast.publish()
    text = page(client_at(cast.now).post("/", {"key": FILM_FILE, "use": "train.generative"}))

    assert marked(text) == {"vendor", "modality", "distribution"}


def test_a_question_that_says_too_little_is_open_and_not_yet_a_yes(public, client):
    text = ask(client, scenario.FILM_FILE, vendor="", model="", territory="")

    assert "Not answered yet: something is missing" in text
    assert "Until then the answer is no: not permitted." in text
    assert "Yes: permitted" not in text
    assert 'class="answer open"' in text
    assert "<code>needs_vendor</code>" in text


def test_all_that_the_permission_restricts_is_asked_for_at_once(public, client):
    text = page(client.post("/", {"key": scenario.FILM_FILE, "use": "train.generative"}))

    assert marked(text) == {"vendor", "modality", "model", "distribution", "territory"}
    assert "open" in Elements(text).of("details")[0]


def test_only_what_is_missing_is_marked(public, client):
    assert marked(ask(client, scenario.FILM_FILE, model="")) == {"model"}
    assert marked(ask(client, scenario.FILM_FILE)) == set()


@pytest.mark.parametrize("members", [{}, {"vendor": "", "model": "", "territory": ""}])
def test_of_a_work_it_says_that_a_file_or_an_address_is_needed(public, client, members):
    text = ask(client, scenario.FILM, **members)
    said = answer(text)

    assert "key" in marked(text)
    assert "they count for certain files or addresses only. Enter the SHA-256 of the file, or its address." in said
    assert "for a permission that covers this" not in said
    assert "Yes" not in said


def test_a_stranger_is_sent_to_the_operator_and_to_no_page_that_is_not_there(public, client):
    unknown, without_grant = (answer(ask(client, key)) for key in ("https://elsewhere.example/", scenario.MANGA))

    assert "ask the operator of this registry how to register the work" in unknown
    assert "register the work" not in without_grant
    assert "ask the operator of this registry how to record a permission" in without_grant


@pytest.mark.parametrize(
    ("key", "members", "field"),
    [
        (scenario.FILM_FILE, {"vendor": "A Vendor, Inc."}, "vendor"),
        (scenario.FILM_FILE, {"territory": "Atlantis"}, "territory"),
        ("https://user:secret@a.example/", {}, "url"),
        ("ftp://a.example/", {}, "url"),
        ("sha256:abc", {}, "sha256"),
        ("urn:uuid:abc", {}, "work"),
        ("isbn:ä", {}, "identifier"),
    ],
)
def test_what_is_wrong_is_said_in_the_language_of_the_page(public, client, key, members, field):
    for language in LANGUAGES:
        text = page(client.post(f"/?lang={language}", {"key": key, **DETAILS, **members}))

        with translation.override(language):
            assert str(told.FAULTS[field]) in answer(text)
        assert "<code>invalid_query</code>" in text
        assert marked(text) == {field if field in labels.FIELDS else "key"}


@pytest.mark.parametrize(
    ("said", "kind", "key"),
    [
        (f" SHA256:{scenario.FILM_FILE.upper()} ", "sha256", scenario.FILM_FILE),
        (f"SHA-256 {scenario.FILM_FILE}", "sha256", scenario.FILM_FILE),
        ('"https://a.example/b"', "url", "https://a.example/b"),
        ("“https://a.example/B”\n", "url", "https://a.example/B"),
        ("<https://a.example/>", "url", "https://a.example/"),
        (scenario.FILM.upper(), "work", scenario.FILM),
        ("ISBN 978-4-00-310101-8", "identifier", "isbn:9784003101018"),
        ("ISBN: 4-00-310101-4", "identifier", "isbn:9784003101018"),
        ("id:isbn:9784003101018", "identifier", "isbn:9784003101018"),
        ("isbn:978-4-00-310101-0", "identifier", "isbn:978-4-00-310101-0"),
        ("「鯨時計」", None, "鯨時計"),
        ("EAN has come", None, "EAN has come"),
        ("host.example/film", None, "host.example/film"),
    ],
)
def test_what_a_person_types_is_read_as_it_is_meant(said, kind, key):
    assert typed.read_key(typed.tidy(said)) == (kind, key)


@given(st.text())
def test_any_text_is_read_as_some_key(text):
    kind, _ = typed.read_key(typed.tidy(text))

    assert kind in {*query.KEYS, None}


def test_a_country_may_be_typed_in_small_letters(public, client):
    assert "Yes: permitted" in ask(client, scenario.FILM_FILE, territory=" jp ")


def test_programs_get_no_such_help(public, client):
    asked = {**DETAILS, "sha256": scenario.FILM_FILE}

    for member, value in {"territory": "jp", "vendor": f'"{scenario.VENDOR}"'}.items():
        assert client.get("/api/v1/decisions", {**asked, member: value}).json()["reason"] == "invalid_query"


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
    nothing = answer(ask(client, "studio.example/film"))
    assert "No work with such a title" in nothing
    assert "it begins with https://" in nothing


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


def test_japanese_has_no_blanks_between_sentences(public, client):
    text = page(client.post("/?lang=ja", {"key": scenario.FILM_FILE, **DETAILS}))

    assert not re.search(r"。\s+[^\s<]", text)
    assert "2028年1月1日 00:00（UTC）" in text


def test_the_answer_is_in_the_language_of_the_page(public, client):
    for language in LANGUAGES:
        response = client.post(f"/?lang={language}", {"key": "https://elsewhere.example/", **DETAILS})
        assert REASONS["no_record"].sentence(language) in page(response).replace("&#x27;", "'")


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_no_sentence_is_left_untranslated(language):
    folder = LOCALE / language / "LC_MESSAGES"
    messages = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', (folder / "django.po").read_text(), flags=re.MULTILINE)
    template = (LOCALE.parent / "templates" / "api" / "start.html").read_text()
    used = {*re.findall(r"""{% translate ["'](.+?)["'] %}""", template), *translated_in(labels, told, start)}
    blocks = {source for source, _ in messages if "%(" in source}

    assert used == {source for source, _ in messages} - blocks
    with translation.override(language):
        for source, translated in messages:
            shown = translation.gettext(source.replace('\\"', '"'))
            # Other apps have sentences too, and the first app wins.
            assert shown == translated.replace('\\"', '"') != "", "compile it again, or choose other words"


def test_every_word_of_the_vocabulary_has_a_name():
    assert set(labels.USES) == words.USES
    assert set(labels.MODALITIES) == words.MODALITIES
    assert set(labels.DISTRIBUTIONS) == words.DISTRIBUTIONS
    assert set(labels.CONDITIONS) == set(Conditions.__struct_fields__)


def test_every_field_has_a_label(public, client):
    elements = Elements(page(client.get("/")))
    labelled = {label["for"] for label in elements.of("label")}

    fields = [field for field in elements.of("input", "select") if field.get("type") != "hidden"]
    assert len(fields) == 8
    assert {field["id"] for field in fields} == labelled
    assert elements.of("html")[0]["lang"] == "en"
