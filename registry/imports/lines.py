"""Lines of text in a file, plain or compressed, in the encoding that was announced and in no other."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from registry.imports.problems import UnreadableError

MAX_LINE_BYTES = 16 * 2**20

_UTF8_MARK = "the file begins with the mark of UTF-8"
_MARKS = {
    codecs.BOM_UTF16_LE: ("the file is UTF-16", "save it as UTF-8"),
    codecs.BOM_UTF16_BE: ("the file is UTF-16", "save it as UTF-8"),
    b"PK\x03\x04": ("the file is a workbook, or another archive", 'say format = "xlsx" in the map, or save it as CSV'),
}
_GUESSES = ("cp932", "euc_jp")


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines as text; within a quoted cell their ends stay as they are.

    A carriage return alone ends a line too, though only where it is text already.

    Raises:
        UnreadableError: with the line and the byte.
    """
    codec = codecs.lookup(encoding)
    is_utf8 = codec.name == "utf-8"
    with _opened(path) as raw:
        for number, line in enumerate(_byte_lines(raw), 1):
            data = _without_mark(line, is_utf8=is_utf8) if number == 1 else line
            if not (is_utf8 or data.isascii()):
                _refuse_utf8(number, data, encoding)
            try:
                text = codec.decode(data, "strict")[0]
            except UnicodeDecodeError as error:
                _refuse_bytes(number, error, data)
            yield from io.StringIO(text, newline="") if "\r" in text else (text,)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not is_gzip:
            yield raw
            return
        with gzip.open(raw) as unpacked:
            yield cast("IO[bytes]", io.BufferedReader(unpacked))


def _byte_lines(raw: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while True:
        try:
            line = raw.readline(MAX_LINE_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise UnreadableError(number + 1, "byte 1", f"broken gzip: {error}", "fetch the file again") from None
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE_BYTES:
            problem = f"a line above {MAX_LINE_BYTES} bytes"
            raise UnreadableError(number, f"byte {MAX_LINE_BYTES}", problem, "shorten its cells")
        yield line


def _without_mark(line: bytes, *, is_utf8: bool) -> bytes:
    for mark, (problem, do) in _MARKS.items():
        if line.startswith(mark):
            raise UnreadableError(1, "byte 1", problem, do)
    if not line.startswith(codecs.BOM_UTF8):
        return line
    if not is_utf8:
        raise UnreadableError(1, "byte 1", _UTF8_MARK, 'say encoding = "utf-8" in the map')
    return line.removeprefix(codecs.BOM_UTF8)


def _refuse_bytes(number: int, error: UnicodeDecodeError, line: bytes) -> None:
    do = "save the file as UTF-8, or name its encoding in the map"
    for other in _GUESSES:
        try:
            line.decode(other)
        except UnicodeDecodeError:
            continue
        do = f'it may be {other}: if so, say encoding = "{other}" in the map'
        break
    raise UnreadableError(number, f"byte {error.start + 1}", f"not {error.encoding}", do) from None


def _refuse_utf8(number: int, line: bytes, encoding: str) -> None:
    # UTF-8 read as Shift_JIS may give text too, of other characters. Short runs of half-width kana are UTF-8 by
    # chance; three characters of three bytes each are not.
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return
    if sum(character >= "\u0800" for character in text) > 2:  # noqa: PLR2004
        problem = f"announced as {encoding}, and is UTF-8"
        raise UnreadableError(number, "byte 1", problem, 'say encoding = "utf-8" in the map')
