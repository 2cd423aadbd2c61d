"""A time-stamp counts if a trusted authority signed it over this very text; two programs can say so."""

import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent import times, timestamps
from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from tests.tsa import make_authority

TEXT = b"log.registry.example/1\n502\nhQ79hW6FA55aPIN55xalISunz3R4y4QJoChS5ddUmxI=\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "two", "Stranger")


@pytest.fixture(scope="module")
def token(authority):
    return authority.answer(timestamps.question(TEXT).der)


@pytest.fixture(params=["rfc3161-client", "openssl"])
def program(request, monkeypatch):
    """Each of the two programs alone."""
    monkeypatch.setattr(timestamps, "_programs", lambda: [request.param])
    return request.param


def test_a_token_of_a_trusted_authority_counts(authority, token, program):
    stamp = timestamps.check(token, TEXT, [authority.root])
    assert stamp.checked_by == program
    # A second of accuracy, and another for rounding up.
    assert abs((times.parse(stamp.time) - datetime.now(UTC)).total_seconds()) < 60


def test_one_trusted_authority_among_several_is_enough(authority, stranger, token, program):
    timestamps.check(token, TEXT, [stranger.root, authority.root])


def test_a_token_over_another_text_does_not_count(authority, token, program):
    with pytest.raises(SignatureError):
        timestamps.check(token, TEXT.replace(b"502", b"503"), [authority.root])


def test_a_token_of_a_stranger_does_not_count(stranger, token, program):
    with pytest.raises(SignatureError):
        timestamps.check(token, TEXT, [stranger.root])


def test_no_token_counts_for_who_trusts_no_authority(token, program):
    with pytest.raises(SignatureError):
        timestamps.check(token, TEXT, [])


def test_no_changed_byte_is_accepted(authority, token, program):
    step = 97 if program == "openssl" else 7
    for place in range(0, len(token), step):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        try:
            stamp = timestamps.check(changed, TEXT, [authority.root])
        except (MalformedError, SignatureError):
            continue
        # What nobody signed may change (the status text, say), but never what is said.
        assert stamp == timestamps.check(token, TEXT, [authority.root])


@pytest.mark.parametrize("raw", [b"", b"\x30\x00", b"{}", b"\x30\x03\x02\x01\x02", bytes(100)])
def test_what_is_no_token_is_malformed(authority, raw):
    with pytest.raises(MalformedError):
        timestamps.check(raw, TEXT, [authority.root])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_or_refused(raw):
    with pytest.raises((MalformedError, SignatureError)):
        timestamps.check(raw, TEXT, [])


def test_a_huge_token_is_not_read(authority):
    with pytest.raises(MalformedError, match="at most"):
        timestamps.check(bytes(timestamps.MAX_TOKEN_BYTES + 1), TEXT, [authority.root])


def test_a_weak_hash_is_refused(authority, tmp_path):
    (tmp_path / "text").write_bytes(TEXT)
    command = ["openssl", "ts", "-query", "-data", "text", "-sha1", "-cert", "-out", "query"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(MalformedError, match="sha1"):
        timestamps.check(authority.answer((tmp_path / "query").read_bytes()), TEXT, [authority.root])


def test_the_answer_to_another_question_is_refused(authority):
    asked, other = timestamps.question(TEXT), timestamps.question(TEXT)
    with pytest.raises(SignatureError, match="another question"):
        timestamps.check_answer(asked, authority.answer(other.der), TEXT, [authority.root])
    timestamps.check_answer(asked, authority.answer(asked.der), TEXT, [authority.root])


def test_a_refusal_by_the_authority_is_no_token(authority):
    with pytest.raises(MalformedError):
        timestamps.check(b"\x30\x05\x30\x03\x02\x01\x02", TEXT, [authority.root])


def test_what_one_program_refuses_the_other_may_accept(authority, token, monkeypatch):
    def refuses(*_):
        raise SignatureError("not in my order")

    monkeypatch.setitem(timestamps._CHECKS, "rfc3161-client", refuses)
    assert timestamps.check(token, TEXT, [authority.root]).checked_by == "openssl"


def test_without_any_program_nothing_is_checked(authority, token, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "asn1crypto" or None)
    with pytest.raises(NotAvailableError, match="openssl"):
        timestamps.check(token, TEXT, [authority.root])


def test_two_certificates_in_one_entry_are_refused(authority, stranger):
    with pytest.raises(MalformedError, match="one certificate"):
        timestamps.read_authorities([authority.root + stranger.root])


def test_a_token_made_at_any_time_counts_for_that_time(authority, program):
    at = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    stamp = timestamps.check(authority.stamp(TEXT, at), TEXT, [authority.root])
    assert (stamp.time, stamp.checked_by) == ("2027-01-02T03:04:05Z", program)


def test_a_certificate_that_ended_since_still_counts_for_its_time(tmp_path, program):
    ended = make_authority(tmp_path / "ended", until=datetime(2022, 1, 1, tzinfo=UTC))
    token = ended.stamp(TEXT, datetime(2021, 6, 1, tzinfo=UTC))
    assert timestamps.check(token, TEXT, [ended.root]).time == "2021-06-01T00:00:00Z"


def test_a_token_from_after_the_end_of_its_certificate_does_not_count(tmp_path, program):
    ended = make_authority(tmp_path / "ended", until=datetime(2022, 1, 1, tzinfo=UTC))
    with pytest.raises(SignatureError):
        timestamps.check(ended.stamp(TEXT, datetime(2022, 6, 1, tzinfo=UTC)), TEXT, [ended.root])
