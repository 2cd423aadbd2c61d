"""What a catalogue brings is found at once, what it changes too, and what it does not store is not."""

import pytest

from registry import search
from registry.imports import batches
from registry.models import SearchEntry, WorkTitle
from registry.search_entries import rebuild
from tests.imports.conftest import LATER, MAPS, ROWS, catalogue, numbered, real


def found(text):
    return [WorkTitle.objects.filter(work=hit.work).earliest("pk").text for hit in search.find(text, 100)]


def test_imported_works_are_found_by_title_and_reading(importing):
    importing(catalogue())

    assert found("かぜのまち") == found("kazenomachi") == ["風の町"]
    assert found("風の町") == ["風の町", "風の町"]
    assert len(found("koe")) == 0


def test_a_later_version_is_found_and_the_earlier_one_no_longer(importing):
    importing(catalogue())
    kept = SearchEntry.objects.get(work=numbered("2"))
    importing(catalogue(*ROWS[:2], "3,movie,山の声,ヤマノコエ,,,,,Original"), now=LATER)

    assert found("海") == []
    assert found("yamanokoe") == ["山の声"]
    assert SearchEntry.objects.get(work=numbered("2")) == kept
    assert SearchEntry.objects.count() == 3


def test_works_that_are_to_be_found_later_are_found_once_the_search_is_made_anew(importing):
    importing(catalogue())
    importing(catalogue(*ROWS[:2], "3,movie,山の声,ヤマノコエ,,,,,Original", "4,tv,空の話,,,,,,Original"), finds=False)
    assert (found("海の声"), found("山の声"), found("空の話")) == (["山の声"], [], [])

    rebuild()
    assert (found("海の声"), found("山の声"), found("空の話")) == ([], ["山の声"], ["空の話"])


@pytest.mark.parametrize("ahead_from", [0, 2**30])
def test_works_are_found_whichever_process_works_out_where(importing, monkeypatch, ahead_from):
    monkeypatch.setattr(batches, "AHEAD_FROM_BYTES", ahead_from)
    importing(catalogue(*ROWS[:2]), batch=1)
    # One that is there, so that nothing is worked out ahead, and then a new one.
    importing(catalogue(*ROWS), batch=1)
    before = sorted(SearchEntry.objects.values_list("id", "keys"))
    assert len(before) == rebuild() == 3
    assert sorted(SearchEntry.objects.values_list("id", "keys")) == before


def test_what_is_not_stored_is_not_found(importing):
    importing(catalogue(), dry=True)
    importing(catalogue(*ROWS, "4,none,空の話,,,,,,Original"))
    assert found("風") == found("空") == []

    importing(catalogue(*ROWS, "4,none,空の話,,,,,,Original"), whole=False, batch=1)
    assert found("空") == []
    assert len(found("風")) == 2


def test_an_import_makes_the_entries_that_making_them_anew_makes(importing):
    importing(real("media_arts_works.csv"), MAPS / "media_arts.toml")
    importing(real("anime_works.csv"), MAPS / "anime.toml")
    before = sorted(SearchEntry.objects.values_list("id", "keys"))

    assert rebuild() == len(before) == 3236 + 1300
    assert sorted(SearchEntry.objects.values_list("id", "keys")) == before


def test_real_titles_are_found_as_people_type_them(importing):
    importing(real("media_arts_works.csv"), MAPS / "media_arts.toml")
    importing(real("anime_works.csv"), MAPS / "anime.toml")

    for typed in ("gandamu", "がんだむ", "ガンダム", "ｶﾞﾝﾀﾞﾑ"):
        assert "機動戦士ガンダム 逆襲のシャア" in found(typed)
        assert len(found(typed)) >= 15
    assert found("gyakusyuu no sya") == found("ぎゃくしゅうのシャ")
    assert found("言の葉の庭") == found("kotonohanoniwa") == ["言の葉の庭"]
    assert "機動戦士ガンダムⅡ 哀・戦士編" in found("MOBILE SUIT GUNDAM II")
