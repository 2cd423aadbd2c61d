"""Folding: what counts as the same spelling, and that whatever a title holds is found in it, for any text."""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry import search_keys
from registry.romaji import romaji
from registry.search_keys import EDGE, entry_of, fold, grams_of, needles

HIRAGANA = (
    "あいうえおかがきぎくぐけげこごさざしじすずせぜそぞ"
    "ただちぢつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもやゆよらりるれろわをん"
)
SMALL = (
    "きゃ",
    "しゅ",
    "ちょ",
    "じゃ",
    "りょ",
    "みゅ",
    "ふぁ",
    "てぃ",
    "った",
    "っぷ",
    "ラー",
    "ヴァ",
    "ニュー",
    "ファ",
)
LATIN = ("kaze", "no", "toukyou", "Tōkyō", "Étude", "book", "the", "zero", "ouji", "Umi", "saga", "Miss", "NASA")
KANJI = "風海空星月花雪夢町森城剣東京物語機動戦士"

KANA = st.text(HIRAGANA + "ー", min_size=1, max_size=12)
# Latin words have blanks around them; kana and kanji have none.
PIECES = st.lists(
    st.sampled_from(HIRAGANA)
    | st.sampled_from(SMALL)
    | st.sampled_from(KANJI)
    | st.sampled_from(LATIN).map(" {} ".format),
    min_size=1,
    max_size=6,
).map("".join)


def to_katakana(text):
    return "".join(chr(ord(sign) + 0x60) if "ぁ" <= sign <= "ゖ" else sign for sign in text)


def is_found(part, titles, start="", end=""):
    """As the databases look: by grams, then by comparing."""
    entry = entry_of(("main", title) for title in titles)
    return any(
        set(grams_of(start + needle.text + end)) <= set(entry.grams.split(" "))
        and re.search(
            (f"(?<![{needle.after}])" if needle.after and not start else "")
            + re.escape(start + needle.text + end)
            + (f"(?![{needle.before}])" if needle.before else ""),
            entry.keys,
        )
        for needle in needles(part)
    )


@given(st.text())
def test_folding_again_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_a_folded_text_means_nothing_to_a_database(text):
    entry = entry_of([("main", text)])
    for said in (fold(text), *(needle.text for needle in needles(text)), *entry.keys.split(EDGE)):
        assert not re.search(r"[\x00-\x2c./:-@\[-`{-~\ud800-\udfff]", said)
    assert '"' not in entry.grams


@given(st.text())
def test_width_and_composition_do_not_count(text):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == fold(text)
    assert fold("".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)) == fold(text)


@given(st.text(st.characters(max_codepoint=0x17F)))
def test_letter_case_does_not_count(text):
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(KANA)
def test_hiragana_katakana_and_their_sounds_are_one(text):
    assert fold(text) == fold(to_katakana(text))
    assert fold(romaji(unicodedata.normalize("NFKC", text))) == fold(text)


@given(st.text(HIRAGANA + to_katakana(HIRAGANA) + "ゝゞヽヾーっッゃャ"))
def test_of_kana_nothing_but_latin_letters_remains(text):
    assert re.fullmatch(r"([a-z]|n-(?=[aiueoy]))*", romaji(text))


@given(PIECES, PIECES, PIECES)
def test_what_a_title_holds_is_found_in_it(before, part, after):
    # Of one or two Latin letters only the beginning of a word is kept.
    assume(min(len(needle.text) for needle in needles(part)) > 2 or not fold(part).isascii())

    assert is_found(part, [before + part + after])
    assert is_found(before + part, [before + part + after])
    assert is_found(part, ["風", part])


@given(st.text(min_size=1))
def test_every_title_is_found_by_itself(text):
    assert bool(needles(text)) == (fold(text) != "")
    assert not needles(text) or is_found(text, [text], EDGE, EDGE)
    assert not needles(text) or is_found(text, ["風", text], EDGE)


@pytest.mark.parametrize(
    "spellings",
    [
        "ガンダム がんだむ ｶﾞﾝﾀﾞﾑ gandamu Gandamu ＧＡＮＤＡＭＵ",
        "Tōkyō toukyou tokyo とうきょう トーキョー TÔKYÔ とおきょお",
        "きっと キット kitto Kitto",
        "ファンタジー ふぁんたじー fantajii Fantajī",
        "こゝろ こころ kokoro",
        "いすゞ いすず isuzu",
        "ヱヴァンゲリヲン エヴァンゲリオン evangerion",
        "ぢづ じず jizu",
        "Pokémon pokemon ＰＯＫÉＭＯＮ",
        "Straße STRASSE strasse",
        "Łódź łódź lodz",
        "ウルトラマン・タロウ ウルトラマンタロー urutoramantarou",
        "らんま1/2 ランマ½ ranma1⁄2",
        "㌔メートル キロメートル",
    ],
)
def test_spellings_that_count_as_one(spellings):
    assert len({fold(spelling) for spelling in spellings.split()}) == 1


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("sinkansen", "しんかんせん"),
        ("syôzyo", "ショウジョ"),
        ("huzi", "ふじ"),
        ("tuki", "つき"),
        ("shimbun", "しんぶん"),
        ("matcha", "まっちゃ"),
        ("maccha", "まっちゃ"),
        ("kimi wo", "君ヲ キミヲ"),
        ("kimi o", "キミヲ"),
        ("boku wa", "ぼくは"),
        ("bokuha", "Boku wa"),
        ("world", "New World"),
        ("wa", "わたし"),
        ("paatii", "パーティー"),
        ("ハナ", "Hana to Alice"),
        ("title", "A Title"),
        ("あに", "BOOKあにめ"),
        ("あい", "親アイ"),
        ("ないしょ", "はなしないしょ"),
        ("しんあい", "シンアイナル"),
        ("shinai", "しんあい"),
        ("shin'ai", "しんあい"),
        ("あいなる", "しんあいなる"),
    ],
)
def test_other_ways_to_write_it_are_understood(typed, title):
    assert is_found(typed, [title])


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("うみ", "つみ"),
        ("すき", "つき"),
        ("ひま", "しま"),
        ("や", "しゃしん"),
        ("かん", "かなた"),
        ("あに", "かに"),
        ("せんしゃ", "戦車"),
        ("umi", "月"),
    ],
)
def test_what_is_not_in_a_title_is_not_found_in_it(typed, title):
    assert not is_found(typed, [title])


def test_a_vowel_that_another_made_long_is_still_there():
    assert is_found("うた", ["愛のうた"])
    assert is_found("うま", ["こうま"])
    assert is_found("koma", ["こうま"])


def test_a_title_without_letters_is_found_by_its_signs():
    assert is_found("!!", ["!!"])
    assert is_found("！", ["!!"])
    assert not is_found("?", ["!!"])


def test_of_a_long_question_only_some_grams_are_looked_up():
    assert len(grams_of(fold("kazenomachi no monogatari " * 40))) <= search_keys.MAX_GRAMS
