"""Rows of a workbook (.xlsx), one at a time, each under its own number.

openpyxl opens the workbook; its rows are taken where they are parsed, since only there is known in which cell
something went wrong, and which number a row has.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import IO, Any, cast

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import Stylesheet
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import ARC_STYLE
from openpyxl.xml.functions import fromstring, iterparse

from registry.imports.problems import UnreadableError

# A workbook is a ZIP archive; its table of strings is read into memory whole.
MAX_WORKBOOK_BYTES = 512 * 2**20
# Beyond it a number is not exact, and so no identifier.
_MAX_EXACT = 2**53

_ESCAPED = re.compile("_x(00[0-9A-Fa-f]{2})_")
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"

SheetRow = tuple[int, dict[int, str]]


def sheet_rows(path: Path, sheet: str) -> Iterator[SheetRow]:
    """Number of each row that is not empty, and its cells by the number of their column, both from one.

    Formulas as they stand there: what they give was worked out elsewhere, if at all.

    Args:
        sheet: its name; empty for the first one.

    Raises:
        UnreadableError: with row and column.
    """
    with path.open("rb") as file, _reported("the workbook cannot be opened", lambda: (1, "column 1")):
        _check_archive(file.read(4), path)
        book = ExcelReader(file, read_only=True)
        # No more than the cells rest on: whatever else a workbook holds need not be sound.
        book.read_manifest()
        book.read_strings()
        book.read_workbook()
        with book.archive.open(_chosen(book, sheet)) as cells:
            yield from _parsed(_Sheet(cells, book))


def _check_archive(start: bytes, path: Path) -> None:
    do = "save it as .xlsx, without a password"
    if start == _OLD_OR_LOCKED:
        raise UnreadableError(1, "column 1", "an old workbook, or one with a password", do)
    if not zipfile.is_zipfile(path):
        raise UnreadableError(1, "column 1", "no workbook, or not all of one", do)
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_WORKBOOK_BYTES:
        problem = f"the workbook unpacks to {unpacked} bytes, at most {MAX_WORKBOOK_BYTES} are read"
        raise UnreadableError(1, "column 1", problem, "save it as CSV, or in parts")


def _chosen(book: ExcelReader, sheet: str) -> str:
    """The part of the archive that the sheet is in."""
    named = {found.name: rel.target for found, rel in book.parser.find_sheets() if "chartsheet" not in rel.Type}
    if sheet and sheet not in named:
        problem = f"no sheet is called {sheet!r}, only {', '.join(map(repr, named))}"
        raise UnreadableError(1, "column 1", problem, "name the sheet in the map")
    if not named:
        raise UnreadableError(1, "column 1", "the workbook has no sheet with cells", "save the sheet anew")
    return str(named[sheet] if sheet else next(iter(named.values())))


def _date_styles(book: ExcelReader) -> tuple[set[int], set[int]]:
    """Styles that show a number as a day or a time, and those among them that show a duration."""
    if ARC_STYLE not in book.valid_files:
        return set(), set()
    styles: Any = Stylesheet.from_tree(cast("Any", fromstring(book.archive.read(ARC_STYLE))))
    return styles.date_formats, styles.timedelta_formats


def _parsed(sheet: _Sheet) -> Iterator[SheetRow]:
    last = 0
    # Between rows, a fault lies behind the last one that was whole; within a row, the cell tells of it.
    with _reported("the sheet is broken here", lambda: (last + 1, "column A")):
        for number, cells in sheet.rows():
            if number <= last:
                problem = f"row {number} stands behind row {last}"
                raise UnreadableError(number, "column A", problem, "save the workbook anew")
            last = number
            found = {cell["column"]: cell["value"] for cell in cells if cell["value"]}
            if found:
                yield number, found


class _Sheet(WorkSheetParser):
    """Cells as text; a cell that cannot be read is told with its place."""

    def __init__(self, cells: IO[bytes], book: ExcelReader) -> None:
        # Dates are worked out here: openpyxl would only warn of one that is outside its calendar.
        super().__init__(cells, book.shared_strings, epoch=book.wb.epoch)
        self._dates, self._spans = _date_styles(book)

    def rows(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The rows alone: whatever else a sheet holds need not be sound."""
        data = None
        for event, element in iterparse(self.source, events=("start", "end")):
            if event == "start":
                data = element if element.tag == DATA_TAG else data
            elif element.tag == ROW_TAG and data is not None:
                yield self.parse_row(element)
                # Otherwise the empty rows would stay behind, and memory would grow with them.
                data.clear()

    def parse_cell(self, element: ET.Element) -> dict[str, Any]:
        with _reported("the cell cannot be read", self._place):
            cell = super().parse_cell(element)
            cell["value"] = self._text(cell)
            return cell

    def _place(self) -> tuple[int, str]:
        return self.row_counter, f"column {get_column_letter(max(1, self.col_counter))}"

    def _text(self, cell: dict[str, Any]) -> str:
        value, form = cell["value"], cell["data_type"]
        if value is None:
            return ""
        if form == "n" and cell["style_id"] in self._dates:
            value = from_excel(value, self.epoch, timedelta=cell["style_id"] in self._spans)
        if form == "e":
            raise ValueError(f"it holds the error {value}")
        return _spelled(value)


def _spelled(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        # A day in a spreadsheet is an instant at midnight.
        case datetime() if value.time() == time.min:
            return value.date().isoformat()
        case str():
            # How Excel writes control characters, which XML cannot hold.
            return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        case int() | datetime() | time():
            return str(value)
    # A formula for several cells is an object around its text.
    return str(getattr(value, "text", None) or "=")


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("no number")
    return str(int(value)) if value.is_integer() and abs(value) < _MAX_EXACT else repr(value)


@contextmanager
def _reported(problem: str, place: Callable[[], tuple[int, str]]) -> Iterator[None]:
    try:
        yield
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl lets through whatever it stumbles over
        line, column = place()
        said = " ".join(f"{problem}: {str(error) or type(error).__name__}".split())
        raise UnreadableError(line, column, said[:300], "mend it and save the workbook anew") from None
