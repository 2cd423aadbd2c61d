"""Our own files of the log: the good ones are read, the bad ones refused for what their name says."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent.errors import MalformedError, NotAvailableError, NotTrustedError, ProofError, SignatureError
from priorconsent.log import proof, tree
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.policy import Log, Policy

VECTORS = Path(__file__).parents[1] / "vectors"
ORIGIN = "log.registry.example/1"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log-1").digest())
PUBLIC_KEY = LOG_KEY.public_key().public_bytes_raw()
LOG = Verifier(ORIGIN, PUBLIC_KEY)
POLICY = Policy((Log(LOG),))
ENTRIES = [b"entry %d" % i for i in range(7)]

# Error by file; a file that isn't named here is malformed.
CHECKPOINT_ERRORS = {
    "origin_of_another_log": NotTrustedError,
    "signature_of_63_bytes": SignatureError,
    "signature_of_known_key_fails_beside_a_good_one": SignatureError,
    "signed_by_a_stranger": SignatureError,
    "signed_text_was_another": SignatureError,
}
PROOF_ERRORS = {
    "checkpoint_of_another_size": ProofError,
    "checkpoint_signed_by_a_stranger": SignatureError,
    "hash_changed": ProofError,
    "hash_missing": ProofError,
    "hash_too_many": ProofError,
    "hashes_swapped": ProofError,
    "index_of_the_neighbour": ProofError,
    "index_outside_the_tree": ProofError,
}
POLICY_ERRORS = {"key_of_ecdsa": NotAvailableError}


def files(folder, *, good):
    return sorted(path for path in (VECTORS / folder).iterdir() if path.stem.startswith("good") == good)


def named(path):
    return path.stem


def check_entry_4(raw):
    return proof.check(proof.LogProof.parse(raw), ENTRIES[4], POLICY)


@pytest.mark.parametrize("path", files("checkpoints", good=True), ids=named)
def test_a_good_checkpoint_opens(path):
    checkpoint = open_checkpoint(path.read_bytes(), POLICY).checkpoint
    assert checkpoint.origin == ORIGIN
    assert checkpoint.size in (0, 70_000)


@pytest.mark.parametrize("path", files("checkpoints", good=False), ids=named)
def test_a_bad_checkpoint_is_refused(path):
    with pytest.raises(CHECKPOINT_ERRORS.get(path.stem, MalformedError)):
        open_checkpoint(path.read_bytes(), POLICY)


def test_the_good_checkpoint_is_what_signing_gives():
    signed = sign_checkpoint(Checkpoint(ORIGIN, 70_000, hashlib.sha256(b"root").digest()), LOG_KEY.sign, PUBLIC_KEY)
    assert signed == (VECTORS / "checkpoints" / "good.txt").read_bytes()


@pytest.mark.parametrize("path", files("proofs", good=True), ids=named)
def test_a_good_proof_shows_its_entry_and_is_written_as_it_was_read(path):
    raw = path.read_bytes()
    assert check_entry_4(raw).checkpoint.origin == ORIGIN
    assert proof.LogProof.parse(raw).to_bytes() == raw


@pytest.mark.parametrize("path", files("proofs", good=False), ids=named)
def test_a_bad_proof_is_refused(path):
    with pytest.raises(PROOF_ERRORS.get(path.stem, MalformedError)):
        check_entry_4(path.read_bytes())


def test_the_good_proof_is_what_the_tree_gives():
    nodes = tree.Appended([tree.leaf_hash(entry) for entry in ENTRIES])
    checkpoint = sign_checkpoint(Checkpoint(ORIGIN, 7, tree.tree_root(7, nodes)), LOG_KEY.sign, PUBLIC_KEY)
    made = proof.LogProof(4, tuple(tree.inclusion_proof(4, 7, nodes)), checkpoint)
    assert made.to_bytes() == (VECTORS / "proofs" / "good.tlog-proof").read_bytes()


def test_a_proof_for_another_index_than_the_one_expected_is_refused():
    good = proof.LogProof.parse((VECTORS / "proofs" / "good.tlog-proof").read_bytes())
    assert proof.check(good, ENTRIES[4], POLICY, index=4).checkpoint.size == 7
    with pytest.raises(ProofError):
        proof.check(good, ENTRIES[4], POLICY, index=0)
    with pytest.raises(ProofError):
        proof.check(good, ENTRIES[3], POLICY)


@pytest.mark.parametrize("path", files("policies", good=True), ids=named)
def test_a_good_policy_names_the_log(path):
    policy = Policy.parse(path.read_text())
    assert policy.logs[0].key == LOG
    assert Policy.parse(policy.text()) == policy


@pytest.mark.parametrize("path", files("policies", good=False), ids=named)
def test_a_bad_policy_is_refused(path):
    with path.open(newline="") as file, pytest.raises(POLICY_ERRORS.get(path.stem, MalformedError)):
        Policy.parse(file.read())


@pytest.mark.parametrize(
    ("folder", "names"),
    [("checkpoints", set(CHECKPOINT_ERRORS)), ("proofs", set(PROOF_ERRORS)), ("policies", set(POLICY_ERRORS))],
)
def test_every_expected_error_belongs_to_a_file(folder, names):
    assert names <= {path.stem for path in files(folder, good=False)}
