"""Kana in Latin letters, one spelling for each sound, so that a title is found however its sounds are typed.

For looking things up only, and no romanisation to print: long vowels and doubled consonants are written short.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Modified Hepburn, but every を is "o", and what has one sound has one spelling (ず and づ, ゑ and え).
_SOUNDS: Final = """
ア a イ i ウ u エ e オ o ァ a ィ i ゥ u ェ e ォ o イェ ye ウィ wi ウェ we ウォ wo
カ ka キ ki ク ku ケ ke コ ko ガ ga ギ gi グ gu ゲ ge ゴ go ヵ ka ヶ ke クァ kwa クィ kwi クェ kwe クォ kwo グァ gwa
サ sa シ shi ス su セ se ソ so ザ za ジ ji ズ zu ゼ ze ゾ zo スィ si ズィ zi
シャ sha シュ shu シェ she ショ sho ジャ ja ジュ ju ジェ je ジョ jo
タ ta チ chi ツ tsu テ te ト to ダ da ヂ ji ヅ zu デ de ド do ッ -
チャ cha チュ chu チェ che チョ cho ヂャ ja ヂュ ju ヂョ jo ティ ti テュ tyu ディ di デュ dyu トゥ tu ドゥ du
ツァ tsa ツィ tsi ツェ tse ツォ tso
ナ na ニ ni ヌ nu ネ ne ノ no ン n
ハ ha ヒ hi フ fu ヘ he ホ ho バ ba ビ bi ブ bu ベ be ボ bo パ pa ピ pi プ pu ペ pe ポ po
ファ fa フィ fi フェ fe フォ fo フュ fyu
マ ma ミ mi ム mu メ me モ mo ヤ ya ユ yu ヨ yo ャ ya ュ yu ョ yo
ラ ra リ ri ル ru レ re ロ ro ワ wa ヰ i ヱ e ヲ o ヮ wa
ヴ vu ヴァ va ヴィ vi ヴェ ve ヴォ vo ヴュ vyu ヷ va ヸ vi ヹ ve ヺ vo ー - ゝ - ゞ - ヽ - ヾ -
"""
# Between ん and a vowel, which would be な and the like without it.
APART: Final = "-"
_TO_HIRAGANA: Final = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_VOICED: Final = "\u3099"


def _sounds() -> dict[str, str]:
    said = _SOUNDS.split()
    sounds = {kana: latin.strip("-") for kana, latin in zip(said[::2], said[1::2], strict=True)}
    for first in "キギニヒビピミリ":
        sounds |= {first + small: sounds[first][0] + sounds[small] for small in "ャュョ"}
    return sounds | {kana.translate(_TO_HIRAGANA): latin for kana, latin in sounds.items()}


_LATIN: Final = _sounds()
_SOUND: Final = re.compile(".[ァィゥェォャュョぁぃぅぇぉゃゅょ]|.")
_BEFORE_VOWEL: Final = re.compile(
    "([んン])(?=[あいうえおやゆよゐゑをアイウエオヤユヨヰヱヲぁぃぅぇぉゃゅょァィゥェォャュョ])"
)
_AGAIN: Final = re.compile("(.)([ゝヽ]|([ゞヾ]))")


def romaji(kana: str) -> str:
    """A run of kana, hiragana or katakana in composed form, in Latin letters."""
    written = _AGAIN.sub(_twice, kana)
    return _SOUND.sub(_latin, _BEFORE_VOWEL.sub(rf"\1{APART}", written))


def _latin(found: re.Match[str]) -> str:
    kana = found[0]
    return _LATIN[kana] if kana in _LATIN else "".join(_LATIN.get(sign, sign) for sign in kana)


def _twice(found: re.Match[str]) -> str:
    """What an iteration mark stands for: こゝろ is こころ, いすゞ is いすず."""
    voiced = unicodedata.normalize("NFC", found[1] + _VOICED) if found[3] else ""
    return found[1] + (voiced if len(voiced) == 1 else found[1])
