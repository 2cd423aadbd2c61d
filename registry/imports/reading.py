"""Rows of a catalogue, one at a time: CSV, JSON Lines, Excel; the first two also with gzip.

A file is read once before anything is stored, so that a broken end does not show after half of it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from registry.imports.lines import lines
from registry.imports.mapping import Format, Map
from registry.imports.problems import UnreadableError
from registry.imports.workbooks import sheet_rows

MAX_CELL_CHARACTERS = 4_000_000

Row = tuple[int, dict[str, str]]

_ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}
# One whole cell with what ends it; a quotation mark at its beginning closes at its end.
_CELL = re.compile(r'(?:"[^"]*(?:""[^"]*)*"|(?!")[^,\r\n]*)(?:,|\r\n?|\n|\Z)')


def rows(path: Path, chart: Map) -> Iterator[Row]:
    """Line number and cells of each row, by the names of the columns; only mapped columns are kept.

    Raises:
        UnreadableError: the file cannot be read to its end, or lacks a mapped column.
    """
    form = chart.format or _ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower())
    if form is None:
        do = 'say format = "csv", "jsonl" or "xlsx" in the map'
        raise UnreadableError(1, "column 1", f"no format is known by the ending of {path.name!r}", do)
    return _READERS[form](path, chart)


def count(found: Iterable[Row]) -> int:
    """How many rows there are, read to the last byte."""
    return sum(1 for _ in found)


def _csv(path: Path, chart: Map) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    record: list[str] = []
    reader = csv.reader(_kept(lines(path, chart.encoding), record), strict=True)
    header: Sequence[str] = ()
    line = 1
    try:
        header = next(reader, [])
        picked = _picked(header, chart)
        while True:
            line = reader.line_num + 1
            record.clear()
            cells = next(reader, None)
            if cells is None:
                return
            if cells:
                if len(cells) != len(header):
                    _refuse_width(line, header, len(cells))
                yield line, {name: cells[index] for name, index in picked}
    except csv.Error as error:
        do = "a cell is too long, or a quotation mark is not closed: mend the row"
        raise UnreadableError(line, _named(header, _faulty_cell(record)), str(error), do) from None


def _kept(text: Iterable[str], record: list[str]) -> Iterator[str]:
    """The same lines; ``record`` has those of the row that is being read, to look where it is at fault."""
    for line in text:
        record.append(line)
        yield line


def _faulty_cell(record: Sequence[str]) -> int:
    """Index of the first cell that is not whole, or too long."""
    text, start, index = "".join(record), 0, 0
    while (cell := _CELL.match(text, start)) and cell.end() < len(text) and len(cell[0]) <= MAX_CELL_CHARACTERS:
        start, index = cell.end(), index + 1
    return index


def _named(header: Sequence[str], index: int) -> str:
    """A column by its name, else by its number."""
    return f"column {header[index] if index < len(header) and header[index] else index + 1}"


def _refuse_width(line: int, header: Sequence[str], found: int) -> None:
    problem = f"{found} cells under a header of {len(header)}"
    place = _named(header, min(found, len(header)))
    raise UnreadableError(line, place, problem, "quote cells that hold commas or line ends, and leave none out")


def _picked(header: Sequence[str], chart: Map) -> list[tuple[str, int]]:
    """Which columns are read, by name and index."""
    for index, name in enumerate(header):
        if name and name in header[:index]:
            raise UnreadableError(1, f"column {index + 1}", f"two columns are called {name!r}", "rename one of them")
    for name in chart.columns:
        if name not in header:
            problem = f"no column is called {name!r}"
            raise UnreadableError(1, "column 1", problem, "name the columns of this file in the map")
    return [(name, header.index(name)) for name in chart.columns]


def _jsonl(path: Path, chart: Map) -> Iterator[Row]:
    # Numbers stay as they are written.
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_twins, parse_int=str, parse_float=str, parse_constant=_refuse_constant
    )
    missing, line = set(chart.columns), 1
    for line, text in enumerate(lines(path, chart.encoding), 1):
        if text.strip():
            found = _object(line, text, decoder)
            missing -= found.keys()
            yield line, {name: _as_text(line, name, found.get(name)) for name in chart.columns}
    for name in chart.columns:
        if name in missing:
            raise UnreadableError(line, f"column {name}", "no row has it", "name the members of this file in the map")


def _object(line: int, text: str, decoder: json.JSONDecoder) -> dict[str, Any]:
    do = "write one JSON object a line"
    try:
        found = decoder.decode(text)
    except RecursionError:
        raise UnreadableError(line, "character 1", "nested too deep", do) from None
    except ValueError as error:
        place = getattr(error, "colno", 1)
        raise UnreadableError(line, f"character {place}", getattr(error, "msg", str(error)), do) from None
    if not isinstance(found, dict):
        raise UnreadableError(line, "character 1", "no JSON object", do)
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name in found:
        if len(found) != len(pairs) and sum(other == name for other, _ in pairs) > 1:
            raise ValueError(f"the member {name!r} stands there twice")
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _as_text(line: int, name: str, value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
    do = "write one text, with the separator of the map between several"
    raise UnreadableError(line, f"column {name}", "a list or an object", do)


def _xlsx(path: Path, chart: Map) -> Iterator[Row]:
    found = sheet_rows(path, chart.sheet)
    line, first = next(found, (1, {}))
    header = [first.get(index, "") for index in range(1, max(first, default=0) + 1)] if line == 1 else []
    picked = _picked(header, chart)
    for line, cells in found:
        yield line, {name: cells.get(index + 1, "") for name, index in picked}


_READERS: dict[Format, Callable[[Path, Map], Iterator[Row]]] = {"csv": _csv, "jsonl": _jsonl, "xlsx": _xlsx}
