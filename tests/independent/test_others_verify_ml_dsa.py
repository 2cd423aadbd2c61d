"""An ML-DSA implementation that others wrote, from FIPS 204 in plain Python, verifies the log's second signature."""

import pytest
from dilithium_py.ml_dsa import ML_DSA_44

from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import SIGNATURE_BYTES
from tests import scenario as cast
from tests.witnesses import OWN

AT = 1_797_811_200
CHECKPOINT = Checkpoint(cast.ORIGIN, 20, bytes(range(32)))


def message(size):
    """What is signed, written down from C2SP tlog-cosignature."""
    name = cast.ORIGIN.encode()
    named = bytes([len(name)]) + name
    return b"subtree/v1\n\0" + named + uint64(AT) + named + uint64(0) + uint64(size) + CHECKPOINT.root


def uint64(number):
    return number.to_bytes(8, "big")


@pytest.fixture(scope="module")
def line():
    return OWN.line(CHECKPOINT, AT)


def test_it_accepts_our_signature(line):
    assert len(line.signature) in SIGNATURE_BYTES
    assert line.signature[:8] == uint64(AT)
    assert ML_DSA_44.verify(OWN.cosigner.public_key, message(CHECKPOINT.size), line.signature[8:])


def test_it_refuses_our_signature_for_another_size(line):
    assert not ML_DSA_44.verify(OWN.cosigner.public_key, message(CHECKPOINT.size + 1), line.signature[8:])


def test_we_accept_its_signature():
    public, secret = ML_DSA_44.keygen()
    signer = type(OWN.cosigner)(cast.ORIGIN, public, OWN.cosigner.kind)
    signature = uint64(AT) + ML_DSA_44.sign(secret, message(CHECKPOINT.size))
    signer.verify(CHECKPOINT.text(), signature)
