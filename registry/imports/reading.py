"""Rows of a catalogue, one at a time: CSV, JSON Lines, Excel; the first two also with gzip.

A file is read once before anything is stored, so that a broken end does not show after half of it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import openpyxl

from registry.imports.mapping import Format, Map
from registry.imports.problems import UnreadableError

MAX_LINE_BYTES = 16 * 2**20
MAX_CELL_CHARACTERS = 4_000_000
# A workbook is a ZIP archive; its table of strings is read into memory whole.
MAX_WORKBOOK_BYTES = 512 * 2**20

Row = tuple[int, dict[str, str]]

_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}


def rows(path: Path, chart: Map) -> Iterator[Row]:
    """Line number and cells of each row, by the names of the columns; only mapped columns are kept.

    Raises:
        UnreadableError: the file cannot be read to its end, or lacks a mapped column.
    """
    match chart.format or _ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower()):
        case "csv":
            yield from _csv(path, chart)
        case "jsonl":
            yield from _jsonl(path, chart)
        case "xlsx":
            yield from _xlsx(path, chart)
        case None:
            raise UnreadableError(1, 1, "unknown format", 'say format = "csv", "jsonl" or "xlsx" in the map')


def _csv(path: Path, chart: Map) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with _opened(path) as raw:
        reader = csv.reader(_lines(raw, chart.encoding), strict=True)
        line = 1
        try:
            pick = _picked(next(reader, []), chart, 1)
            width = len(pick[0])
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    if len(cells) != width:
                        _refuse_width(line, len(cells), width)
                    yield line, {name: cells[index] for name, index in pick[1]}
                line = reader.line_num + 1
        except csv.Error as error:
            do = "a cell is too long, or a quotation mark is not closed: mend the row"
            raise UnreadableError(line, 1, str(error), do) from None


def _refuse_width(line: int, found: int, expected: int) -> None:
    problem = f"{found} cells under a header of {expected}"
    raise UnreadableError(line, min(found, expected) + 1, problem, "quote cells that hold commas, and leave none out")


def _picked(header: list[str], chart: Map, line: int) -> tuple[list[str], list[tuple[str, int]]]:
    """The header, and which of its columns are read."""
    for index, name in enumerate(header):
        if name and name in header[:index]:
            raise UnreadableError(line, index + 1, f"two columns are called {name!r}", "rename one of them")
    for name in chart.columns:
        if name not in header:
            raise UnreadableError(line, 1, f"no column is called {name!r}", "name the columns of this file in the map")
    return header, [(name, header.index(name)) for name in chart.columns]


def _jsonl(path: Path, chart: Map) -> Iterator[Row]:
    decoder = json.JSONDecoder(object_pairs_hook=_without_twins)
    with _opened(path) as raw:
        for line, text in enumerate(_lines(raw, chart.encoding), 1):
            if not text.strip():
                continue
            try:
                found = _object(decoder.decode(text))
            except (ValueError, RecursionError) as error:
                column = getattr(error, "colno", 1)
                raise UnreadableError(line, column, str(error), "write one JSON object a line") from None
            yield line, {name: _as_text(found.get(name)) for name in chart.columns}


def _object(found: object) -> dict[str, Any]:
    if isinstance(found, dict):
        return found
    raise ValueError("no JSON object")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _xlsx(path: Path, chart: Map) -> Iterator[Row]:
    try:
        _check_size(path)
        # Formulas as they stand there: what they give was worked out elsewhere, if at all.
        book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
        sheet = book[chart.sheet] if chart.sheet else book.worksheets[0]
        found = sheet.iter_rows(values_only=True)
        header = [_cell(value) for value in next(found, ())]
        picked = _picked(header, chart, 1)[1]
        for line, cells in enumerate(found, 2):
            if any(value is not None for value in cells):
                yield line, {name: _cell(cells[index]) if index < len(cells) else "" for name, index in picked}
        book.close()
    except (zipfile.BadZipFile, zlib.error, KeyError, IndexError, ValueError, OSError, SyntaxError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(1, 1, f"no readable workbook: {error}", "save it anew as .xlsx") from None


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_WORKBOOK_BYTES:
        problem = f"the workbook unpacks to {unpacked} bytes, at most {MAX_WORKBOOK_BYTES} are read"
        raise UnreadableError(1, 1, problem, "save it as CSV, or in parts")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # A day in a spreadsheet is an instant at midnight.
    return text.removesuffix(" 00:00:00")


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


def _lines(raw: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines as text; within a quoted cell their ends stay as they are.

    A carriage return alone ends a line too, though only where it is text already.
    """
    codec = codecs.lookup(encoding)
    is_utf8 = codec.name == "utf-8"
    for number, line in enumerate(_byte_lines(raw), 1):
        data = line
        if number == 1:
            data = _without_mark(line, is_utf8=is_utf8)
        if not (is_utf8 or data.isascii()):
            _refuse_utf8(number, data, encoding)
        try:
            text = codec.decode(data, "strict")[0]
        except UnicodeDecodeError as error:
            _refuse_bytes(number, error, data)
        yield from io.StringIO(text, newline="") if "\r" in text else (text,)


def _byte_lines(raw: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while True:
        try:
            line = raw.readline(MAX_LINE_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise UnreadableError(number + 1, 1, f"broken gzip: {error}", "fetch the file again") from None
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise UnreadableError(number, MAX_LINE_BYTES, f"a line above {MAX_LINE_BYTES} bytes", "shorten its cells")
        yield line


def _without_mark(line: bytes, *, is_utf8: bool) -> bytes:
    for mark, name in _MARKS.items():
        if line.startswith(mark):
            raise UnreadableError(1, 1, f"the file is {name}", "save it as UTF-8")
    if not line.startswith(codecs.BOM_UTF8):
        return line
    if not is_utf8:
        raise UnreadableError(1, 1, "the file begins with the mark of UTF-8", 'say encoding = "utf-8" in the map')
    return line.removeprefix(codecs.BOM_UTF8)


def _refuse_bytes(number: int, error: UnicodeDecodeError, line: bytes) -> None:
    do = "save the file as UTF-8, or name its encoding in the map"
    for other in ("cp932", "euc_jp"):
        try:
            line.decode(other)
        except UnicodeDecodeError:
            continue
        do = f'it may be {other}: if so, say encoding = "{other}" in the map'
        break
    raise UnreadableError(number, error.start + 1, f"not {error.encoding}", do) from None


def _refuse_utf8(number: int, line: bytes, encoding: str) -> None:
    # UTF-8 read as Shift_JIS may give text too, of other characters. Short runs of half-width kana are UTF-8 by
    # chance; three characters of three bytes each are not.
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return
    if sum(character >= "\u0800" for character in text) > 2:  # noqa: PLR2004
        raise UnreadableError(number, 1, f"announced as {encoding}, and is UTF-8", 'say encoding = "utf-8" in the map')


def count(found: Iterable[Row]) -> int:
    """How many rows there are, read to the last byte."""
    return sum(1 for _ in found)
