"""When enough witnesses have seen a checkpoint, and what counts for nothing."""

import hashlib

import pytest

from priorconsent.errors import MalformedError, NotTrustedError, QuorumError, SignatureError
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import SignatureLine
from priorconsent.log.opening import open_checkpoint, open_signed
from priorconsent.log.policy import Group, Log, Policy, Witness
from tests import scenario as cast
from tests.witnesses import BY_NAME, LOG, OWN, W1, W2, W3, WITNESSES, Signs, cosigned, policy, signed

CHECKPOINT = Checkpoint(cast.ORIGIN, 489, hashlib.sha256(b"root").digest())
OLDER = Checkpoint(cast.ORIGIN, 488, hashlib.sha256(b"older root").digest())
T0, T1, T2, T3 = (f"2027-01-01T00:00:0{second}Z" for second in range(4))
ALL = Group("all", 4, ("own", "w1", "w2", "w3"))
TWO = Group("two", 2, ("w1", "w2", "w3"))
OWN_AND_TWO = (TWO, Group("both", 2, ("own", "two")))


def opened(raw, *args, **options):
    found = open_checkpoint(raw, policy(*args), **options)
    return found.quorum_time, found.vouched


def test_the_quorum_time_is_the_least_at_which_enough_had_seen_it():
    raw = cosigned(CHECKPOINT, own=T0, w1=T3, w2=T1, w3=T2)
    assert opened(raw, "w1") == (T3, ("w1",))
    assert opened(raw, "two", TWO) == (T2, ("w2", "w3"))
    assert opened(raw, "all", ALL) == (T3, ("w1", "w2", "w3"))
    assert opened(raw, "both", *OWN_AND_TWO) == (T2, ("w2", "w3"))


def test_a_quorum_of_none_has_no_time_however_many_cosigned():
    assert opened(cosigned(CHECKPOINT, w1=T1, w2=T2), None) == (None, ())


def test_what_the_log_cosigned_itself_dates_nothing():
    raw = cosigned(CHECKPOINT, own=T3, w1=T1)
    assert opened(raw, "own") == (None, ())
    assert opened(raw, "any", Group("any", 1, ("own", "w1"))) == (None, ())
    assert opened(raw, "pair", Group("pair", 2, ("own", "w1"))) == (T1, ("w1",))


def test_the_log_counts_as_itself_and_never_as_a_witness():
    with pytest.raises(QuorumError) as found:
        opened(cosigned(CHECKPOINT, own=T0, w1=T1), "both", *OWN_AND_TWO)
    assert found.value.missing == ("w2", "w3")


def test_without_quorum_a_checkpoint_is_for_monitors_only():
    raw = cosigned(CHECKPOINT, w1=T1)
    with pytest.raises(QuorumError, match="own, w2, w3 did not cosign") as found:
        opened(raw, "all", ALL)
    assert found.value.missing == ("own", "w2", "w3")
    seen = open_signed(raw, policy("all", ALL))
    assert (seen.checkpoint, list(seen.cosigned)) == (CHECKPOINT, ["w1"])


def test_a_witness_that_signs_twice_counts_once_and_from_the_first_time():
    raw = signed(CHECKPOINT, W1.line(CHECKPOINT, T3), W1.line(CHECKPOINT, T1), W1.line(CHECKPOINT, T2))
    assert opened(raw, "w1") == (T1, ("w1",))
    with pytest.raises(QuorumError):
        opened(raw, "two", TWO)


def test_a_time_of_zero_counts_for_nothing():
    with pytest.raises(QuorumError):
        opened(cosigned(CHECKPOINT, w2=0), "w2")
    with pytest.raises(QuorumError):
        opened(cosigned(CHECKPOINT, own=0), "own")
    assert opened(cosigned(CHECKPOINT, own=T0, w1=0, w2=T2, w3=T1), "both", *OWN_AND_TWO) == (T2, ("w2", "w3"))


def test_witnesses_beside_the_quorum_vouch_for_nothing():
    raw = cosigned(CHECKPOINT, own=T0, w1=T0, w2=T1, w3=T0)
    assert opened(raw, "w2") == (T1, ("w2",))


@pytest.mark.parametrize("name", ["w1", "w2"])
def test_the_cosignature_of_another_checkpoint_refuses_the_note(name):
    stolen = BY_NAME[name].line(OLDER, T1)
    for one in (policy(None), policy("w3")):
        with pytest.raises(SignatureError, match="does not verify"):
            open_checkpoint(signed(CHECKPOINT, stolen, W3.line(CHECKPOINT, T1)), one)


def test_the_lines_of_strangers_are_passed_over_and_counted_nowhere():
    stranger = Signs("witness.example/stranger")
    under_a_known_name = SignatureLine("witness.example/1", b"\0\0\0\0", W1.line(CHECKPOINT, T1).signature)
    raw = signed(CHECKPOINT, stranger.line(CHECKPOINT, T0), under_a_known_name, W1.line(CHECKPOINT, T1))
    assert opened(raw, "w1") == (T1, ("w1",))


def test_witnesses_alone_make_no_checkpoint_of_the_log():
    lines = [signs.line(CHECKPOINT, T1) for signs in BY_NAME.values()]
    raw = "".join([CHECKPOINT.text(), "\n", *(line.text() for line in lines)]).encode()
    for one in (policy(None), policy("all", ALL)):
        with pytest.raises(SignatureError, match="of the log"):
            open_checkpoint(raw, one)


def test_a_cosignature_far_ahead_of_the_clock_is_refused_where_there_is_one():
    raw = cosigned(CHECKPOINT, own=T0, w1="2027-01-01T00:05:01Z")
    assert opened(raw, "w1") == ("2027-01-01T00:05:01Z", ("w1",))
    assert opened(raw, "w1", now=T1) == ("2027-01-01T00:05:01Z", ("w1",))
    with pytest.raises(NotTrustedError, match="ahead of the clock"):
        opened(raw, "w1", now=T0)


def test_a_time_beyond_the_calendar_is_no_quorum_time():
    with pytest.raises(MalformedError):
        opened(cosigned(CHECKPOINT, w1=2**63 - 1), "w1")


def test_two_keys_of_the_log_are_one_log():
    new = Log(type(LOG)(cast.ORIGIN, cast.key("log-2").jwk.raw))
    both = Policy((Log(LOG), new), WITNESSES, "w1")
    raw = cosigned(CHECKPOINT, w1=T1)
    assert open_checkpoint(raw, both).quorum_time == T1
    with pytest.raises(SignatureError):
        open_checkpoint(raw, Policy((new,), WITNESSES, "w1"))


def test_one_key_under_two_names_is_no_two_witnesses():
    again = Witness("again", type(W1.cosigner)("witness.example/again", W1.cosigner.public_key, 4))
    as_log = Witness("as-log", type(W1.cosigner)("witness.example/log", cast.LOG_KEY.jwk.raw, 4))
    own_again = Witness("own-again", type(OWN.cosigner)("witness.example/own", OWN.cosigner.public_key, 6))
    for other in (again, as_log, own_again):
        with pytest.raises(MalformedError, match="twice"):
            Policy((Log(LOG),), (*WITNESSES, other), "w1")


def test_names_and_urls_are_single_words_that_mean_nothing_else():
    for name in ("", "a b", "a\tb", "a\nb", "none", "w1"):
        with pytest.raises(MalformedError):
            Policy((Log(LOG),), (*WITNESSES, Witness(name, Signs("witness.example/9").cosigner)), "w1")
    for url in ("", "https://a.example/ https://b.example/", "https://a.example/\nquorum none"):
        with pytest.raises(MalformedError):
            Policy((Log(LOG, url),), WITNESSES, "w1")


def test_32_witnesses_with_ml_dsa_keys_fit_a_policy_and_a_note():
    signers = [Signs(f"{'w' * 240}.example/{number}", W2.cosigner.kind) for number in range(32)]
    witnesses = tuple(Witness(f"w{number}", one.cosigner) for number, one in enumerate(signers))
    group = Group("all", 32, tuple(one.name for one in witnesses))
    wanted = Policy.parse(Policy((Log(LOG),), (*witnesses, group), "all").text())
    raw = signed(CHECKPOINT, *(one.line(CHECKPOINT, T1) for one in signers))
    assert open_checkpoint(raw, wanted).quorum_time == T1
    assert len(open_checkpoint(raw, wanted).vouched) == 32
