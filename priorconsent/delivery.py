"""Handing a signed list in: piece by piece, each tried again until the registry has answered.

Whether a piece that was cut off arrived is not known, and need not be: handed in again, what is there already is told
to be there, and nothing is done twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from priorconsent import lists
from priorconsent.client import Registry
from priorconsent.errors import MalformedError, PriorConsentError, UnreachableError
from priorconsent.lists import LineError, Outcome, Source

MEDIA_TYPE: Final = "application/jsonl"
ADDRESS: Final = "api/v1/statements"
# Below what a registry reads of one request.
MAX_PIECE_BYTES: Final = 2 << 20
# Between tries, in seconds: a server that restarts is back by then.
PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that are handed in at once.

    Args:
        numbers: of the lines in the list, from one.
        digests: of the statements, in the same order.
    """

    numbers: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()
    body: bytes = b""

    def holds(self, line: bytes) -> bool:
        """Whether one more line fits."""
        return len(self.numbers) < lists.MAX_LINES_AT_ONCE and len(self.body) + len(line) < MAX_PIECE_BYTES

    def with_line(self, number: int, digest: str, line: bytes) -> Piece:
        """The same with one more line."""
        return replace(
            self, numbers=(*self.numbers, number), digests=(*self.digests, digest), body=self.body + line + b"\n"
        )


def pieces(source: Source) -> Iterator[Piece]:
    """A signed list in pieces.

    Raises:
        LineError: a line that is no signed statement of a type that lists hold.
    """
    piece = Piece()
    for number, line in lists.lines(source):
        try:
            signed = lists.read_signed(line)
        except PriorConsentError as error:
            raise LineError(number, error, "sign the list anew, and change no line of it") from error
        if not piece.holds(line):
            yield piece
            piece = Piece()
        piece = piece.with_line(number, signed.digest, line)
    if piece.numbers:
        yield piece


def deliver(
    registry: Registry, piece: Piece, api_key: str | None = None, pauses_s: Sequence[float] = PAUSES_S
) -> tuple[Outcome, ...]:
    """Hand one piece in.

    Args:
        pauses_s: between one try and the next.

    Returns:
        What became of each line, by its number in the list.

    Raises:
        RefusedError: the registry takes no such piece.
        UnreachableError: it did not answer, however often it was tried.
    """
    for pause_s in pauses_s:
        try:
            return _deliver(registry, piece, api_key)
        except UnreachableError:
            time.sleep(pause_s)
    return _deliver(registry, piece, api_key)


def _deliver(registry: Registry, piece: Piece, api_key: str | None) -> tuple[Outcome, ...]:
    raw = registry.post(ADDRESS, piece.body, MEDIA_TYPE, api_key=api_key, max_bytes=lists.MAX_ANSWER_BYTES)
    try:
        told = lists.read_outcomes(raw).outcomes
    except MalformedError as error:
        raise UnreachableError(f"the registry's answer is not one to a list: {error}") from error
    # An answer about other lines, or in another order, would tell that something arrived which did not.
    if [one.line for one in told] != list(range(1, len(piece.numbers) + 1)):
        raise UnreachableError("the registry's answer does not match the lines that were handed in")
    taken = {one.evidence: digest for one, digest in zip(told, piece.digests, strict=True) if one.outcome != "refused"}
    if any(evidence != digest for evidence, digest in taken.items()):
        raise UnreachableError("the registry's answer is about other statements than were handed in")
    return tuple(msgspec.structs.replace(one, line=number) for one, number in zip(told, piece.numbers, strict=True))
