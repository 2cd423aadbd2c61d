"""Lists to sign and signed lists: every line is what it says, or is refused with its number and its place."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent import canonical, lists
from priorconsent.errors import MalformedError, NotAllowedError, PriorConsentError
from priorconsent.lists import Expected, LineError
from tests.scenario import REGISTRY, STUDIO, VECTOR, VENDOR

NOW = "2026-12-02T00:00:00Z"
WORK, OTHER_WORK = (f"urn:uuid:00000000-0000-4000-8000-0000000000b{number}" for number in (1, 2))
EXPECTED = Expected(REGISTRY, STUDIO, NOW)
HOLDER = {"party": STUDIO, "right": "copyright"}
CLAIM = {
    "registry": REGISTRY,
    "party": STUDIO,
    "listed_at": "2026-12-01T00:00:00Z",
    "work": WORK,
    "kind": "film",
    "title": "風の町",
    "type": "claim",
    "body": {"work": WORK, "kind": "film", "party": STUDIO},
    "nobody": [],
}
SHARES = {
    **CLAIM,
    "type": "shares",
    "body": {
        "work": WORK,
        "version": 1,
        "previous": None,
        "digest": canonical.digest(b"document"),
        "holders": [HOLDER],
        "links": [],
        "complete": True,
    },
}


def read(*lines, expected=EXPECTED):
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return list(lists.unsigned(io.BytesIO(raw), expected))


def with_body(line, **other):
    return {**line, "body": {**line["body"], **other}}


def test_a_line_may_be_spelled_in_any_way_that_json_allows_and_empty_lines_are_passed_over():
    spaced = json.dumps(SHARES, ensure_ascii=True, separators=(" , ", " : ")).encode()
    assert [number for number, _ in read(CLAIM, b"", b"\r", spaced + b"\r")] == [1, 4]


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        (b"{", "line 2: ", "not JSON"),
        (b"\xff", "line 2: ", "not UTF-8 at byte 0"),
        (b'{"work": 1, "work": 2}', "line 2: ", "duplicate member"),
        (b"[]", "line 2: ", "Expected `object`"),
        ({**SHARES, "colour": "red"}, "line 2: ", "unknown field `colour`"),
        ({name: SHARES[name] for name in SHARES if name != "listed_at"}, "line 2: ", "missing required field"),
        ({**SHARES, "type": "approval"}, "line 2, /type: ", "Invalid enum value"),
        ({**SHARES, "registry": "sha256:" + "0" * 64}, "line 2, /registry: ", "the key is for"),
        ({**SHARES, "party": VENDOR}, "line 2, /party: ", "the key is that of"),
        ({**CLAIM, "party": VENDOR}, "line 2, /body/party: ", "another party than the line says"),
        ({**SHARES, "work": OTHER_WORK}, "line 2, /body/work: ", "another work than the line says"),
        ({**SHARES, "listed_at": "2026-12-02T00:06:00Z"}, "line 2, /listed_at: ", "still to come"),
        ({**SHARES, "listed_at": "2026-11-01T00:00:00Z"}, "line 2, /listed_at: ", "more than 30 days ago"),
        ({**SHARES, "listed_at": "2026-02-30T00:00:00Z"}, "line 2: ", "no such time"),
        ({**SHARES, "title": "か\u3099"}, "line 2, /title: ", "Normalization Form C"),
        ({**SHARES, "nobody": ["b", "a"]}, "line 2, /nobody/1: ", "not sorted"),
        (with_body(SHARES, complete=1), "line 2, /body/complete: ", "Expected `bool`"),
        (with_body(SHARES, statements=[]), "line 2, /body: ", "more than is signed"),
        (with_body(SHARES, version=2), "line 2, /body/version: ", "first share sets"),
        (with_body(SHARES, holders={}), "line 2, /body/holders: ", "a list of holders"),
        (
            with_body(SHARES, holders=[{"party": STUDIO, "right": "all"}]),
            "line 2, /body/holders/0/right: ",
            "not known",
        ),
        (with_body(SHARES, holders=[{"party": STUDIO}]), "line 2, /body/holders/0: ", "missing required field `right`"),
        (
            with_body(SHARES, holders=[{**HOLDER, "level": "E3"}]),
            "line 2, /body: ",
            "more than is signed",
        ),
        (with_body(SHARES, links=[{"rel": "like", "work": OTHER_WORK}]), "line 2, /body/links/0/rel: ", "not known"),
        (with_body(SHARES, links=[{"rel": "based_on", "work": None}]), "line 2, /body/complete: ", "not registered"),
        (with_body(CLAIM, name="x"), "line 2, /body: ", "unknown field"),
        (with_body({**CLAIM, "kind": "opera"}, kind="opera"), "line 2, /kind: ", "a work is one of"),
        (with_body(CLAIM, kind="game"), "line 2, /body/kind: ", "another kind of work"),
        (SHARES, "line 2: ", "line 1 has a statement of type shares for this work too"),
    ],
)
def test_a_line_that_is_not_what_it_should_be_is_named_by_number_and_place(line, place, said):
    with pytest.raises(LineError) as caught:
        read(SHARES, line)
    assert caught.value.line == 2
    assert caught.value.detail.startswith(place)
    assert said in caught.value.detail
    assert caught.value.do


def test_claims_among_shares_are_refused_where_only_one_of_them_is_expected():
    assert len(read(SHARES, CLAIM)) == 2
    with pytest.raises(LineError, match="line 2, /type"):
        read(SHARES, CLAIM, expected=Expected(REGISTRY, STUDIO, NOW, "shares"))


def test_a_clock_that_is_a_few_minutes_behind_does_no_harm():
    assert read({**CLAIM, "listed_at": "2026-12-02T00:05:00Z"})


def test_a_line_or_a_list_without_end_is_refused_before_it_fills_the_memory(monkeypatch):
    with pytest.raises(LineError, match="line 2: a line of more than"):
        read(CLAIM, b" " * (lists.MAX_LINE_BYTES + 1))
    monkeypatch.setattr(lists, "MAX_LINES", 1)
    with pytest.raises(LineError, match="line 3: more than 1 lines; split the list"):
        read(CLAIM, b"", SHARES)


def test_a_signed_line_holds_a_claim_or_shares_and_nothing_else():
    by_type = {one["type"]: one["jws"] for one in VECTOR["statements"]}
    assert lists.read_signed(canonical.encode({"statement": by_type["claim"]})).statement.type == "claim"
    with pytest.raises(MalformedError, match="hand this approval in by itself"):
        lists.read_signed(canonical.encode({"statement": by_type["approval"]}))
    with pytest.raises(MalformedError, match="unknown field"):
        lists.read_signed(canonical.encode({"statement": by_type["claim"], "key_record": {}}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([WORK, STUDIO, "copyright", "film", ""]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SHARES["body"], "t"]), inner),
    )
)
def test_no_body_passes_but_one_that_an_event_can_carry(body):
    for line in (CLAIM, SHARES):
        try:
            one = lists.read_unsigned(json.dumps({**line, "body": body}).encode())
        except PriorConsentError:
            continue
        assert one.body in (CLAIM["body"], SHARES["body"])


def test_what_is_expected_is_said_by_the_pointer():
    with pytest.raises(NotAllowedError):
        EXPECTED.check(lists.read_unsigned(json.dumps({**SHARES, "party": VENDOR}).encode()))
