"""An invented catalogue of any size, in the shape of real ones: half series, a quarter films, a quarter games.

Title lengths, scripts, holders for each work, sources and the precision of dates follow 1,300 series and 3,236 films
and games that were counted; every name is made up. A row depends on its number and the seed alone, so that a million
rows take no memory, and the same ones come again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

COLUMNS = (
    *("no", "kind", "title_ja", "title_kana", "title_romaji", "title_en", "synonyms"),
    *("date", "printed", "holders", "source"),
)

MAP = """
catalogue = "invented"
kind = { column = "kind" }
date = { column = "date" }
rights_statement = "printed"
[[identifiers]]
scheme = "invented"
column = "no"
[[titles]]
column = "title_ja"
lang = "ja"
[[titles]]
column = "title_kana"
lang = "ja-Kana"
form = "kana"
[[titles]]
column = "title_romaji"
lang = "ja-Latn"
form = "romaji"
[[titles]]
column = "title_en"
lang = "en"
form = "translated"
[[titles]]
column = "synonyms"
separator = "|"
lang = "und"
form = "alternative"
[[holders]]
column = "holders"
separator = "|"
[[links]]
column = "source"
none = ["Original", ""]
"""

# One work in so many has the titles of an earlier one.
HOMONYM_IN = 120


class Word(NamedTuple):
    """A word in four spellings."""

    ja: str
    kana: str
    romaji: str
    en: str


class Titles(NamedTuple):
    """A title in four spellings."""

    ja: str
    kana: str
    romaji: str
    en: str


# Kanji, kana and loan words side by side, as in real titles: spelling, reading, romaji, English.
_WORDS = """
風,カゼ,Kaze,Wind 海,ウミ,Umi,Sea 空,ソラ,Sora,Sky 星,ホシ,Hoshi,Star 月,ツキ,Tsuki,Moon 花,ハナ,Hana,Flower
雪,ユキ,Yuki,Snow 夢,ユメ,Yume,Dream 町,マチ,Machi,Town 森,モリ,Mori,Forest 城,シロ,Shiro,Castle 剣,ケン,Ken,Sword
魔女,マジョ,Majo,Witch 少女,ショウジョ,Shoujo,Girl 少年,ショウネン,Shounen,Boy 勇者,ユウシャ,Yuusha,Hero
王女,オウジョ,Oujo,Princess 騎士,キシ,Kishi,Knight 機械,キカイ,Kikai,Machine 世界,セカイ,Sekai,World
時間,ジカン,Jikan,Time 図書館,トショカン,Toshokan,Library 学園,ガクエン,Gakuen,Academy
探偵,タンテイ,Tantei,Detective 事件,ジケン,Jiken,Case 料理,リョウリ,Ryouri,Cooking 神様,カミサマ,Kamisama,God
妖怪,ヨウカイ,Youkai,Spirit 物語,モノガタリ,Monogatari,Tale 冒険,ボウケン,Bouken,Adventure 戦争,センソウ,Sensou,War
記憶,キオク,Kioku,Memory 約束,ヤクソク,Yakusoku,Promise 放課後,ホウカゴ,Houkago,After-School
東京,トウキョウ,Toukyou,Tokyo 列車,レッシャ,Ressha,Train 悪役令嬢,アクヤクレイジョウ,Akuyaku-Reijou,Villainess
異世界,イセカイ,Isekai,Otherworld 転生,テンセイ,Tensei,Rebirth 赤い,アカイ,Akai,Red 青い,アオイ,Aoi,Blue
白い,シロイ,Shiroi,White 小さな,チイサナ,Chiisana,Little 遠い,トオイ,Tooi,Far 最後,サイゴ,Saigo,Last
新しい,アタラシイ,Atarashii,New 静かな,シズカナ,Shizukana,Quiet ひみつ,ヒミツ,Himitsu,Secret
ともだち,トモダチ,Tomodachi,Friends おばけ,オバケ,Obake,Ghost ねこ,ネコ,Neko,Cat いぬ,イヌ,Inu,Dog
うた,ウタ,Uta,Song こころ,ココロ,Kokoro,Heart たび,タビ,Tabi,Journey まほう,マホウ,Mahou,Magic ぼく,ボク,Boku,I
わたし,ワタシ,Watashi,Me アイドル,アイドル,Aidoru,Idol ロボット,ロボット,Robotto,Robot
ドラゴン,ドラゴン,Doragon,Dragon クエスト,クエスト,Kuesuto,Quest ファンタジー,ファンタジー,Fantajii,Fantasy
レース,レース,Reesu,Race サッカー,サッカー,Sakkaa,Soccer ピアノ,ピアノ,Piano,Piano カフェ,カフェ,Kafe,Cafe
プラネット,プラネット,Puranetto,Planet ガールズ,ガールズ,Gaaruzu,Girls スター,スター,Sutaa,Star
ナイト,ナイト,Naito,Night ワールド,ワールド,Waarudo,World マスター,マスター,Masutaa,Master ラブ,ラブ,Rabu,Love
バトル,バトル,Batoru,Battle シティ,シティ,Shiti,City エンジン,エンジン,Enjin,Engine
オンライン,オンライン,Onrain,Online
"""
WORDS = tuple(Word(*said.split(",")) for said in _WORDS.split())

_JOINS = (
    *(Word("の", "ノ", "no", "of the"), Word("と", "ト", "to", "and"), Word("は", "ハ", "wa", "Is")),
    *(Word("・", "・", "", ""), Word("", "", "", ""), Word(" ", " ", "", "")),
)
_JOIN_CHANCES = (9, 3, 2, 2, 5, 3)
_ENDS = ("!", "!!", " 2", " II", "2", "☆", "～", "…", " -zero-", "R", " SS", "EX", "。", " The Movie")
_SYLLABLES = tuple(
    (pair.split("=")[0], pair.split("=")[1])
    for pair in (
        "ka=カ ki=キ ku=ク ke=ケ ko=コ sa=サ su=ス se=セ ta=タ te=テ to=ト na=ナ ni=ニ ne=ネ no=ノ "
        "ha=ハ hi=ヒ ma=マ mi=ミ mo=モ ya=ヤ yu=ユ ra=ラ ri=リ ru=ル re=レ ro=ロ wa=ワ a=ア i=イ "
        "ga=ガ gi=ギ za=ザ ji=ジ da=ダ do=ド ba=バ bu=ブ pa=パ pi=ピ sha=シャ shu=シュ cho=チョ n=ン"
    ).split()
)
_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_SOURCES = (
    *("Manga", "Original", "Light novel", "Web manga", "Game", "4-koma manga", "Other"),
    *("Visual novel", "Novel", "Mixed media", "Unknown"),
)

# Running sums, as ``random.choices`` wants them; each row of weights as it was counted.
_SOURCE_SUMS = tuple(accumulate((423, 262, 192, 87, 78, 56, 50, 37, 34, 27, 54)))
_HOLDER_SUMS = tuple(accumulate((175, 197, 162, 131, 114, 121, 113, 77, 75, 50, 42, 19, 11, 7, 2, 3)))
_SYNONYM_SUMS = tuple(accumulate((541, 439, 199, 80, 27, 14)))
_WORD_SUMS = tuple(accumulate((0, 70, 290, 280, 180, 90, 45, 25, 10, 5, 2, 1, 1, 1, 1)))
_JOIN_SUMS = tuple(accumulate(_JOIN_CHANCES))
_NAMED, _ENDED, _HIRAGANA, _LATIN = 0.15, 0.3, 0.3, 0.06
_KINDS = ("series", "series", "film", "game")


def rows(size: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """The rows of a catalogue, by the names of ``COLUMNS``; the beginning of a larger one is the smaller one."""
    for number in range(1, size + 1):
        yield row(number, seed)


def write_csv(path: Path, size: int, seed: int = 0) -> None:
    """The same as a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(found.values() for found in rows(size, seed))


def row(number: int, seed: int = 0) -> dict[str, str]:
    """One row; ``number`` from one."""
    chance = Random((seed << 32) + number)  # noqa: S311 - nothing secret
    same = chance.randrange(1, number) if number > 1 and chance.randrange(HOMONYM_IN) == 0 else number
    title = titles(same, seed)
    kind = _KINDS[number % len(_KINDS)]
    of_kind = _series if kind == "series" else _film_or_game
    return {"no": str(number), "kind": kind, "title_ja": title.ja} | of_kind(chance, kind, title)


def titles(number: int, seed: int = 0) -> Titles:
    """The titles that a row has, unless it borrows another's."""
    chance = Random(~((seed << 32) + number))  # noqa: S311 - nothing secret
    # Mostly with a name in it: common words alone would give the same few titles over and over.
    words = [_name(chance), *(_word(chance) for _ in range(_pick(chance, _WORD_SUMS) - 1))]
    chance.shuffle(words)
    joins = [_JOINS[_pick(chance, _JOIN_SUMS)] for _ in words[1:]]
    end = chance.choice(_ENDS) if chance.random() < _ENDED else ""
    in_order = [words[0], *(part for pair in zip(joins, words[1:], strict=True) for part in pair)]
    ja, kana = "".join(word.ja for word in in_order), "".join(word.kana for word in in_order)
    romaji = " ".join(word.romaji for word in in_order if word.romaji)
    english = " ".join(word.en for word in in_order if word.en)
    if chance.random() < _LATIN:
        ja, kana = romaji.upper(), romaji.upper()
    return Titles(ja + end, kana, romaji + end, english + end)


def _series(chance: Random, kind: str, title: Titles) -> dict[str, str]:
    del kind
    holders = list(dict.fromkeys(_company(chance) for _ in range(_pick(chance, _HOLDER_SUMS))))
    synonyms = dict.fromkeys(_synonym(chance, title) for _ in range(_pick(chance, _SYNONYM_SUMS)))
    return {
        "title_kana": "",
        "title_romaji": title.romaji,
        "title_en": title.en if chance.random() < 0.74 else "",  # noqa: PLR2004 - as counted
        "synonyms": "|".join(synonyms),
        "date": _day(chance, 2006),
        "printed": f"©{'・'.join(holders[:3])}/「{title.ja}」製作委員会" if len(holders) > 1 else "",
        "holders": "|".join(holders),
        "source": _SOURCES[_pick(chance, _SOURCE_SUMS)],
    }


def _film_or_game(chance: Random, kind: str, title: Titles) -> dict[str, str]:
    is_film = kind == "film"
    dated = chance.random() < (0.81 if is_film else 0.66)
    day = _day(chance, 1917 if is_film else 1980)
    return {
        "title_kana": title.kana if is_film else "",
        "title_romaji": "",
        "title_en": title.en if not is_film and chance.random() < 0.8 else "",  # noqa: PLR2004 - as counted
        "synonyms": "",
        # Of games the year alone is known.
        "date": (day if is_film else day[:4]) if dated else "",
        "printed": "",
        "holders": "",
        "source": "Novel" if chance.random() < 0.1 else "",  # noqa: PLR2004 - as counted
    }


def _word(chance: Random) -> Word:
    # Squared, so that some words are common and others are rare.
    return _name(chance) if chance.random() < _NAMED else WORDS[int(chance.random() ** 2 * len(WORDS))]


def _name(chance: Random) -> Word:
    """A name that nobody bears, in katakana or hiragana."""
    syllables = [chance.choice(_SYLLABLES) for _ in range(2 + int(chance.random() * 4))]
    kana = "".join(kana for _, kana in syllables)
    latin = "".join(latin for latin, _ in syllables).capitalize()
    return Word(kana.translate(_TO_HIRAGANA) if chance.random() < _HIRAGANA else kana, kana, latin, latin)


def _company(chance: Random) -> str:
    """One of two thousand companies, a few of them everywhere."""
    number = int(chance.random() ** 4 * 2000)
    return _COMPANIES[number]


def _synonym(chance: Random, title: Titles) -> str:
    return chance.choice((title.en, title.romaji.replace("ou", "o"), f"{title.romaji} {2 + int(chance.random() * 4)}"))


def _day(chance: Random, first_year: int) -> str:
    year = first_year + int((1 - chance.random() ** 2) * (2027 - first_year))
    return f"{year}-{1 + int(chance.random() * 12):02}-{1 + int(chance.random() * 28):02}"


def _pick(chance: Random, sums: tuple[int, ...]) -> int:
    """A place in the list whose running sums these are."""
    goal = chance.random() * sums[-1]
    return next(index for index, total in enumerate(sums) if goal < total)


def _companies() -> tuple[str, ...]:
    chance = Random(0)  # noqa: S311 - nothing secret
    endings = ("Studio", "Pictures", "Works", "Animation", "Entertainment", "Publishing", "Music", "社", "Network")
    return tuple(f"Invented {_name(chance).romaji} {chance.choice(endings)}" for _ in range(2000))


_COMPANIES = _companies()
