"""The few sentences of this layer, in the language that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
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
# Of an acknowledged statement that did not come into the log.
NOT_TAKEN: Final[Sentence] = (
    "The log did not take it: another act came first. Keep the acknowledgement; if it is still needed, sign anew.",
    "先に別の行為があったため、ログに記録されませんでした。受領証を保管し、なお必要な場合は改めて署名してください。",
)
LOST: Final[Sentence] = (
    "It was received and is not in the log. Keep the acknowledgement, which proves that, and tell the operator.",
    "受領しましたが、ログにありません。その証拠となる受領証を保管し、運営者に知らせてください。",
)


def said(sentence: Sentence) -> str:
    """The sentence in Japanese if that was asked for, else in English."""
    return in_language(dict(zip(("en", "ja"), sentence, strict=True)))


def in_language(sentences: Mapping[str, str]) -> str:
    """The sentence in the language asked for, else in English."""
    return sentences.get((translation.get_language() or "en")[:2], sentences["en"])
