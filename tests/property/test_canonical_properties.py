"""Canonical form and times, whatever comes in."""

import json
import unicodedata
from datetime import UTC, datetime

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from priorconsent import canonical, times
from priorconsent.errors import MalformedError

texts = st.text().map(lambda text: unicodedata.normalize("NFC", text))
integers = st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
names = st.text(st.characters(max_codepoint=127), max_size=8)
scalars = st.one_of(st.none(), st.booleans(), integers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(names, inner, max_size=5)),
    max_leaves=20,
)
records = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(canonical.sorted_set), st.dictionaries(names, inner, max_size=5)
    ),
    max_leaves=20,
)
json_like = st.one_of(
    st.binary(),
    values.map(canonical.encode),
    st.text('{}[]",:0123456789eE+-.\\u tfnNaIrulse\n').map(str.encode),
    st.recursive(st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(values)
def test_writing_is_what_rfc_8785_says(value):
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(values)
def test_what_was_written_is_read_back(value):
    assert canonical.parse(canonical.encode(value)) == value


@given(records)
def test_a_record_with_sorted_lists_is_read_as_canonical(record):
    assert canonical.parse_canonical(canonical.encode(record)) == record


@given(values)
def test_another_spelling_is_read_but_is_not_canonical(value):
    spelled = json.dumps(value, indent=1).encode() + b"\n"
    assert canonical.parse(spelled) == value
    try:
        canonical.parse_canonical(spelled)
    except MalformedError:
        return
    raise AssertionError(spelled)


@given(json_like)
def test_any_bytes_give_a_value_or_our_own_error(raw):
    try:
        value = canonical.parse(raw)
    except MalformedError:
        return
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(json_like)
def test_bytes_read_as_canonical_are_the_only_spelling_of_their_value(raw):
    try:
        value = canonical.parse_canonical(raw)
    except MalformedError:
        return
    assert canonical.encode(value) == raw


@given(st.lists(values))
def test_a_sorted_set_is_sorted_and_has_each_item_once(items):
    made = canonical.sorted_set(items)
    keys = [canonical.sort_key(item) for item in made]
    assert keys == sorted(set(keys))
    assert set(keys) == {canonical.sort_key(item) for item in items}


@given(st.binary())
def test_base64url_is_read_back(raw):
    assert canonical.from_base64url(canonical.to_base64url(raw), length=len(raw)) == raw


@given(st.text())
def test_any_text_is_base64url_in_one_spelling_or_refused(text):
    try:
        raw = canonical.from_base64url(text)
    except MalformedError:
        return
    assert canonical.to_base64url(raw) == text


@given(st.one_of(st.text(), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True)))
def test_any_text_is_a_time_in_one_spelling_or_refused(text):
    try:
        instant = times.parse(text)
    except MalformedError:
        return
    assert times.spell(instant) == text


instants = st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.replace(microsecond=0))


@given(instants, instants)
def test_spelled_times_compare_as_the_instants_do(one, other):
    assert times.parse(times.spell(one)) == one
    assert (times.spell(one) < times.spell(other)) == (one < other)


@given(instants, st.integers())
def test_adding_seconds_moves_the_instant_or_leaves_the_calendar(instant, seconds):
    try:
        later = times.plus(times.spell(instant), seconds)
    except MalformedError:
        return
    assert (times.parse(later) - instant).total_seconds() == seconds


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_an_instant_of_any_zone_is_spelled_in_utc(instant):
    assert times.parse(times.spell(instant)) == instant.astimezone(UTC).replace(microsecond=0)
