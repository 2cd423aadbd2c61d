"""Whatever bytes come as a catalogue, each row is told or refused by one of our own errors."""

import tempfile
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.imports.batches import checked
from registry.imports.mapping import read_map
from registry.imports.problems import Problem, UnreadableError
from registry.imports.reading import rows
from registry.imports.telling import Said, Teller
from tests.imports.conftest import HEADER, MAP
from tests.imports.formats import FORMATS, sheet_row, workbook

NAMES = HEADER.split(",")
LOCATORS = '[[locators]]\ncolumn = "printed"\nseparator = "|"\nprefix = "url:"\n'


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.toml"
    path.write_text(MAP + LOCATORS, encoding="utf-8")
    return read_map(path)


def told(chart, name, content):
    """Rows, or ``False`` for our own error with a place."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return list(rows(path, chart))
        except UnreadableError as error:
            return error.problem.line < 1


@given(st.binary(max_size=400), st.sampled_from(["c.csv", "c.jsonl", "c.csv.gz", "c.jsonl.gz"]))
def test_any_bytes_are_rows_or_refused(chart, raw, name):
    for content in (raw, HEADER.encode() + b"\n" + raw, b"\x1f\x8b\x08" + raw):
        assert told(chart, name, content) is not True


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_workbook_is_rows_or_refused(chart, raw, text):
    cells = f'<row r="2"><c t="s"><v>{text}</v></c></row>'
    for content in (raw, workbook(raw), *(workbook(sheet_row(1, NAMES) + more) for more in (text, cells))):
        assert told(chart, "c.xlsx", content) is not True


@given(st.lists(st.text(), min_size=len(NAMES), max_size=len(NAMES)))
def test_any_cells_are_told_or_reported(chart, cells):
    problems: list[Problem] = []
    said = Teller(chart, problems.append).tell((7, dict(zip(NAMES, cells, strict=True))))
    assert all(problem.line == 7 and problem.do for problem in problems)
    if said is None:
        assert any(problem.level == "error" for problem in problems)
        return
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=Said) == said
    assert all(unicodedata.is_normalized("NFC", text) for _, _, text in said.titles)


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.lists(st.lists(PLAIN, min_size=len(NAMES), max_size=len(NAMES)), min_size=1, max_size=4))
def test_the_three_formats_say_the_same(chart, cells):
    found = [told(chart, f"c.{form}", write([NAMES, *cells])) for form, write in FORMATS.items()]
    said = [[row for _, row in one if any(row.values())] for one in found]
    assert said[0] == said[1] == said[2]


def test_checked_batches_hold_every_row_once(chart, tmp_path):
    path = tmp_path / "c.csv"
    path.write_bytes(FORMATS["csv"]([NAMES, *([str(number), "tv", "x"] + [""] * 6 for number in range(7))]))
    found = list(checked(path, chart, 3))
    assert [batch.rows for batch in found] == [3, 3, 1]
    assert [one.number for batch in found for one in batch.told] == [str(number) for number in range(7)]
