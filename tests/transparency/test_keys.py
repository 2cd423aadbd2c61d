"""The registry's own keys: made once, for their owner's eyes."""

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from priorconsent.errors import SigningError
from priorconsent.keys import read_keyset
from priorconsent.signing import pkcs8
from priorconsent.trust import read_trust
from tests.transparency.cast import DAY_1
from transparency.archive import DatabaseArchive
from transparency.signers import USES, make_keys, mldsa_public_halves, mldsa_signers, seal, signer
from transparency.store import keyset

PKCS8 = PrivateFormat.PKCS8


def test_keys_are_files_for_their_owner_alone(folder):
    make_keys(root=True)
    for path in (folder / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o700


def test_each_use_has_a_key_of_its_own(folder):
    make_keys(root=True)
    assert len({signer(use).kid for use in USES}) == len(USES)


def test_keys_that_are_there_stay(folder):
    make_keys(root=True)
    before = [signer(use).kid for use in USES], seal(b"draft")
    make_keys(root=True)
    assert ([signer(use).kid for use in USES], seal(b"draft")) == before


def test_a_signature_verifies_under_the_key_of_the_use(folder):
    make_keys(root=True)
    signer("grant").jwk.verify(signer("grant").sign(b"message"), b"message")


def test_the_log_has_a_key_that_outlasts_quantum_computers(folder):
    make_keys(root=True)
    [key] = mldsa_signers()
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"message")
    assert (len(public), len(signature)) == (1312, 2420)
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, b"message")


def test_a_key_that_others_can_read_is_refused(folder):
    make_keys(root=True)
    (folder / "keys" / "log.pem").chmod(0o644)
    with pytest.raises(SigningError, match="others may read"):
        signer("log")


def test_a_signer_does_not_show_its_key(folder):
    make_keys(root=True)
    assert repr(signer("log")).startswith("<priorconsent.keys.PrivateKey object at ")


@pytest.mark.parametrize(
    "content",
    [
        pkcs8.encode(Ed25519PrivateKey.generate(), b"a passphrase of theirs"),
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
        b"no key",
        b"",
    ],
    ids=["encrypted", "other algorithm", "no key", "empty"],
)
def test_a_file_that_holds_no_key_for_us_does_not_sign(folder, content):
    make_keys(root=True)
    (folder / "keys" / "log.pem").write_bytes(content)
    with pytest.raises(SigningError, match=r"log\.pem"):
        signer("log")


def test_a_key_that_is_missing_does_not_sign(folder):
    with pytest.raises(SigningError, match=r"there is no log\.pem"):
        signer("log")


def test_the_first_keyset_is_signed_by_the_root_and_names_the_registry(registry):
    current = keyset()
    assert read_keyset(DatabaseArchive().keyset(registry), None) == current
    assert current.digest == registry
    assert {key.use: key.jwk for key in current.keys} == {use: signer(use).jwk for use in USES if use != "root"}
    assert {key.from_ for key in current.keys} == {DAY_1}


def test_the_trust_file_names_registry_log_and_root(registry, folder):
    trust = read_trust((folder / "trust.json").read_bytes())
    assert trust.registry == registry
    assert trust.roots == (signer("root").kid,)
    assert [log.key.public_key for log in trust.policy.logs] == [signer("log").jwk.raw]
    assert [own.key.public_key for own in trust.policy.witnesses] == list(mldsa_public_halves())
    assert trust.policy.missing(()) == ("own-ml-dsa",)
