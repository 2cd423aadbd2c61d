"""What is printed for people. It quotes what others wrote, and a terminal obeys more than it shows."""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

# Controls, among them escapes and ends of lines; marks that turn the direction of writing; halves of pairs.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def say(text: str, file: TextIO | None = None) -> None:
    """Print one line, on standard output unless told otherwise."""
    print(plain(text), file=file or sys.stdout)


def plain(text: str) -> str:
    r"""The text with every character that prints as nothing, or moves others, as ``\u001b``."""
    return "".join(f"\\u{ord(one):04x}" if unicodedata.category(one) in _HIDDEN else one for one in text)
