"""The same rows as CSV, JSON Lines and Excel, so that a test can ask all three the same."""

import csv
import io
import json
import re
import zipfile
from xml.sax.saxutils import escape

PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="works" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def as_csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def as_jsonl(rows: list[list[str]]) -> bytes:
    header, *cells = rows
    return "".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in cells).encode()


def as_xlsx(rows: list[list[str]]) -> bytes:
    return workbook("".join(sheet_row(number, row) for number, row in enumerate(rows, 1)))


def sheet_row(number: int, cells: list[str]) -> str:
    return f'<row r="{number}">{"".join(map(cell, cells))}</row>'


def cell(text: str) -> str:
    # Control characters as Excel spells them, since XML has none.
    spelled = re.sub("[\x00-\x08\x0b-\x1f]", lambda found: f"_x{ord(found[0]):04X}_", text)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(spelled)}</t></is></c>'


def workbook(rows: str | bytes) -> bytes:
    """A workbook of one sheet with these rows as XML, or with these bytes in place of the sheet."""
    sheet = SHEET.format(rows).encode() if isinstance(rows, str) else rows
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in PARTS.items():
            archive.writestr(name, part)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return file.getvalue()


FORMATS = {"csv": as_csv, "jsonl": as_jsonl, "xlsx": as_xlsx}
# The line of the first row below the header.
FIRST = {"csv": 2, "jsonl": 1, "xlsx": 2}
