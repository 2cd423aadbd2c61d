"""Names, titles and dates as people type them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent.errors import MalformedError
from registry import wording


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [
        ("JA", "ja"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("ja-latn", "ja-Latn"),
        ("es-419", "es-419"),
        ("en-x-a", "en-x-a"),
    ],
)
def test_a_language_tag_gets_its_usual_letter_case(typed, spelled):
    assert wording.language(typed, "/lang") == spelled


@pytest.mark.parametrize("tag", ["", "j", "japanese", "ja_JP", "ja-", "日本語", "en\n", "en-"])
def test_what_is_no_language_tag_is_refused_with_its_place(tag):
    with pytest.raises(MalformedError) as refused:
        wording.language(tag, "/names/0")
    assert refused.value.pointer == "/names/0"


@pytest.mark.parametrize("text", ["2024", "2024-05", "2024-05-03", "2024-02-29"])
def test_a_date_is_as_precise_as_it_is_known(text):
    assert wording.date(text, "/date") == text


@pytest.mark.parametrize("text", ["", "24", "2024-13", "2023-02-29", "2024-5-3", "2024-05-03T00", "20240503", "0000"])
def test_what_no_calendar_has_is_refused(text):
    with pytest.raises(MalformedError):
        wording.date(text, "/date")


@given(st.text())
def test_any_text_becomes_tidy_or_our_own_error(text):
    try:
        tidied = wording.tidy(text, "/text")
    except MalformedError:
        return
    assert unicodedata.is_normalized("NFC", tidied)
    assert wording.tidy(tidied, "/text") == tidied


@given(st.text())
def test_any_text_is_a_language_tag_or_our_own_error(text):
    try:
        tag = wording.language(text, "/lang")
    except MalformedError:
        return
    assert wording.language(tag, "/lang") == tag
