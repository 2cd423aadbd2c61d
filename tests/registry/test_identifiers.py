"""Numbers have check digits, and one spelling each."""

import pytest

from priorconsent import names
from priorconsent.errors import MalformedError
from registry.identifiers import SCHEMES, canonical, check_name

GOOD = {
    "ean": ("4006381333931", "4006381333931"),
    "eidr": ("10.5240/7791-8534-2C23-9030-8610-5", "10.5240/7791-8534-2C23-9030-8610-5"),
    "isan": ("0000-0000-D07A-0090-Q-0000-0000-X", "00000000D07A0090Q00000000X"),
    "isbn": ("4-08-872509-3", "9784088725093"),
    "ismn": ("979-0-2306-7118-7", "9790230671187"),
    "isni": ("0000 0001 2281 955X", "000000012281955X"),
    "isrc": ("US-SKG-19-12345", "USSKG1912345"),
    "issn": ("0317-8471", "03178471"),
    "iswc": ("T-034.524.680-1", "T0345246801"),
    "jp-cn": ("5-8356-7825-6246", "5835678256246"),
    "lei": ("213800KUD8LAJWSQ9D15", "213800KUD8LAJWSQ9D15"),
}
BAD = {
    "ean": "4006381333932",
    "eidr": "10.5240/7791-8534-2C23-9030-8610-6",
    "isan": "0000-0000-D07A-0090-R-0000-0000-X",
    "isbn": "978-4-08-872509-4",
    "ismn": "979-0-2306-7118-8",
    "isni": "0000000122819550",
    "isrc": "XX-SKG-19-12345",
    "issn": "0317-8472",
    "iswc": "T-034.524.680-2",
    "jp-cn": "6835678256246",
    "lei": "213800KUD8LAJWSQ9D16",
}


def test_every_scheme_with_check_digits_is_tried_here():
    assert set(GOOD) == set(BAD) == set(SCHEMES)


@pytest.mark.parametrize("scheme", sorted(GOOD))
def test_a_number_gets_its_one_spelling(scheme):
    typed, spelled = GOOD[scheme]
    assert canonical(scheme, typed) == spelled
    assert canonical(scheme, spelled) == spelled
    names.check_alias(f"id:{scheme}:{spelled}")


@pytest.mark.parametrize("scheme", sorted(BAD))
def test_a_wrong_check_digit_is_refused(scheme):
    with pytest.raises(MalformedError):
        canonical(scheme, BAD[scheme])


@pytest.mark.parametrize(("scheme", "value"), [("madb", "C409347"), ("mal", "558")])
def test_a_scheme_without_check_digits_is_kept_as_it_is(scheme, value):
    assert canonical(scheme, value) == value


@pytest.mark.parametrize(
    ("scheme", "value"),
    [("MADB", "C1"), ("madb", ""), ("madb", "a b"), ("madb", "名"), ("", "x"), ("isbn:978", "4"), ("a" * 41, "x")],
)
def test_what_no_name_could_hold_is_refused(scheme, value):
    with pytest.raises(MalformedError):
        canonical(scheme, value)


def test_a_signed_name_in_another_spelling_is_refused_and_never_changed():
    with pytest.raises(MalformedError, match="id:isbn:9784088725093"):
        check_name("id:isbn:4088725093")
    check_name("id:isbn:9784088725093")
