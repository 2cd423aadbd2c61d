"""Whatever comes in, what goes out is an answer or a problem, never a failure of the server; and nothing is stored."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorconsent import canonical
from tests import scenario
from tests.api.conftest import NOW, client_at, key_for, post, problem
from tests.api.test_privacy import everything_stored

SAME_STAGE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = st.sampled_from(
    "queries defaults ref use sha256 url work statement key_record kind names en titles terms licensee party".split()
)
LINES = st.lists(st.binary(max_size=40) | st.sampled_from([b'{"statement":"a.b.c"}', b"{}", b"[", b"\r"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
# Where a program writes, with what its key needs.
DOORS = "decisions statements parties works works-to-sign share-sets offers checks/names checks/share-sets".split()
LISTS = ["grants", "refusals", "suggestions", "work-changes"]
ADDRESSES = [*DOORS, *LISTS, "parties/{}", "works/{}", "offers/{}", "grants/{}/vc", "grants/{}/bundle"]
TEXTS = ["%00", "a%00b", "%ff%fe", "%F0%9F%98%80", "x" * 5000, "%E3%81%AF", "..%2f..", "%0a"]
SHARED = "urn:uuid:00000000-0000-4000-8000-000000000000"


def is_answer_or_problem(response):
    if response.status_code >= 400:
        assert problem(response) not in {"internal", "unverified_snapshot"}
    return True


@SAME_STAGE
@given(body=st.binary(max_size=300))
def test_any_bytes_asked_are_answered(public, body):
    response = post(client_at(NOW), "/api/v1/decisions", body)

    assert response.status_code in {200, 400}
    assert is_answer_or_problem(response)


@SAME_STAGE
@given(members=st.dictionaries(st.sampled_from(sorted(scenario.QUESTION)) | st.text(max_size=8), VALUES, max_size=4))
def test_any_question_is_answered(public, members):
    question = {name: value for name, value in {**scenario.QUESTION, **members}.items() if name.isascii()}
    try:
        body = canonical.encode({"queries": [{**question, "ref": "a"}]})
    except UnicodeEncodeError:
        return
    response = post(client_at(NOW), "/api/v1/decisions", body)

    assert is_answer_or_problem(response)


@SAME_STAGE
@given(door=st.sampled_from(DOORS), body=VALUES)
def test_any_json_at_any_door(cast, operator_key, door, body):
    try:
        raw = canonical.encode(body)
    except UnicodeEncodeError:
        return
    client = client_at(cast.now, Authorization=operator_key)

    assert is_answer_or_problem(post(client, f"/api/v1/{door}", raw))


@SAME_STAGE
@given(lines=LINES)
def test_any_lines_have_an_outcome_each(cast, lines):
    body = b"\n".join(lines)
    response = client_at(cast.now).post("/api/v1/statements", body, content_type="application/jsonl")

    assert is_answer_or_problem(response)
    if response.status_code == 200:
        filled = [number for number, line in enumerate(body.split(b"\n"), 1) if line.strip(b"\r")]
        assert [one["line"] for one in response.json()["outcomes"]] == filled


@pytest.fixture
def operator_key(cast):
    return key_for(None, "read", "write", "operate", now=cast.now)


def test_any_text_in_an_address(cast, operator_key):
    cast.publish()
    client = client_at(cast.now, Authorization=operator_key)
    for address, text in itertools.product(ADDRESSES, TEXTS):
        known = address.format(SHARED)
        for spelled in (address.format(text), f"{known}?q={text}", f"{known}?{text}=1"):
            assert is_answer_or_problem(client.get(f"/api/v1/{spelled}"))


def test_any_text_in_the_form(cast):
    cast.publish()
    for text in ("\0", "fil\0m", "\ud7ff", "%", "_", "'", "\\", "x" * 10_000):
        assert client_at(cast.now).post("/", {"key": text, "use": text, "model": text}).status_code == 200


def test_no_null_character_gets_in(cast, operator_key):
    client = client_at(cast.now, Authorization=operator_key)
    for door in DOORS:
        assert problem(post(client, f"/api/v1/{door}", b'{"kind":"manga\\u0000"}')) == "malformed"

    drafted = canonical.encode({"terms": cast.terms(models=["A"])}).replace(b'["A"]', b'["A\\u0000"]')
    assert problem(post(client, "/api/v1/offers", drafted)) == "malformed"


def test_a_backslash_before_it_is_only_text(public):
    body = b'{"queries":[{"ref":"\\\\u0000"}]}'

    assert post(client_at(NOW), "/api/v1/decisions", body).json()["decisions"][0]["ref"] == "\\u0000"


def test_a_malformed_envelope_leaves_nothing_behind(cast):
    before = {raw for _, raw in everything_stored()}
    for door in DOORS:
        for body in (b"{", b"[]", b'{"a":1,"a":2}', b'{"statement":"a.b.c"}'):
            post(client_at(cast.now), f"/api/v1/{door}", body)

    assert {raw for _, raw in everything_stored()} == before
