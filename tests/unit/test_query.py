"""What a text is taken for, and how a digest may be spelled in a question."""

import pytest

from priorconsent import query
from priorconsent.errors import MalformedError
from tests.scenario import FILM, FILM_FILE

NOW = "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (FILM_FILE, "sha256"),
        (FILM_FILE.upper(), "sha256"),
        (f"sha256:{FILM_FILE}", "sha256"),
        ("sha256:half", "sha256"),
        (FILM, "work"),
        ("urn:uuid:none", "work"),
        ("https://studio.example/a.mp4", "url"),
        ("HTTPS://studio.example/a.mp4", "url"),
        ("ftp://studio.example/a.mp4", "url"),
        ("id:isan:0000", "identifier"),
        ("isan:0000", "identifier"),
        ("Whale Clock", None),
        ("", None),
    ],
)
def test_a_text_is_taken_for_the_kind_of_key_that_it_looks_like(text, kind):
    assert query.kind_of(text) == kind


@pytest.mark.parametrize("key", [FILM_FILE.upper(), FILM_FILE.title(), f"sha256:{FILM_FILE.upper()}"])
def test_capitals_in_a_digest_are_lowered(key):
    assert query.parse({"sha256": key, "use": "train"}, now=NOW).key == f"sha256:{FILM_FILE}"


@pytest.mark.parametrize(
    "key", [f"SHA256:{FILM_FILE}", FILM_FILE[:-1], FILM_FILE + "0", "g" * 64, f" {FILM_FILE}", f"{FILM_FILE}\n"]
)
def test_nothing_else_about_a_digest_is_forgiven(key):
    with pytest.raises(MalformedError, match="64 hex"):
        query.parse({"sha256": key, "use": "train"}, now=NOW)
