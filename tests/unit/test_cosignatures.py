"""What a witness says, and that nobody else could have said it."""

import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from priorconsent.log import note
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import Cosigner, timestamp
from tests.witnesses import OWN, W1, W2, Signs

ROOT = hashlib.sha256(b"root").digest()
CHECKPOINT = Checkpoint("log.example/1", 489, ROOT)
AT = 1_679_315_147
BOTH = pytest.mark.parametrize("signs", [W1, W2], ids=["ed25519", "ml_dsa_44"])


def signature(signs, checkpoint=CHECKPOINT, at=AT):
    return signs.line(checkpoint, at).signature


@BOTH
def test_a_cosignature_verifies_and_tells_its_time(signs):
    made = signature(signs)
    signs.cosigner.verify(CHECKPOINT.text(), made)
    assert timestamp(made) == AT


@BOTH
@pytest.mark.parametrize(
    "other",
    [
        Checkpoint("log.example/2", 489, ROOT),
        Checkpoint("log.example/1", 490, ROOT),
        Checkpoint("log.example/1", 489, hashlib.sha256(b"other").digest()),
    ],
    ids=["origin", "size", "root"],
)
def test_it_is_for_this_log_size_and_root_alone(signs, other):
    with pytest.raises(SignatureError):
        signs.cosigner.verify(other.text(), signature(signs))


@BOTH
def test_another_time_in_front_of_it_spoils_it(signs):
    with pytest.raises(SignatureError):
        signs.cosigner.verify(CHECKPOINT.text(), struct.pack(">Q", AT + 1) + signature(signs)[8:])


@BOTH
@pytest.mark.parametrize("spoil", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: raw[:8], lambda _: b""])
def test_another_length_is_no_cosignature(signs, spoil):
    with pytest.raises(SignatureError, match="length"):
        signs.cosigner.verify(CHECKPOINT.text(), spoil(signature(signs)))


@BOTH
def test_a_time_beyond_63_bits_is_refused(signs):
    with pytest.raises(MalformedError):
        signs.line(CHECKPOINT, 2**63)
    with pytest.raises(SignatureError, match="63 bits"):
        signs.cosigner.verify(CHECKPOINT.text(), struct.pack(">Q", 2**63) + signature(signs)[8:])
    assert timestamp(signature(signs, at=2**63 - 1)) == 2**63 - 1


def test_ed25519_signs_the_whole_text_as_published():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    made = signature(W1, Checkpoint.parse(text))
    message = f"cosignature/v1\ntime {AT}\n{text}".encode()
    Ed25519PublicKey.from_public_bytes(W1.cosigner.public_key).verify(made[8:], message)


def test_ml_dsa_signs_name_time_origin_and_the_whole_tree():
    name = b"witness.example/2"
    message = b"subtree/v1\n\0" + bytes([17]) + name + struct.pack(">Q", AT)
    message += bytes([13]) + b"log.example/1" + struct.pack(">QQ", 0, 489) + ROOT
    made = signature(W2)
    assert len(made) == 8 + 2420
    MLDSA44PublicKey.from_public_bytes(W2.cosigner.public_key).verify(made[8:], message)


def test_ml_dsa_binds_the_cosigners_name():
    renamed = Cosigner("witness.example/other", W2.cosigner.public_key, W2.cosigner.kind)
    with pytest.raises(SignatureError):
        renamed.verify(CHECKPOINT.text(), signature(W2))


@BOTH
def test_key_ids_begin_the_hash_of_name_type_and_key(signs):
    known = signs.cosigner
    expected = hashlib.sha256(known.name.encode() + b"\n" + bytes([known.kind]) + known.public_key).digest()[:4]
    assert known.key_id == expected == signs.line(CHECKPOINT, AT).key_id
    assert Cosigner.parse(known.vkey()) == known


def test_what_is_no_key_of_a_witness_is_refused():
    ed25519, ml_dsa = W1.cosigner.public_key, W2.cosigner.public_key
    for kind, key in ((1, ed25519), (6, ed25519), (4, ml_dsa), (0, ed25519), (255, ed25519), (4, b"")):
        with pytest.raises(MalformedError):
            Cosigner.parse(note.spell_vkey("witness.example/1", kind, key))
    with pytest.raises(NotAvailableError):
        Cosigner.parse(note.spell_vkey("witness.example/1", 2, ed25519))


def test_keys_that_anybody_could_sign_under_are_refused():
    small_order = bytes([1, *bytes(31)])
    for kind, key in ((4, small_order), (6, hashlib.sha256(b"seed").digest() + bytes(1280))):
        with pytest.raises(MalformedError, match=r"small order|public vector"):
            Cosigner("witness.example/1", key, kind)


def test_a_signer_that_does_not_belong_to_the_key_is_caught():
    with pytest.raises(SignatureError):
        W1.cosigner.cosign(CHECKPOINT, AT, Signs("witness.example/other").sign)


def test_a_name_longer_than_a_byte_can_say_has_no_ml_dsa_signature():
    with pytest.raises(MalformedError, match="room"):
        Signs("w" * 256, W2.cosigner.kind)
    with pytest.raises(MalformedError, match="room"):
        OWN.line(Checkpoint("l" * 256, 489, ROOT), AT)


@pytest.mark.parametrize("text", ["a note\n", CHECKPOINT.text() + "extension\n"])
def test_only_checkpoints_are_cosigned(text):
    with pytest.raises(MalformedError):
        W1.cosigner.verify(text, signature(W1))
