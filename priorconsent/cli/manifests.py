"""Manifests: a vendor's rows, read and written again with an answer beside each.

Rows keep what they had: CSV fields as text, JSON members byte for byte.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from priorconsent import query
from priorconsent.errors import MalformedError, NotAvailableError

ADDED = ("verdict", "reason", "grants", "binding", "size")
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
        writer: gives what writes a row and its answer into a file.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    value: Callable[[Row, str], Any]
    writer: Callable[[IO[bytes]], Write]


Form = Callable[[IO[bytes]], Table]


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


def key_column(columns: tuple[str, ...], chosen: str | None) -> str:
    """The column that says what a row is about.

    Raises:
        MalformedError: none or several, or a column that the answers would overwrite.
    """
    taken = sorted(set(columns) & set(ADDED))
    if taken:
        raise MalformedError(f"the manifest has columns of the answer already: {', '.join(taken)}; rename them")
    found = [name for name in query.KEYS if name in columns] if chosen is None else [chosen]
    if len(found) > 1:
        raise MalformedError(f"several columns could be the key: {', '.join(found)}; choose by --key-column")
    if not found or found[0] not in columns:
        raise MalformedError(f"no column is the key: name it one of {', '.join(query.KEYS)}")
    return found[0]


def open_csv(file: IO[bytes]) -> Table:
    """RFC 4180 in UTF-8, with a header."""
    records = _csv_records(file)
    header = tuple(next(records, ()))
    if not header or len(set(header)) != len(header):
        raise MalformedError("the first line names each column once")
    return Table(
        columns=header,
        rows=_csv_rows(header, records),
        value=lambda row, column: row[column] or None,
        writer=lambda target: _csv_writer(header, target),
    )


def open_json_lines(file: IO[bytes]) -> Table:
    """A JSON object a line, in UTF-8."""
    rows = _json_rows(file)
    first = next(rows, {})

    def all_rows() -> Iterator[Row]:
        if first:
            yield first
        yield from rows

    return Table(columns=tuple(first), rows=all_rows(), value=_json_value, writer=_json_writer)


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise MalformedError(f"line {number} is longer than {MAX_LINE_BYTES} bytes")
        yield number, line


def _csv_text(file: IO[bytes]) -> Iterator[str]:
    for number, line in _lines(file):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise MalformedError(f"line {number} is not UTF-8") from None


def _csv_records(file: IO[bytes]) -> Iterator[list[str]]:
    reader = csv.reader(_csv_text(file), strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise MalformedError(f"line {reader.line_num} is no CSV: {error}") from None


def _csv_rows(header: tuple[str, ...], lines: Iterator[list[str]]) -> Iterator[Row]:
    for number, record in enumerate(lines, 1):
        # Of a single column, a blank line is a row without a value; dropped, it would shift all others.
        fields = record or [""]
        if len(fields) != len(header):
            raise MalformedError(f"row {number} has {len(fields)} fields instead of {len(header)}")
        yield dict(zip(header, fields, strict=True))


def _csv_writer(header: tuple[str, ...], target: IO[bytes]) -> Write:
    # With another line end csv leaves a lone carriage return unquoted, and others would read two rows.
    writer = csv.writer(codecs.getwriter("utf-8")(target), lineterminator="\r\n")
    writer.writerow([*header, *ADDED])

    def write(row: Row, added: dict[str, Any]) -> None:
        spelled = {**added, "grants": " ".join(added["grants"])}
        writer.writerow([*row.values(), *(spelled[name] for name in ADDED)])

    return write


def _json_rows(file: IO[bytes]) -> Iterator[Row]:
    for number, line in _lines(file):
        try:
            row = _members.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedError(f"line {number} is no JSON object: {error}") from None
        if not row.keys().isdisjoint(ADDED):
            raise MalformedError(f"line {number} has a member of the answer already: rename it")
        yield row


def _json_value(row: Row, column: str) -> Any:
    return msgspec.json.decode(row[column]) if column in row else None


def _json_writer(target: IO[bytes]) -> Write:
    encoder = msgspec.json.Encoder()

    def write(row: Row, added: dict[str, Any]) -> None:
        target.write(encoder.encode({**row, **added}) + b"\n")

    return write


_FORMS: dict[str, Form] = {".csv": open_csv, ".jsonl": open_json_lines, ".ndjson": open_json_lines}
