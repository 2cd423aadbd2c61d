"""The few sentences of this layer, in the language that was asked for."""

from __future__ import annotations

from typing import Final

from django.utils import translation

# English, Japanese
Sentence = tuple[str, str]

RECORDED: Final[Sentence] = (
    "Recorded; in force from the next checkpoint.",
    "記録しました。次のチェックポイントから効力を生じます。",
)
WAITS: Final[Sentence] = (
    "Taken; it waits for the other signatures.",
    "受け付けました。ほかの署名を待っています。",
)


def said(sentence: Sentence) -> str:
    """The sentence in Japanese if that was asked for, else in English."""
    return sentence[1] if translation.get_language() == "ja" else sentence[0]
