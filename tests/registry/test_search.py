"""Works are found by what people type, on both databases alike, and finding decides nothing."""

import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.invented_works import titles as invented
from priorconsent.errors import MalformedError
from registry import ids, search, search_entries, search_sql
from registry.management.commands import index_works
from registry.models import Party, SearchEntry, Work, WorkTitle
from registry.search_keys import EDGE, entry_of, needles
from registry.verbs.add_work import Description, Title, add_work
from tests.cast import OPERATOR

NOW = "2026-12-01T00:00:00Z"
SAME_SHELF = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

pytestmark = pytest.mark.django_db


@pytest.fixture
def party(db):
    return Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=NOW).urn


@pytest.fixture
def shelf(party):
    """Adds works; each by its main title, and other titles as form and text."""

    def add(*titles, **told):
        main, *others = titles
        described = (Title("ja", "main", main), *(Title("ja", form, text) for form, text in others))
        return add_work(OPERATOR, party, Description(kind="film", titles=described, **told), NOW)

    return add


def found(text, limit=100, after=0):
    """Main titles and how they match."""
    hits = search.find(text, limit, after)
    return [(WorkTitle.objects.filter(work=hit.work).earliest("pk").text, hit.match) for hit in hits]


def titles_found(text):
    return [title for title, _ in found(text)]


# --- spelling


@pytest.mark.parametrize(
    "typed", ["gandamu", "Gandamu", "がんだむ", "ガンダム", "ｶﾞﾝﾀﾞﾑ", "ＧＡＮＤＡＭＵ", "機動戦士", "戦士ｶﾞﾝ"]
)
def test_width_kana_romaji_and_case_do_not_count(shelf, typed):
    shelf("機動戦士ガンダム")
    shelf("機関車物語")

    assert titles_found(typed) == ["機動戦士ガンダム"]


@pytest.mark.parametrize("typed", ["toukyou", "tōkyō", "tokyo", "TÔKYÔ", "とうきょう", "トーキョー"])
def test_long_vowels_are_one_however_they_are_written(shelf, typed):
    for title in ("Tōkyō", "Toukyou", "TOKYO", "とうきょう"):
        shelf(title)

    assert found(typed) == [(title, "whole") for title in ("Tōkyō", "TOKYO", "とうきょう", "Toukyou")]


def test_a_reading_that_the_catalogue_gives_is_searched_and_none_is_guessed(shelf):
    shelf("東京物語", ("kana", "トウキョウモノガタリ"))
    shelf("平家物語")

    assert titles_found("ものがたり") == titles_found("tokyo mono") == ["東京物語"]
    assert titles_found("heike") == []


def test_every_form_of_a_title_leads_to_the_work_once(shelf):
    shelf("風の町", ("kana", "カゼノマチ"), ("romaji", "Kaze no Machi"), ("translated", "The Windy Town"))

    assert found("かぜのまち") == found("windy town".replace("windy", "the windy")) == [("風の町", "whole")]
    assert found("machi") == [("風の町", "part")]


def test_what_is_typed_in_kana_does_not_begin_in_the_middle_of_a_kana(shelf):
    shelf("つみ")
    shelf("うみ")
    shelf("深いうみ")

    assert titles_found("うみ") == ["うみ", "深いうみ"]
    assert titles_found("umi") == ["うみ", "つみ", "深いうみ"]


def test_one_or_two_latin_letters_are_looked_for_where_words_begin(shelf):
    shelf("Sakura Aida")
    shelf("超アイドル")
    shelf("Maid")

    assert titles_found("ai") == ["超アイドル", "Sakura Aida"]
    assert titles_found("m") == ["Maid"]
    assert titles_found("aid") == ["Maid", "超アイドル", "Sakura Aida"]


def test_one_kanji_is_found_anywhere(shelf):
    shelf("黒い猫")
    shelf("猫")

    assert found("猫") == [("猫", "whole"), ("黒い猫", "part")]


# --- order and pages


def test_better_matches_come_first_then_shorter_titles_then_older_works(shelf):
    for title in ("風の町の話", "青い風の町", "風の町", "赤い風の町", "町と風の話", "風の町2", "風の町"):
        shelf(title)
    works = list(Work.objects.order_by("pk").values_list("pk", flat=True))

    assert found("風の町") == [
        *[("風の町", "whole")] * 2,
        *[("風の町2", "beginning"), ("風の町の話", "beginning")],
        *[("青い風の町", "part"), ("赤い風の町", "part")],
    ]
    assert [hit.work for hit in search.find("風の町", 2)] == [works[2], works[6]]
    assert found("風 町")[-1] == ("町と風の話", "words")
    assert found("町　風") == [
        (title, "words")
        for title in ("風の町", "風の町", "風の町2", "風の町の話", "青い風の町", "赤い風の町", "町と風の話")
    ]


def test_namesakes_are_all_found_and_stay_apart(shelf):
    older, newer = shelf("影の旅人", date="1987"), shelf("影の旅人", date="2009")

    assert [hit.work for hit in search.find("影の旅人", 10)] == [older.pk, newer.pk]


def test_pages_follow_each_other_without_a_gap(shelf):
    for number in range(12):
        shelf(f"風{'の町' * (number % 4)}{number}")
        shelf(f"{number}の風")
    everything, pages, after = search.find("風", 100), [], 0
    while page := search.find("風", 5, after):
        pages += page
        after = page[-1].place

    assert len(everything) == 24
    assert pages == everything
    assert search.find("風", 5, 10**18 - 1) == []


def shelf_in_memory():
    return [
        (work, entry_of([("main", title.ja), ("kana", title.kana), ("translated", title.en)]))
        for work, title in [(number, invented(number)) for number in range(1, 600)]
    ]


def by_comparing_all(entries, text):
    """The same by looking at every title."""

    def has(keys, needle, start="", end=""):
        after = f"(?<![{needle.after}])" if needle.after and not start else ""
        before = f"(?![{needle.before}])" if needle.before and not end else ""
        return re.search(after + re.escape(start + needle.text + end) + before, keys)

    def match(entry):
        wanted = needles(text)
        edges = {"whole": (EDGE, EDGE), "beginning": (EDGE, ""), "part": ("", "")}
        for name, (start, end) in edges.items():
            if any(has(entry.keys, needle, start, end) for needle in wanted):
                return name
        words = [needles(word) for word in text.split()]
        return "words" if len(words) > 1 and all(any(has(entry.keys, n) for n in word) for word in words) else None

    hits = [(search.MATCHES.index(name), entry.length, work) for work, entry in entries if (name := match(entry))]
    return [(work, search.MATCHES[rank]) for rank, _, work in sorted(hits)]


def test_both_databases_find_what_comparing_all_titles_finds(db):
    entries = shelf_in_memory()
    search_entries.add(entries)
    asked = (
        "物語 世界 の sekai せかい majo 魔女の the town 赤い風 2 zero ken うた uta ほし dream ン ー町 ラブ 神様".split()
    )
    for text in [
        *asked,
        "風 海",
        "world star",
        "Red Sky",
        "no such title at all",
        "あか そら",
        *(e.keys.strip(EDGE) for _, e in entries[:40]),
    ]:
        if len(needles(text)[0].text) > 2 or not needles(text)[0].text.isascii():
            assert [(hit.work, hit.match) for hit in search.find(text, 1000)] == by_comparing_all(entries, text), text


def test_a_page_takes_a_few_statements_however_many_works_there_are(shelf):
    for number in range(30):
        shelf(f"風{number}", ("kana", f"カゼ{number}"))
    with CaptureQueriesContext(connection) as captured:
        search.find("風 町", 10)

    assert len(captured) <= len(search.MATCHES)


# --- any characters


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "_",
        "*",
        "a*",
        '"',
        "'",
        "\\",
        "a AND b",
        "NEAR(a b)",
        "a | b",
        "a & !b",
        "a:*",
        "^a",
        "{1,2}",
        "a' OR '1'='1",
    ],
)
def test_operators_are_only_characters(shelf, text):
    shelf("風の町")
    shelf("Another Title, b & c")

    assert "風の町" not in titles_found(text)
    shelf(text)
    assert text in titles_found(text)


@SAME_SHELF
@given(text=st.text())
def test_any_text_is_looked_for_or_refused(db, text):
    if needles(text):
        assert search.find(text, 10) == []
    else:
        with pytest.raises(MalformedError):
            search.find(text, 10)


@SAME_SHELF
@given(text=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=1000))
def test_any_title_is_found_by_itself(shelf, text):
    try:
        work = shelf(text)
    except MalformedError:
        return
    if needles(text):
        assert (work.pk, "whole") in [(hit.work, hit.match) for hit in search.find(text, 1000)]


@pytest.mark.parametrize("text", ["", "   ", "ー", "\0", "\ud800", "\n\t", "a" * 1001, "風" * 100_000])
def test_nothing_and_too_much_are_refused(db, text):
    with pytest.raises(MalformedError) as caught:
        search.find(text, 10)
    assert caught.value.pointer == "/q"


def test_half_a_pair_and_nul_are_nothing_beside_text(shelf):
    shelf("風の町")

    assert titles_found("\0風\ud800の町\udfff") == ["風の町"]


def test_the_longest_titles_are_found_too(shelf):
    text = "風の町カゼ town " * 66
    shelf(text)

    assert found(text[:1000]) == [(text.strip(), "whole")]
    assert len(found("風 町 カゼ town")) == 1


# --- where entries come from


def test_a_work_and_its_entry_are_added_together_or_not_at_all(shelf):
    with transaction.atomic():
        shelf("風の町")
        transaction.set_rollback(True)

    assert not SearchEntry.objects.exists()
    assert found("風") == []


def test_a_work_is_found_by_the_titles_that_it_has_now(shelf):
    work, other = shelf("風の町"), shelf("風の谷")
    WorkTitle.objects.filter(work=work).update(text="海の声")
    search_entries.renew([work.pk])

    assert titles_found("風") == ["風の谷"]
    assert titles_found("海") == ["海の声"]
    assert SearchEntry.objects.get(work=other).keys == "|風no谷|"
    search_entries.renew([])


def test_a_work_that_goes_takes_its_entry_along(shelf):
    shelf("風の町").delete()

    assert not SearchEntry.objects.exists()
    assert found("風") == []


def test_all_entries_can_be_made_anew(shelf, capsys):
    for number in range(5):
        shelf(f"風{number}", ("kana", f"カゼ{number}"))
    before = sorted(SearchEntry.objects.values_list("id", "work_id", "keys"))
    SearchEntry.objects.all().delete()
    assert found("風") == []
    index_works.Command().execute(no_color=True, force_color=False, skip_checks=True)

    assert "5 works" in capsys.readouterr().out
    assert sorted(SearchEntry.objects.values_list("id", "work_id", "keys")) == before
    assert titles_found("kaze3") == ["風3"]


@pytest.mark.postgresql
def test_no_extension_of_postgresql_is_needed(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        assert cursor.fetchall() == [("plpgsql",)]


@pytest.mark.postgresql
def test_every_length_of_a_title_has_its_part_of_the_table(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'registry_searchentry'::regclass")
        assert cursor.fetchone() == (len(search_sql.LENGTHS) - 1,)
    search_entries.add(
        [(work, entry_of([("main", "あ" * length)])) for work, length in enumerate((1, 4, 5, 41, 4095, 9999))]
    )
    assert [hit.work for hit in search.find("あああ", 10)] == [0, 1, 2, 3, 4, 5]
