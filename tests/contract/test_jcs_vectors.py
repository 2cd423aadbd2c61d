"""The published cases of RFC 8785: byte for byte where they are inside our profile, refused elsewhere."""

from pathlib import Path

import pytest

from priorconsent import canonical
from priorconsent.errors import MalformedError

JCS = Path(__file__).parents[1] / "vectors" / "jcs"

# Why an input is outside the profile.
OUTSIDE = {
    "french": "member name is not ASCII",
    "structures": "number is not an integer",
    "unicode": "Normalization Form C",
    "values": "number is not an integer",
    "weird": "member name is not ASCII",
}
CASES = sorted(path.stem for path in (JCS / "input").glob("*.json"))
INSIDE = [case for case in CASES if case not in OUTSIDE]


def published(folder, case):
    return (JCS / folder / f"{case}.json").read_bytes()


@pytest.mark.parametrize("case", INSIDE)
def test_a_case_inside_the_profile_is_reproduced(case):
    written = canonical.encode(canonical.parse(published("input", case)))
    assert written == published("output", case)
    assert written == bytes.fromhex((JCS / "outhex" / f"{case}.txt").read_text())


@pytest.mark.parametrize("case", sorted(OUTSIDE))
def test_a_case_outside_the_profile_is_refused_for_its_own_reason(case):
    with pytest.raises(MalformedError, match=OUTSIDE[case]):
        canonical.parse(published("input", case))


@pytest.mark.parametrize("case", sorted(set(OUTSIDE) - {"structures"}))
def test_canonical_form_alone_does_not_bring_a_case_into_the_profile(case):
    with pytest.raises(MalformedError, match=OUTSIDE[case]):
        canonical.parse(published("output", case))


def test_a_number_that_lost_its_fraction_is_inside_the_profile():
    # 56.0 in the input is 56 in the output, and so stays the same when read and written again.
    assert canonical.encode(canonical.parse(published("output", "structures"))) == published("output", "structures")


def test_every_case_is_accounted_for():
    assert len(CASES) == 6
    assert INSIDE == ["arrays"]
