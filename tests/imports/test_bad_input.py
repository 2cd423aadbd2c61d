"""Whatever a file holds: refused or reported with line and column, and nothing of it half stored."""

import gzip

import openpyxl
import pytest

from registry.models import SuggestedHolder, Work
from tests.imports.conftest import MAP, catalogue

HEAD = b"no,kind,title,kana,date,printed,holders,parts,source\n"


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            HEAD + b"1,tv,x,,,,,,\n" + "2,tv,風の町,,,,,,\n".encode("cp932"),
            "line 3, column 6: not utf-8; it may be cp93",
        ),
        (catalogue().decode().encode("utf-16"), "line 1, column 1: the file is UTF-16; save it as UTF-8"),
        (HEAD.replace(b"kana", b"title"), "line 1, column 4: two columns are called 'title'"),
        (HEAD.replace(b"kana", b"reading"), "line 1, column 1: no column is called 'kana'"),
        (HEAD + b"1,tv,x,,,,,,\n2,tv,y\n", "line 3, column 4: 3 cells under a header of 9"),
        (HEAD + b'1,tv,x,,,,,,\n2,tv,"y,,,,,,\n', "line 3, column 1: unexpected end of data"),
        (HEAD + b'2,tv,"y"z,,,,,,\n', "line 2, column 1: ',' expected"),
        (gzip.compress(catalogue())[:-20], "line "),
        (b"\x1f\x8b\x08broken" * 9, "line 1, column 1: broken gzip"),
        (HEAD + b"1,tv,x,,,,,,\n2,tv," + b"x" * 17_000_000, "line 3, column 16777216: a line above"),
        (b"", "line 1, column 1: no column is called"),
    ],
    ids=["shift_jis", "utf16", "twin", "missing", "short", "open", "after_quote", "cut", "no_gzip", "long", "empty"],
)
def test_a_file_that_cannot_be_read_to_its_end_is_refused_before_anything_is_stored(importing, content, said, whole):
    assert importing.refused(content, whole=whole, batch=1).startswith(said)
    assert Work.objects.count() == 0


def test_shift_jis_that_is_announced_is_read(importing):
    importing(catalogue().decode().replace("©", "(C)").encode("cp932"), f'encoding = "cp932"\n{MAP}')
    assert Work.objects.filter(titles__text="風の町").count() == 2


def test_utf_8_announced_as_shift_jis_is_refused_rather_than_misread(importing):
    assert "announced as cp932, and is UTF-8" in importing.refused(catalogue(), f'encoding = "cp932"\n{MAP}')


def test_a_byte_order_mark_and_mixed_line_ends_do_no_harm(importing):
    lines = catalogue().decode().splitlines()
    content = "\ufeff" + "\r\n".join(lines[:2]) + "\n" + lines[2] + "\r" + lines[3]
    assert importing(content.encode()).added == 3
    assert importing.problems == []


@pytest.mark.parametrize(
    ("row", "place", "problem"),
    [
        ('2,tv,"a\nb",,,,,,', (3, "title"), "control character U+000A"),
        ("2,tv,a\0b,,,,,,", (3, "title"), "control character U+0000"),
        ("2,tv,a,,,\0,,,", (3, "printed"), "control characters"),
        ("2\0,tv,a,,,,,,", (3, "no"), "control character U+0000"),
        (f"2,tv,{'x' * 10**6},,,,,,", (3, "title"), "1000000 characters"),
        (f"2,tv,a,,,,{'x' * 10**6},,", (3, "holders"), "1000000 characters"),
        (",tv,a,,,,,,", (3, "no"), "no identifier"),
        ("2,tv,,,,,,,", (3, "title"), "no title"),
        ("2,tv,a,,2024-02-30,,,,", (3, "date"), "not a date of the form 2024, 2024-05 or 2024-05-03"),
        ("2,tv,a,,,,A|B,50%,", (3, "parts"), "1 parts for 2 holders"),
        ("1,tv,b,,,,,,", (3, "no"), "line 2 has this identifier too"),
    ],
)
def test_a_row_with_an_error_is_reported_by_line_and_column_and_the_next_ones_are_read(importing, row, place, problem):
    content = catalogue("1,tv,x,,,,,,", row, "3,tv,z,,,,,,")
    summary = importing(content, whole=False, batch=1)
    assert [(found.line, found.column) for found in importing.problems] == [place]
    assert importing.problems[0].problem == problem
    assert importing.problems[0].do
    assert (summary.added, summary.errors) == (2, 1)


def test_a_line_number_counts_the_lines_within_cells(importing):
    importing(catalogue('1,tv,x,,,"©A\n©B",,,', "2,opera,y,,,,,,"), whole=False)
    assert importing.places == [("error", 4, "kind")]
    assert Work.objects.get().rights_statement == "©A\n©B"


def test_a_formula_is_text_and_is_reported(importing):
    importing(catalogue('1,tv,"=HYPERLINK(""x"")",,,,=A1,,'))
    assert importing.places == [("note", 2, "title"), ("note", 2, "holders")]
    assert Work.objects.get().title("ja") == '=HYPERLINK("x")'
    assert SuggestedHolder.objects.get().name == "=A1"


def test_a_formula_in_a_spreadsheet_is_not_worked_out(importing):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (HEAD.decode().strip().split(","), ["1", "tv", "=1+1"]):
        sheet.append(row)
    book.save(importing.folder / "c.xlsx")
    importing(importing.folder / "c.xlsx")
    assert importing.places == [("note", 2, "title")]
    assert Work.objects.get().title("ja") == "=1+1"


def test_a_title_in_another_form_of_unicode_is_normalised_and_reported(importing):
    importing(catalogue("1,tv,カ\u3099ンダム,,,,,,"))
    assert importing.places == [("note", 2, "title")]
    assert Work.objects.get().title("ja") == "ガンダム"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.jsonl", b'{"no": "1"}\n{"no": '),
        ("c.jsonl", b'{"no": "1", "no": "2"}'),
        ("c.jsonl", b'{"no": "1"}\n[]'),
        ("c.jsonl", b"[" * 100_000),
        ("c.xlsx", b"PK\x03\x04broken"),
        ("c.txt", b"no"),
    ],
)
def test_broken_json_and_broken_workbooks_are_refused(importing, name, content):
    assert importing.refused(importing.write(name, content)).startswith("line ")


@pytest.mark.parametrize(
    "chart",
    [
        "titles = 3",
        MAP.replace("film", "opera"),
        MAP.replace('"ours"', '"Ours:1"'),
        MAP.replace("kana", "reading", 1) + 'colour = "x"',
        MAP.replace('form = "kana"', 'form = "subtitle"'),
        f'encoding = "utf-16"\n{MAP}',
        f'encoding = "no-such"\n{MAP}',
        f'encoding = "base64"\n{MAP}',
    ],
)
def test_a_map_that_means_nothing_is_refused(importing, chart):
    assert importing.refused(catalogue(), chart)


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read(importing, monkeypatch):
    book = openpyxl.Workbook()
    book.create_sheet("works", 0).append(["x" * 30_000])
    book.save(importing.folder / "c.xlsx")
    monkeypatch.setattr("registry.imports.reading.MAX_WORKBOOK_BYTES", 20_000)
    assert "the workbook unpacks to" in importing.refused(importing.folder / "c.xlsx")
