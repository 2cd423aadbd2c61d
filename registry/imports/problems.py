"""What is wrong or worth knowing in a catalogue, with the place and what to do."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from priorconsent.errors import MalformedError


class Problem(msgspec.Struct, frozen=True):
    """One remark on a row.

    Args:
        level: ``error``: the row was not taken; ``note``: it was, and somebody should look.
        line: counted from one, in the file as it lies there; of a spreadsheet, the row.
        column: name of the column; where that is not known, the place in other words, such as ``byte 6``; empty
            for the whole row.
    """

    level: Literal["error", "note"]
    line: int
    column: str
    problem: str
    do: str


class UnreadableError(MalformedError):
    """The file as a whole cannot be read.

    Args:
        place: ``column …``, ``byte …`` or ``character …``.
    """

    def __init__(self, line: int, place: str, problem: str, do: str) -> None:
        self.problem = Problem("error", line, place.removeprefix("column "), problem, do)
        self._said = (line, place, problem, do)
        super().__init__(f"line {line}, {place}: {problem}; {do}")

    def __reduce__(self) -> tuple[Any, ...]:
        # It travels between processes.
        return type(self), self._said
