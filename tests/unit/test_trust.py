"""A trust file says exactly what to believe, or nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent.errors import MalformedError, PriorConsentError
from priorconsent.trust import read_trust
from tests.scenario import LOG_KEY, ORIGIN, REGISTRY, trust

PLAIN = trust().to_json()


BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def spell(**changes):
    return json.dumps({**PLAIN, **changes}, indent=2).encode()


def test_people_may_indent_it():
    read = read_trust(spell())
    assert read == trust()
    assert (read.registry, read.policy.origin) == (REGISTRY, ORIGIN)
    assert [log.key.public_key for log in read.policy.logs] == [LOG_KEY.jwk.raw]


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"registry": "staging"},
        {"log_policy": ""},
        {"log_policy": "quorum none\n"},
        {"log_policy": PLAIN["log_policy"].replace("none", "w")},
        {"roots": []},
        {"roots": ["short"]},
        {"roots": PLAIN["roots"] * 2},
        {"threshold": 0},
        {"threshold": 2},
        {"max_age_s": -1},
        {"max_age_s": 0.5},
        {"key_delay_s": None},
        {"min_level": "E0"},
        {"min_level": "E4"},
        {"min_method": "password"},
        {"note": "mine"},
    ],
)
def test_anything_unclear_is_refused(changes):
    with pytest.raises(MalformedError):
        read_trust(spell(**changes))


@pytest.mark.parametrize("member", PLAIN)
def test_every_member_is_needed(member):
    with pytest.raises(MalformedError):
        read_trust(json.dumps({name: value for name, value in PLAIN.items() if name != member}).encode())


@pytest.mark.parametrize("authority", ["-----BEGIN CERTIFICATE-----", "ca.pem", f"{BROKEN}\n"])
def test_what_is_no_certificate_of_an_authority_is_refused(authority):
    with pytest.raises(MalformedError, match="/tsa_ca"):
        read_trust(spell(tsa_ca=[authority]))


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_any_bytes_are_a_trust_file_or_refused(raw):
    with pytest.raises(PriorConsentError):
        read_trust(raw)
