"""What an operator may ask of witnesses, and what readers are told of it."""

import pytest

from priorconsent.errors import MalformedError, NotAvailableError, QuorumError
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.countersigners import OWN_ML_DSA, PUBLISHED, Countersigners
from priorconsent.log.note import Verifier
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.policy import Log, Policy, Witness
from tests import scenario as cast
from tests.witnesses import LOG, OWN, W1, W2, W3, Signs, cosigned

CHECKPOINT = Checkpoint(cast.ORIGIN, 5, bytes(32))
NOW = "2026-12-01T10:00:00Z"
BARE = Policy((Log(LOG),), (Witness(OWN_ML_DSA, OWN.cosigner),), OWN_ML_DSA)
LINES = [f"witness {name} {one.cosigner.vkey()} https://{name}.example/" for name, one in (("w1", W1), ("w2", W2))]


def asked(*lines):
    return Countersigners.parse("".join(f"{line}\n" for line in lines))


def test_none_is_none():
    assert Countersigners().with_log(BARE) == BARE


@pytest.mark.parametrize(
    ("who", "enough"),
    [({"own", "w1", "w2"}, True), ({"own", "w1"}, False), ({"w1", "w2"}, False), ({"own"}, False)],
)
def test_the_log_itself_and_its_witnesses_are_all_needed(who, enough):
    policy = asked(*LINES, "group both all w1 w2", "quorum both").with_log(BARE)
    note = cosigned(CHECKPOINT, **dict.fromkeys(who, NOW))
    if enough:
        assert open_checkpoint(note, policy).vouched == ("w1", "w2")
    else:
        with pytest.raises(QuorumError):
            open_checkpoint(note, policy)
    assert Policy.parse(policy.text()) == policy


def test_witnesses_that_nobody_needs_are_asked_all_the_same():
    policy = asked(*LINES, "quorum none").with_log(BARE)
    assert len(policy.witnesses) == 3
    assert policy.quorum == OWN_ML_DSA


REFUSED = {
    "no quorum": LINES,
    "two quorums": [*LINES, "quorum w1", "quorum w1"],
    "a quorum that nobody defined": [*LINES, "quorum w3"],
    "a key of the log": [f"log {LOG.vkey()}", *LINES, "quorum w1"],
    "a witness that nobody can ask": [f"witness w1 {W1.cosigner.vkey()}", "quorum w1"],
    "one key twice": [LINES[0], LINES[0].replace("witness w1", "witness w3"), "quorum w1"],
    "the name of the log's own key": [LINES[0].replace("witness w1", f"witness {OWN_ML_DSA}"), f"quorum {OWN_ML_DSA}"],
    "one like it": [LINES[0].replace("witness w1", f"witness {OWN_ML_DSA}-2"), "quorum none"],
    "the name of what readers need": [*LINES, f"group {PUBLISHED} all w1 w2", f"quorum {PUBLISHED}"],
    "a quorum within a group": [*LINES, "group g all w1 w2", "quorum w1"],
    "something else": [*LINES, "mirror m", "quorum w1"],
    "more than there are": [*LINES, "group g 3 w1 w2", "quorum g"],
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED)
def test_it_refuses(lines):
    with pytest.raises((MalformedError, NotAvailableError)):
        asked(*lines)


def test_a_log_is_no_witness_of_itself():
    another = Signs("another")
    for name, key in ((cast.ORIGIN, another.cosigner.public_key), ("w.example/1", LOG.public_key)):
        vkey = type(W1.cosigner)(name, key, W1.cosigner.kind).vkey()
        with pytest.raises(MalformedError):
            asked(f"witness w {vkey} https://w.example/", "quorum w").with_log(BARE)


def test_a_log_that_need_not_sign_is_no_log():
    with pytest.raises(MalformedError):
        asked(*LINES, "quorum w1").with_log(Policy((Log(LOG),)))


def test_keys_of_several_times_may_stand_for_the_log():
    older = Verifier(cast.ORIGIN, W3.cosigner.public_key)
    policy = asked(*LINES, "quorum w2").with_log(Policy((Log(LOG), Log(older)), BARE.definitions, BARE.quorum))
    assert open_checkpoint(cosigned(CHECKPOINT, own=NOW, w2=NOW), policy).vouched == ("w2",)
