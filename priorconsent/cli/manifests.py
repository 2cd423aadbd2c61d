"""Manifests: a vendor's rows, read and written again with an answer beside each.

Rows keep what they had: CSV fields as text, JSON members byte for byte.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from priorconsent import query
from priorconsent.errors import MalformedError, NotAvailableError

ADDED = ("verdict", "reason", "grants", "binding", "size")
# Beside all rows, what is wrong with a question is told too.
ADDED_TO_ALL = (*ADDED, "detail")
MAX_LINE_BYTES = 1 << 20

Row = dict[str, Any]
Write = Callable[[Row, dict[str, Any]], None]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Table:
    """An open manifest.

    Args:
        columns: of the header, or the members of the first line.
        rows: read once, in order.
        value: what stands in a row's column; ``None`` if nothing does.
        writer: gives what writes a row and the members of its answer that are named into a file.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    value: Callable[[Row, str], Any]
    writer: Callable[[IO[bytes], tuple[str, ...]], Write]


# A file, and the names that its rows may not have because the answers will.
Form = Callable[[IO[bytes], tuple[str, ...]], Table]


def form_of(path: Path) -> Form:
    """How to read a manifest, by its extension.

    Raises:
        NotAvailableError: Parquet.
        MalformedError: another extension.
    """
    extension = path.suffix.lower()
    if extension == ".parquet":
        raise NotAvailableError(f"{path.name}: Parquet is not available yet; convert it to CSV or JSON Lines")
    form = _FORMS.get(extension)
    if form is None:
        raise MalformedError(f"{path.name}: a manifest ends in {', '.join(_FORMS)}")
    return form


def is_answered(path: Path) -> bool:
    """Whether a file is the output of an earlier run, as far as its beginning tells."""
    try:
        with path.open("rb") as file:
            return set(ADDED) <= set(form_of(path)(file, ()).columns) or path.stat().st_size == 0
    except (OSError, MalformedError, NotAvailableError):
        return False


def key_column(columns: tuple[str, ...], chosen: str | None) -> str:
    """The column that says what a row is about.

    Raises:
        MalformedError: none or several.
    """
    found = [name for name in query.KEYS if name in columns] if chosen is None else [chosen]
    if len(found) > 1:
        raise MalformedError(f"several columns could be the key: {', '.join(found)}; choose by --key-column")
    if not found or found[0] not in columns:
        raise MalformedError(f"no column is the key: name it one of {', '.join(query.KEYS)}")
    return found[0]


def open_csv(file: IO[bytes], reserved: tuple[str, ...] = ADDED) -> Table:
    """RFC 4180 in UTF-8, with a header."""
    records = _csv_records(file)
    header = tuple(next(records, (1, []))[1])
    if not header or len(set(header)) != len(header):
        raise MalformedError("the first line names each column once")
    _check_free(header, reserved, "the first line")
    return Table(
        columns=header,
        rows=_csv_rows(header, records),
        value=lambda row, column: row[column] or None,
        writer=lambda target, added: _csv_writer(header, target, added),
    )


def open_json_lines(file: IO[bytes], reserved: tuple[str, ...] = ADDED) -> Table:
    """A JSON object a line, in UTF-8."""
    rows = _json_rows(file, reserved)
    first = next(rows, {})

    def all_rows() -> Iterator[Row]:
        if first:
            yield first
        yield from rows

    return Table(columns=tuple(first), rows=all_rows(), value=_json_value, writer=_json_writer)


def _check_free(names: Iterable[str], reserved: tuple[str, ...], where: str) -> None:
    taken = sorted(set(names).intersection(reserved))
    if taken:
        raise MalformedError(f"{where} has names of the answer already: {', '.join(taken)}; rename them")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1; every message counts these. A byte order mark is left out."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise MalformedError(f"line {number} is longer than {MAX_LINE_BYTES} bytes")
        yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line


def _csv_text(file: IO[bytes]) -> Iterator[str]:
    for number, line in _lines(file):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError(f"line {number} is not UTF-8") from None


def _csv_records(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The records, each with the line that it ends on."""
    reader = csv.reader(_csv_text(file), strict=True)
    try:
        for record in reader:
            yield reader.line_num, record
    except csv.Error as error:
        raise MalformedError(f"line {reader.line_num} is no CSV: {error}") from None


def _csv_rows(header: tuple[str, ...], records: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    for number, record in records:
        # Of a single column, a blank line is a row without a value; dropped, it would shift all others.
        fields = record or [""]
        if len(fields) != len(header):
            raise MalformedError(f"line {number}: the number of fields is {len(fields)}, of columns {len(header)}")
        yield dict(zip(header, fields, strict=True))


def _csv_writer(header: tuple[str, ...], target: IO[bytes], added: tuple[str, ...]) -> Write:
    # With another line end csv leaves a lone carriage return unquoted, and others would read two rows.
    writer = csv.writer(codecs.getwriter("utf-8")(target), lineterminator="\r\n")
    writer.writerow([*header, *added])

    def write(row: Row, answer: dict[str, Any]) -> None:
        spelled = {**answer, "grants": " ".join(answer["grants"])}
        writer.writerow([*row.values(), *(spelled[name] for name in added)])

    return write


def _json_rows(file: IO[bytes], reserved: tuple[str, ...]) -> Iterator[Row]:
    for number, line in _lines(file):
        try:
            row = _members.decode(line)
            # Members stay as they are spelled, so this only looks for one that stands there twice.
            json.loads(line, object_pairs_hook=_distinct, parse_int=str, parse_float=str)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedError(f"line {number} is no JSON object: {error}") from None
        _check_free(row, reserved, f"line {number}")
        yield row


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    """Programs differ in which of two members of one name they take, so what one checked another would not use."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise MalformedError("a member stands there twice")


def _json_value(row: Row, column: str) -> Any:
    return msgspec.json.decode(row[column]) if column in row else None


def _json_writer(target: IO[bytes], added: tuple[str, ...]) -> Write:
    encoder = msgspec.json.Encoder()

    def write(row: Row, answer: dict[str, Any]) -> None:
        target.write(encoder.encode({**row, **{name: answer[name] for name in added}}) + b"\n")

    return write


_FORMS: dict[str, Form] = {".csv": open_csv, ".jsonl": open_json_lines, ".ndjson": open_json_lines}
