"""The log's trees and texts, whatever comes in."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from priorconsent.errors import MalformedError, PriorConsentError, ProofError
from priorconsent.log import spelling, tiles, tree
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.policy import Log, Policy
from priorconsent.log.proof import LogProof, check

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log-1").digest())
PUBLIC_KEY = KEY.public_key().public_bytes_raw()
LOG = Verifier("log.registry.example/1", PUBLIC_KEY)
POLICY = Policy((Log(LOG),))
LEAVES = [tree.leaf_hash(b"%d" % i) for i in range(600)]
NODES = tree.Appended(LEAVES)

hashes = st.binary(min_size=32, max_size=32)
sizes = st.integers(1, len(LEAVES))
spans = st.tuples(sizes, sizes).map(sorted)


@st.composite
def changed_lists(draw, original):
    """A list of hashes with one of them changed, dropped, added, or all of them reversed."""
    hashes_, at = list(original), draw(st.integers(0, len(original)))
    match draw(st.sampled_from(["change", "drop", "add", "reverse"])):
        case "change":
            hashes_[at : at + 1] = [draw(hashes)]
        case "drop":
            hashes_[at : at + 1] = []
        case "add":
            hashes_[at:at] = [draw(st.one_of(hashes, st.sampled_from(LEAVES)))]
        case _:
            hashes_.reverse()
    assume(hashes_ != list(original))
    return hashes_


@given(sizes, st.data())
def test_every_leaf_is_proved_and_a_changed_proof_of_it_refused(size, data):
    index = data.draw(st.integers(0, size - 1))
    root = tree.tree_root(size, NODES)
    path = tree.inclusion_proof(index, size, NODES)
    tree.check_inclusion(LEAVES[index], index, size, path, root)
    with pytest.raises(ProofError):
        tree.check_inclusion(LEAVES[index], index, size, data.draw(changed_lists(path)), root)


@given(sizes, st.data())
def test_a_proof_of_one_leaf_proves_no_other_leaf_and_no_other_place(size, data):
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    assume(index != other)
    root, path = tree.tree_root(size, NODES), tree.inclusion_proof(index, size, NODES)
    for leaf, place in ((LEAVES[other], index), (LEAVES[index], other), (LEAVES[other], other)):
        with pytest.raises(ProofError):
            tree.check_inclusion(leaf, place, size, path, root)


@given(spans, st.data())
def test_a_log_extends_its_past_and_a_changed_proof_of_it_is_refused(span, data):
    old, new = span
    old_root, new_root = tree.tree_root(old, NODES), tree.tree_root(new, NODES)
    path = tree.consistency_proof(old, new, NODES)
    tree.check_consistency(old, new, old_root, new_root, path)
    with pytest.raises(ProofError):
        tree.check_consistency(old, new, old_root, new_root, data.draw(changed_lists(path)))
    with pytest.raises(ProofError):
        tree.check_consistency(old, new, data.draw(hashes), new_root, path)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_entries_come_out_of_a_bundle_as_they_went_in(entries):
    assert tiles.decode_entries(tiles.encode_entries(entries), len(entries)) == entries


@given(st.binary(max_size=60), st.integers(1, 8))
def test_any_bytes_are_a_bundle_in_one_spelling_or_refused(raw, width):
    try:
        entries = tiles.decode_entries(raw, width)
    except MalformedError:
        return
    assert tiles.encode_entries(entries) == raw


@given(st.one_of(st.text(), st.binary().map(spelling.to_base64)))
def test_any_text_is_base64_in_one_spelling_or_refused(text):
    try:
        raw = spelling.from_base64(text)
    except MalformedError:
        return
    assert spelling.to_base64(raw) == text


@given(st.one_of(st.text("0123456789+-_ .\n", max_size=21), st.text(), st.integers().map(str)))
def test_any_text_is_a_number_in_one_spelling_or_refused(text):
    try:
        number = spelling.from_decimal(text)
    except MalformedError:
        return
    assert str(number) == text
    assert 0 <= number <= 2**63 - 1


@given(st.integers(1, 2**63 - 1), hashes)
def test_a_checkpoint_opens_as_it_was_signed(size, root):
    checkpoint = Checkpoint(LOG.name, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, KEY.sign, PUBLIC_KEY), POLICY).checkpoint == checkpoint


GOOD = tree.Appended(LEAVES[:7])
GOOD_PROOF = LogProof(
    4,
    tuple(tree.inclusion_proof(4, 7, GOOD)),
    sign_checkpoint(Checkpoint(LOG.name, 7, tree.tree_root(7, GOOD)), KEY.sign, PUBLIC_KEY),
).to_bytes()


@given(st.integers(0, len(GOOD_PROOF) - 1), st.integers(1, 255))
def test_any_changed_byte_spoils_a_proof(at, difference):
    changed = bytearray(GOOD_PROOF)
    changed[at] ^= difference
    with pytest.raises(PriorConsentError):
        check(LogProof.parse(bytes(changed)), b"4", POLICY)


@given(st.one_of(st.binary(), st.text().map(str.encode), st.builds(bytes.__add__, st.just(GOOD_PROOF), st.binary())))
def test_any_bytes_are_a_proof_or_our_own_error(raw):
    try:
        proof = LogProof.parse(raw)
        assert proof.to_bytes() == raw
        check(proof, b"4", POLICY)
    except PriorConsentError:
        return
    assert raw.startswith(GOOD_PROOF)


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_bytes_are_a_checkpoint_or_our_own_error(raw):
    with pytest.raises(PriorConsentError):
        open_checkpoint(raw, POLICY)


WORDS = st.sampled_from(["log", "quorum", "none", "witness", "group", LOG.vkey(), "#", "\t", " ", "\n", "x", "\u2028"])


@given(st.one_of(st.text(st.characters()), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_a_policy_or_our_own_error(text):
    try:
        policy = Policy.parse(text)
    except PriorConsentError:
        return
    assert {log.key for log in policy.logs} == {LOG}
    assert Policy.parse(policy.text()) == policy


@given(st.text(st.characters()))
def test_any_text_is_a_verifier_key_or_our_own_error(text):
    for candidate in (text, text + LOG.vkey(), f"log+{text}", f"log+00000000+{text}"):
        try:
            verifier = Verifier.parse(candidate)
        except PriorConsentError:
            continue
        assert verifier.vkey() == candidate
