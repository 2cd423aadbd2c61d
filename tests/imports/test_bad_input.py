"""Whatever a file holds: refused or reported with line and column, and nothing of it half stored."""

import gzip
import io
import zipfile

import openpyxl
import pytest

from registry.imports import batches
from registry.models import CatalogueEntry, Identifier, Import, SuggestedHolder, Work, WorkTitle
from tests.imports.conftest import HEADER, MAP, catalogue
from tests.imports.formats import FIRST, FORMATS, as_jsonl, as_xlsx, cell, sheet_row, workbook

HEAD = HEADER.encode() + b"\n"
NAMES = HEADER.split(",")
LONG = "x" * 10**6


def row(number, **cells):
    said = {"no": number, "kind": "tv", "title": "風の町", "source": "Original"} | cells
    return [said.get(name, "") for name in NAMES]


def jsonl(text):
    return as_jsonl([NAMES, row("1")]) + text.encode()


def stored():
    return [model.objects.count() for model in (Work, WorkTitle, Identifier, CatalogueEntry, Import)]


# --- files that cannot be read to their end

SHIFT_JIS = "2,tv,風の町,,,,,,\n".encode("cp932")
FILES = {
    # CSV, and what holds for every text
    "Shift_JIS that nobody announced": (
        ("c.csv", HEAD + b"1,tv,x,,,,,,\n" + SHIFT_JIS),
        "line 3, byte 6: not utf-8; it may be cp932: if so, say encoding",
    ),
    "UTF-16": (("c.csv", catalogue().decode().encode("utf-16")), "line 1, byte 1: the file is UTF-16; save it as"),
    "twin columns": (("c.csv", HEAD.replace(b"kana", b"title")), "line 1, column 4: two columns are called 'title'"),
    "no such column": (("c.csv", HEAD.replace(b"kana", b"yomi")), "line 1, column 1: no column is called 'kana'"),
    "too few cells": (("c.csv", HEAD + b"1,tv,x,,,,,,\n2,tv,y\n"), "line 3, column kana: 3 cells under a header of 9"),
    "too many cells": (("c.csv", HEAD + b"1,tv,x,,,,,,,,\n"), "line 2, column 10: 11 cells under a header of 9"),
    "an open quotation mark": (
        ("c.csv", HEAD + b'1,tv,x,,,,,,\n2,tv,"y,,,,,,\n'),
        "line 3, column title: unexpected end of data",
    ),
    "text behind a quotation mark": (
        ("c.csv", HEAD + b'2,"tv","y ""y"" y"z,,,,,,\n'),
        "line 2, column title: ',' expected",
    ),
    "a cell beyond all measure": (
        ("c.csv", HEAD + b"1,tv,x,,,,,,\n2,tv,y,,," + b"x" * 4_000_001 + b",,,\n"),
        "line 3, column printed: field larger than field limit",
    ),
    "a line beyond all measure": (
        ("c.csv", HEAD + b"1,tv,x,,,,,,\n2,tv," + b"x" * 17_000_000),
        "line 3, byte 16777216: a line above",
    ),
    "no header": (("c.csv", b""), "line 1, column 1: no column is called"),
    "gzip that was cut": (("c.csv.gz", gzip.compress(catalogue())[:-20]), "line "),
    "no gzip behind its mark": (("c.csv.gz", b"\x1f\x8b\x08broken" * 9), "line 1, byte 1: broken gzip"),
    "a workbook under another name": (
        ("c.csv", as_xlsx([NAMES])),
        "line 1, byte 1: the file is a workbook, or another",
    ),
    # JSON Lines
    "Shift_JIS in JSON Lines": (
        ("c.jsonl", jsonl("") + '{"no": "2", "title": "風"}'.encode("cp932")),
        "line 2, byte 23: not utf-8; it may be cp932",
    ),
    "a line that was cut": (("c.jsonl", jsonl('{"no": ')), "line 2, character 8: Expecting value"),
    "twin members": (("c.jsonl", jsonl('{"no": "1", "no": "2"}')), "line 2, character 1: the member 'no' stands there"),
    "a bare list": (("c.jsonl", jsonl("[]")), "line 2, character 1: no JSON object"),
    "a list in a cell": (("c.jsonl", jsonl('{"title": ["a", "b"]}')), "line 2, column title: a list or an object"),
    "no number": (("c.jsonl", jsonl('{"no": NaN}')), "line 2, character 1: NaN is no JSON"),
    "a bare line end in a text": (
        ("c.jsonl", jsonl('{"no": "1\n"}')),
        "line 2, character 10: Invalid control character",
    ),
    "nesting without end": (("c.jsonl", b"[" * 100_000), "line 1, character 1: nested too deep"),
    "no such member": (("c.jsonl", as_jsonl([["no"], ["1"], ["2"]])), "line 2, column kind: no row has it"),
    "JSON Lines in gzip that was cut": (("c.jsonl.gz", gzip.compress(jsonl(""))[:-9]), "line "),
    # Excel
    "no workbook": (("c.xlsx", b"PK\x03\x04broken"), "line 1, column 1: no workbook, or not all of one; save it as"),
    "a workbook that was cut": (("c.xlsx", as_xlsx([NAMES, row("1")])[:-30]), "line 1, column 1: no workbook"),
    "an old workbook": (("c.xlsx", b"\xd0\xcf\x11\xe0" * 200), "line 1, column 1: an old workbook, or one with a pass"),
    "a workbook without parts": (("c.xlsx", b"PK\x05\x06" + bytes(18)), "line 1, column 1: the workbook cannot be ope"),
    "twin columns in a workbook": (
        ("c.xlsx", as_xlsx([["title" if name == "kana" else name for name in NAMES]])),
        "line 1, column 4: two columns are called 'title'",
    ),
    "no header in a workbook": (
        ("c.xlsx", workbook(sheet_row(2, NAMES))),
        "line 1, column 1: no column is called 'kind'",
    ),
    "an empty sheet": (("c.xlsx", workbook("")), "line 1, column 1: no column is called"),
    "an error in a cell": (
        ("c.xlsx", workbook(sheet_row(1, NAMES) + f'<row r="7">{cell("1")}<c t="e"><v>#REF!</v></c></row>')),
        "line 7, column B: the cell cannot be read: it holds the error #REF!",
    ),
    "a string that the workbook lacks": (
        ("c.xlsx", workbook(sheet_row(1, NAMES) + '<row r="2"><c r="D2" t="s"><v>99</v></c></row>')),
        "line 2, column D: the cell cannot be read: list index out of range",
    ),
    "a number that is none": (
        ("c.xlsx", workbook(sheet_row(1, NAMES) + f'<row r="2">{cell("1")}<c><v>1e999</v></c></row>')),
        "line 2, column B: the cell cannot be read: no number",
    ),
    "rows out of order": (
        ("c.xlsx", workbook(sheet_row(1, NAMES) + sheet_row(5, row("1")) + sheet_row(4, row("2")))),
        "line 4, column A: row 4 stands behind row 5",
    ),
    "a sheet that breaks off": (
        ("c.xlsx", workbook(f"<worksheet {'xmlns='}".encode() + b"'x'><sheetData")),
        "line 1, column A: the sheet is broken here",
    ),
    "a sheet in Shift_JIS": (
        ("c.xlsx", workbook(b'<?xml version="1.0" encoding="Shift_JIS"?><worksheet/>')),
        "line 1, column ",
    ),
    # neither
    "no known ending": (("c.txt", b"no"), "line 1, column 1: no format is known by the ending of 'c.txt'"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("file", "said"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_to_its_end_is_refused_before_anything_is_stored(importing, file, said, whole):
    assert importing.refused(importing.write(*file), whole=whole, batch=1).startswith(said)
    assert stored() == [0, 0, 0, 0, 0]


def test_a_sheet_that_breaks_in_its_middle_is_refused_by_the_row(importing):
    sheet = workbook(sheet_row(1, NAMES) + sheet_row(2, row("1")) + sheet_row(3, row("2")) + "<row r='4'><c>")
    said = importing.refused(importing.write("c.xlsx", sheet), whole=False, batch=1)
    assert said.startswith("line 4, column A: the sheet is broken here: mismatched tag")
    assert stored() == [0, 0, 0, 0, 0]


def test_the_process_that_reads_ahead_refuses_in_the_same_words(importing, monkeypatch):
    content = HEAD + b"1,tv,x,,,,,,\n2,tv,y\n"
    said = importing.refused(content)
    monkeypatch.setattr(batches, "AHEAD_FROM_BYTES", 0)
    assert importing.refused(content) == said


# --- files that are read

ROWS = {
    "a line end in a title": ({"title": "a\nb"}, "title", "control character U+000A"),
    "a NUL in a title": ({"title": "a\0b"}, "title", "control character U+0000"),
    "a NUL in what is printed": ({"printed": "©\0"}, "printed", "control characters"),
    "a NUL in a number": ({"no": "2\0"}, "no", "control character U+0000"),
    "a title of a million characters": ({"title": LONG}, "title", "1000000 characters"),
    "a holder of a million characters": ({"holders": LONG}, "holders", "1000000 characters"),
    "a million characters printed": ({"printed": LONG}, "printed", "1000000 characters"),
    "a number of a million characters": ({"no": LONG}, "no", "1000000 characters"),
    "a date of a million characters": (
        {"date": LONG},
        "date",
        "not a date of the form 2024, 2024-05 or 2024-05-03",
    ),
    "a kind of a million characters": ({"kind": LONG}, "kind", f"no kind of work: {LONG[:40]!r}"),
    "a source of a million characters": ({"source": LONG}, "source", "1000000 characters"),
    "no number": ({"no": ""}, "no", "no identifier"),
    "no title": ({"title": " "}, "title", "no title"),
    "no such day": ({"date": "2024-02-30"}, "date", "not a date of the form 2024, 2024-05 or 2024-05-03"),
    "a part too few": ({"holders": "A|B", "parts": "50%"}, "parts", "1 parts for 2 holders"),
    "a number that is there": ({"no": "1"}, "no", "line {} has this identifier too"),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("cells", "column", "problem"), ROWS.values(), ids=ROWS)
def test_a_row_with_an_error_is_told_by_line_and_column_and_left_out(importing, form, cells, column, problem):
    content = FORMATS[form]([NAMES, row("1"), row("2", **cells), row("3")])
    summary = importing(importing.write(f"c.{form}", content), whole=False, batch=1)
    assert importing.places == [("error", FIRST[form] + 1, column)]
    assert importing.problems[0].problem == problem.format(FIRST[form])
    assert importing.problems[0].do
    assert (summary.added, summary.errors) == (2, 1)
    assert stored() == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_with_an_error_keeps_out_the_whole_file_if_that_was_asked_for(importing, form):
    content = FORMATS[form]([NAMES, row("1"), row("2", title="\0"), row("3")])
    assert not importing(importing.write(f"c.{form}", content), batch=1).stored
    assert stored() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("form", FORMATS)
def test_a_formula_is_text_and_is_reported(importing, form):
    content = FORMATS[form]([NAMES, row("1", title='=HYPERLINK("x")', holders="=A1")])
    importing(importing.write(f"c.{form}", content))
    assert importing.places == [("note", FIRST[form], "title"), ("note", FIRST[form], "holders")]
    assert Work.objects.get().title("ja") == '=HYPERLINK("x")'
    assert SuggestedHolder.objects.get().name == "=A1"


@pytest.mark.parametrize("form", FORMATS)
def test_a_title_in_another_form_of_unicode_is_normalised_and_reported(importing, form):
    importing(importing.write(f"c.{form}", FORMATS[form]([NAMES, row("1", title="カ\u3099ンダム")])))
    assert importing.places == [("note", FIRST[form], "title")]
    assert Work.objects.get().title("ja") == "ガンダム"


@pytest.mark.parametrize("form", FORMATS)
def test_a_character_that_was_lost_elsewhere_is_reported(importing, form):
    importing(importing.write(f"c.{form}", FORMATS[form]([NAMES, row("1", title="風\ufffd町")])))
    assert importing.places == [("note", FIRST[form], "title")]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_shift_jis_that_is_announced_is_read(importing, form):
    text = FORMATS[form]([NAMES, row("1"), row("2")]).decode()
    text = text.encode().decode("unicode_escape") if form == "jsonl" else text
    importing(importing.write(f"c.{form}", text.encode("cp932")), f'encoding = "cp932"\n{MAP}')
    assert Work.objects.filter(titles__text="風の町").count() == 2


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_utf_8_announced_as_shift_jis_is_refused_rather_than_misread(importing, form):
    text = f"1,tv,風の町,{'x' * 9}\n" if form == "csv" else '{"title": "風の町"}\n'
    said = importing.refused(importing.write(f"c.{form}", text.encode()), f'encoding = "cp932"\n{MAP}')
    assert said.startswith("line 1, byte 1: announced as cp932, and is UTF-8")


@pytest.mark.parametrize("form", FORMATS)
def test_a_byte_order_mark_does_no_harm(importing, form):
    content = FORMATS[form]([NAMES, row("1")])
    marked = b"\xef\xbb\xbf" + content if form != "xlsx" else workbook(b"\xef\xbb\xbf" + _sheet(row("1")))
    assert importing(importing.write(f"c.{form}", marked)).added == 1
    assert importing.problems == []


def _sheet(*rows):
    with zipfile.ZipFile(io.BytesIO(as_xlsx([NAMES, *rows]))) as archive:
        return archive.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_mixed_line_ends_do_no_harm(importing, form):
    first, *others = FORMATS[form]([NAMES, row("1"), row("2"), row("3"), row("4", title="ended")]).splitlines()
    ends = [b"\r\n", b"\n", b"\r", b""]
    content = first + b"\n" + b"".join(line + end for line, end in zip(others, ends[-len(others) :], strict=True))
    assert importing(importing.write(f"c.{form}", content)).added == 4
    assert importing.problems == []


def test_a_line_number_counts_the_lines_within_cells(importing):
    importing(catalogue('1,tv,x,,,"©A\n©B",,,', "2,opera,y,,,,,,"), whole=False)
    assert importing.places == [("error", 4, "kind")]
    assert Work.objects.get().rights_statement == "©A\n©B"


def test_a_row_of_a_workbook_has_its_own_number_however_many_are_empty_before_it(importing):
    sheet = sheet_row(1, NAMES) + sheet_row(1_000_000, row("1", date="soon"))
    importing(importing.write("c.xlsx", workbook(sheet)), whole=False)
    assert importing.places == [("error", 1_000_000, "date")]


def test_numbers_and_days_of_a_workbook_are_read_as_they_are_shown(importing):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(NAMES)
    sheet.append([9784088725093, "tv", 2001, None, openpyxl.utils.datetime.from_excel(45415), None, None, None, "=1+1"])
    book.save(importing.folder / "c.xlsx")
    importing(importing.folder / "c.xlsx")
    work = Work.objects.get()
    assert (work.title("ja"), work.date, work.identifiers.get().value) == ("2001", "2024-05-03", "9784088725093")
    assert importing.places == [("note", 2, "source")]


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read(importing, monkeypatch):
    monkeypatch.setattr("registry.imports.workbooks.MAX_WORKBOOK_BYTES", 20_000)
    path = importing.write("c.xlsx", as_xlsx([["x" * 30_000]]))
    assert "the workbook unpacks to" in importing.refused(path)


def test_a_sheet_that_is_not_there_is_named_beside_those_that_are(importing):
    path = importing.write("c.xlsx", as_xlsx([NAMES, row("1")]))
    assert "no sheet is called 'films', only 'works'" in importing.refused(path, f'sheet = "films"\n{MAP}')


@pytest.mark.parametrize(
    "chart",
    [
        "titles = 3",
        MAP.replace('catalogue = "ours"', ""),
        MAP.replace('catalogue = "ours"', 'catalogue = ""'),
        MAP.replace("film", "opera"),
        MAP.replace('"ours"\ncolumn', '"Ours:1"\ncolumn'),
        MAP.replace("kana", "reading", 1) + 'colour = "x"',
        MAP.replace('form = "kana"', 'form = "subtitle"'),
        f'encoding = "utf-16"\n{MAP}',
        f'encoding = "no-such"\n{MAP}',
        f'encoding = "base64"\n{MAP}',
        f'encoding = "idna"\n{MAP}',
        "a = " + "[" * 10_000,
    ],
)
def test_a_map_that_means_nothing_is_refused(importing, chart):
    assert importing.refused(catalogue(), chart)
