"""A manifest is read row by row, whatever is in it, or refused."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent.cli import manifests
from priorconsent.errors import MalformedError

ANSWER = {
    "verdict": "permitted",
    "reason": "granted",
    "grants": ["g1", "g2"],
    "binding": None,
    "size": 2,
    "detail": None,
}
FIELD = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def written(table):
    target = io.BytesIO()
    write = table.writer(target, manifests.ADDED_TO_ALL)
    for row in table.rows:
        write(row, ANSWER)
    return target.getvalue()


@given(st.sampled_from(["in.csv", "in.jsonl"]), st.binary(max_size=200))
def test_any_bytes_are_rows_or_refused(name, raw):
    try:
        table = manifests.form_of(Path(name))(io.BytesIO(raw), manifests.ADDED)
        for row in table.rows:
            [table.value(row, column) for column in table.columns if column in row]
    except MalformedError:
        return


@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=5), FIELD)
def test_csv_fields_stay_what_they_were(rows, header):
    source = manifests.open_csv(io.BytesIO(spell([["url", f"h{header}", "b"], *rows])))
    again = manifests.open_csv(io.BytesIO(written(source)), ())
    assert again.columns == ("url", f"h{header}", "b", *manifests.ADDED_TO_ALL)
    read = [list(row.values()) for row in again.rows]
    assert [row[:3] for row in read] == rows
    assert all(row[3:] == ["permitted", "granted", "g1 g2", "", "2", ""] for row in read)


def spell(rows):
    quoted = (",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows)
    return "".join(line + "\r\n" for line in quoted).encode()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | FIELD, st.lists, max_leaves=5)


@given(st.lists(st.dictionaries(FIELD.map("k{}".format), JSON, min_size=1), min_size=1, max_size=5))
def test_json_members_stay_what_they_were(rows):
    raw = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    table = manifests.open_json_lines(io.BytesIO(raw))
    assert table.columns == tuple(rows[0])
    assert [json.loads(line) for line in written(table).splitlines()] == [{**row, **ANSWER} for row in rows]


def test_a_blank_line_of_a_single_column_is_a_row():
    table = manifests.open_csv(io.BytesIO(b"\xef\xbb\xbfurl\nhttps://a.example/\n\nhttps://b.example/\n"))
    assert [table.value(row, "url") for row in table.rows] == ["https://a.example/", None, "https://b.example/"]


def test_a_byte_order_mark_is_no_part_of_json_lines():
    table = manifests.open_json_lines(io.BytesIO(b'\xef\xbb\xbf{"url":"https://a.example/"}\n'))
    assert [table.value(row, "url") for row in table.rows] == ["https://a.example/"]


@pytest.mark.parametrize("line", ['{"url":"a","url":"b"}', '{"url":"a","u\\u0072l":"b"}', '{"a":[{"b":1,"b":2}]}'])
def test_a_member_that_stands_there_twice_is_refused_with_its_line(line):
    raw = f'{{"url":"x"}}\n{line}\n'.encode()
    with pytest.raises(MalformedError, match=r"line 2 .*twice"):
        list(manifests.open_json_lines(io.BytesIO(raw)).rows)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("in.csv", b'url,a\n"x\ny",1\nz\n'),
        ("in.csv", b'url,a\n"x\ny",1\nz,"\n'),
        ("in.csv", b'url,a\n"x\ny",1\n\xff,\n'),
        ("in.jsonl", b'{"url":"x"}\n{"url":"y"}\n{"url":"z"}\n[]\n'),
        ("in.jsonl", b'{"url":"x"}\n{"url":"y"}\n{"url":"z"}\n{"size":1}\n'),
    ],
)
def test_every_message_counts_the_lines_of_the_file(name, raw):
    with pytest.raises(MalformedError, match=r"^line 4"):
        list(manifests.form_of(Path(name))(io.BytesIO(raw), manifests.ADDED).rows)


def test_a_line_without_end_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr(manifests, "MAX_LINE_BYTES", 10)
    with pytest.raises(MalformedError, match="longer than 10"):
        manifests.open_json_lines(io.BytesIO(b'{"url":"' + b"x" * 100))
