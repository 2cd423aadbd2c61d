"""Instants as records spell them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from priorconsent import times
from priorconsent.errors import MalformedError


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00z",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00+00:00",
        "2026-12-01T00:00:00.0Z",
        "2026-12-01T00:00Z",
        "2026-12-01",
        "20261201T000000Z",
        "2026-W49-2T00:00:00Z",
        "２０２６-12-01T00:00:00Z",
        "2026-12-01T00:00:00Z\n",
        " 2026-12-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-12-00T00:00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T00:60:00Z",
        "2026-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "",
    ],
)
def test_another_spelling_or_no_such_day_is_refused(text):
    with pytest.raises(MalformedError):
        times.parse(text)


def test_an_instant_is_read_in_utc():
    assert times.parse("2028-02-29T23:59:59Z") == datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)


def test_an_instant_of_another_zone_is_spelled_in_utc_without_fractions():
    tokyo = timezone(timedelta(hours=9))
    assert times.spell(datetime(2026, 12, 1, 9, 0, 0, 999_999, tzinfo=tokyo)) == "2026-12-01T00:00:00Z"


def test_early_years_keep_their_width():
    assert times.spell(datetime(9, 1, 1, tzinfo=UTC)) == "0009-01-01T00:00:00Z"


def test_seconds_carry_over_months_and_leap_days():
    assert times.plus("2028-02-28T23:59:59Z", 1) == "2028-02-29T00:00:00Z"
    assert times.plus("2026-12-01T00:00:00Z", -1) == "2026-11-30T23:59:59Z"


@pytest.mark.parametrize("seconds", [1, 10**30, -(10**30)])
def test_nothing_lies_beyond_the_calendar(seconds):
    with pytest.raises(MalformedError):
        times.plus("9999-12-31T23:59:59Z", seconds)


def test_the_clock_is_spelled_as_records_are():
    assert times.parse(times.now()).tzinfo is UTC
