"""What a title is found under, and what somebody who types looks for: pure functions, no database.

Text is *folded*: width, letter case, diacritics, punctuation and blanks go; kana become Latin letters; doubled
letters and long vowels become single ones. A title lies under its *keys*, and is looked up by *grams*, short
pieces of them. What a title holds, its folded form holds too; so what is not found by grams is not there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from registry.romaji import APART, romaji

# Beginning and end of a title, and beginning of a word: no title has them.
EDGE: Final = "|"
WORD: Final = "^"
# Of a long question as many; the rest of it is compared all the same.
MAX_GRAMS: Final = 6

# Runs of one script. What comes between, punctuation and blanks, is left out.
_RUN: Final = re.compile(
    "[ぁ-ゖゝゞ][ぁ-ゖゝゞー]*|[ァ-ヺヽヾー]+|[a-z]+|[0-9]+|(?:(?![ぁ-ゖゝゞァ-ヺヽヾーa-z0-9_ʰ-˿])\\w)+"
)
_MARKED: Final = re.compile("[\u00c0-\u052f\u1e00-\u1fff]")
_MARKS: Final = re.compile("[\u0300-\u036f]+")
# Letters that no normalisation takes apart.
_LETTERS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"})
# っ is written as a doubled consonant; "nn" is two kana, as doubled vowels may be.
_DOUBLED_CONSONANT: Final = re.compile(r"([b-df-hj-mp-tv-z])\1+")
# In this order; where a text has none of them, looking for each is quicker than a regular expression.
_LONG: Final = (("ou", "o"), ("oo", "o"), ("uu", "u"), ("aa", "a"), ("ii", "i"), ("ee", "e"), ("nn", "n"))
_TAKEN_IN: Final = frozenset("aiueon")
# Particles are spelt by sound or by kana.
_PARTICLES: Final = {"wo": "o", "wa": "ha"}
# How others romanise: Kunrei, Nihon-shiki, and what input methods take. Only of what is typed: half of a word may be.
_OURS: Final = {
    theirs: ours
    for pair in "sy=sh zy=j jy=j cy=ch ty=ch hu=fu si=shi ti=chi zi=ji di=ji tu=tsu du=zu tch=ch m=n wo=o".split()
    for theirs, ours in [pair.split("=")]
}
_OTHERS: Final = re.compile("[szjct]y(?=[auo])|(?<![sc])hu|[stzd]i|(?<!t)tu|du|tch|m(?=[bp])|wo")

_NARROW: Final = "!-~"
# Three Latin letters or digits, else two characters; what reaches over an edge finds nothing.
_GRAM: Final = re.compile(f"(?=([{_NARROW}][a-z0-9{APART}][{_NARROW}]|[{_NARROW}][^{_NARROW}]|[^{_NARROW}].))")
_WIDE: Final = re.compile(f"[^{_NARROW}]")
# Where a kana begins after a letter that could be part of it.
_KANA_BEGINS: Final = re.compile(r"(?<=[b-df-hj-np-tv-z]) (?=[aiueoyhs])")
# Which letters, right before one, belong to the same kana: す is not in つ, though "su" is in "tsu".
_CONSONANTS: Final = "b-df-hj-np-tv-z"
_SAME_KANA: Final = {**dict.fromkeys("aiueoy", _CONSONANTS), "h": "cs", "s": "t"}


class Entry(NamedTuple):
    """Where a work is found.

    Args:
        length: of its main title, in characters as it is written.
        keys: its folded titles, each once, with ``EDGE`` before, between and behind them.
        grams: pieces of ``keys``, and beginnings of words, each once, with blanks between them.
    """

    length: int
    keys: str
    grams: str


class _Word(NamedTuple):
    """A run of one script.

    Args:
        particle: how it sounds if it is a particle; else empty.
        letter: the one letter of which it consists, however often; else empty.
        beginnings: grams for its first letter and its first two; none if they are not Latin.
    """

    sound: str
    particle: str
    letter: str
    beginnings: tuple[str, ...]


class Needle(NamedTuple):
    """One thing to look for.

    Args:
        text: folded.
        after: letters (as in a regular expression) that may not stand right before it; empty: any may.
        before: the same, right behind it.
    """

    text: str
    after: str = ""
    before: str = ""


def fold(text: str) -> str:
    """The one form of all spellings that count as the same; folding it again changes nothing."""
    return _forms([_sounds(run) for run in _runs(text)])[0]


def entry_of(titles: Iterable[tuple[str, str]]) -> Entry:
    """Where a work with these titles is found.

    Args:
        titles: form and text of each; of several main titles the first counts as the one.
    """
    told = list(titles)
    main = next((text for form, text in told if form == "main"), told[0][1] if told else "")
    keys: dict[str, None] = {}
    grams: set[str] = set()
    for text in dict.fromkeys(text for _, text in told):
        words = [_word(run) for run in _runs(text)]
        keys.update(dict.fromkeys(_forms([word.sound for word in words])))
        if any(word.particle for word in words):
            keys.update(dict.fromkeys(_forms([word.particle or word.sound for word in words])))
        grams.update(*[word.beginnings for word in words])
        # What is typed as two letters may be two words, such as figures.
        pairs = [(one.letter, two.sound[0]) for one, two in pairwise(words) if one.letter and two.beginnings]
        grams.update([WORD + first + second for first, second in pairs])
    joined = f"{EDGE}{EDGE.join(filter(None, keys))}{EDGE}"
    grams.update(_GRAM.findall(joined), _WIDE.findall(joined))
    return Entry(len(main), joined, " ".join(grams))


def needles(text: str) -> tuple[Needle, ...]:
    """What to look for, each of them as good as the others; none if the text says nothing."""
    runs = _runs(text)
    if not runs:
        return ()
    after, before = _edges(runs)
    sounds = [_sounds(run) for run in runs]
    particles = [_PARTICLES.get(run, sound) for run, sound in zip(runs, sounds, strict=True)]
    others = _OTHERS.sub(_as_ours, "".join(sounds))
    forms = [_forms(alike) for alike in (sounds, particles, [others])]
    # A title that has the text has its short form too, unless a vowel before it, or ん, took its beginning in.
    if not (after or before or forms[0][0][:1] in _TAKEN_IN):
        forms = [alike[:1] for alike in forms]
    found = dict.fromkeys(form for alike in forms for form in alike)
    return tuple(Needle(form, after, before) for form in found if form)


def grams_of(text: str) -> Sequence[str]:
    """Grams that every key with this text in it has; a word of one or two Latin letters has only its beginning."""
    pieces = list(dict.fromkeys(_GRAM.findall(text)))
    if len(pieces) > MAX_GRAMS:
        pieces = pieces[:: -(-len(pieces) // MAX_GRAMS)]
    return pieces or ([text] if _WIDE.match(text) else [WORD + text.strip(EDGE)])


def _runs(text: str) -> list[str]:
    """The text in runs of one script, without marks and case; kana still as kana."""
    if text.isascii():
        return _RUN.findall(text.lower()) or _symbols(text)
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if _MARKED.search(plain):
        apart = _MARKS.sub("", unicodedata.normalize("NFD", plain))
        plain = unicodedata.normalize("NFC", apart).translate(_LETTERS)
    return _RUN.findall(plain) or _symbols(plain)


def _symbols(plain: str) -> list[str]:
    """Of a title without any letter its signs, as wide as kanji."""
    kept = (sign for sign in plain if not sign.isspace() and unicodedata.category(sign)[0] != "C")
    found = "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() else sign for sign in kept)
    return [found] if found else []


@lru_cache(1 << 16)
def _word(run: str) -> _Word:
    sound = _sounds(run)
    if not sound.isascii() or not sound:
        return _Word(sound, "", "", ())
    short = _short(_single(sound))
    said = (sound, short, _PARTICLES.get(run, sound))
    beginnings = {WORD + one[:length] for one in said for length in (1, 2)}
    return _Word(sound, _PARTICLES.get(run, ""), short if len(short) == 1 else "", tuple(beginnings))


def _sounds(run: str) -> str:
    return romaji(run) if "ぁ" <= run[0] <= "ヾ" else run


def _forms(sounds: Sequence[str]) -> tuple[str, ...]:
    """The short form first, in which all spellings are one; then as it is spelt; then so that kana stay apart.

    のうた is "nota" if that is one long vowel, and "nouta" for whoever looks for うた.
    """
    apart = _single(_KANA_BEGINS.sub(APART, " ".join(sounds)).replace(" ", ""))
    if APART not in apart:
        return _short(apart), apart
    spelt = _single(apart.replace(APART, ""))
    return _short(spelt), spelt, apart


def _single(spelt: str) -> str:
    return _DOUBLED_CONSONANT.sub(_first_letter, spelt)


def _short(spelt: str) -> str:
    for long, short in _LONG:
        while long in spelt:
            spelt = spelt.replace(long, short)
    return spelt


def _first_letter(found: re.Match[str]) -> str:
    return found[0][0]


def _as_ours(found: re.Match[str]) -> str:
    return _OURS[found[0]]


def _edges(runs: Sequence[str]) -> tuple[str, str]:
    """Which letters may not stand beside what was typed in kana: うみ is not in つみ, nor かん in かな."""
    first, last = runs[0], runs[-1]
    sound = _sounds(first)
    after = _SAME_KANA.get(sound[:1], "") if sound != first else ""
    return after, "aiueoy" if last[-1] in "んン" else ""
