"""Key files: encrypted by a derivation that costs something, in the form that everybody reads, for one owner."""

import base64
import stat
import subprocess

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from priorconsent.errors import ConflictError, MalformedError, NotTrustedError, SigningError
from priorconsent.signing import FileUri, make_key, make_mldsa_key, open_key, open_mldsa_key, pbes2, pkcs8, read_uri

PASSPHRASE = b"tall ships at anchor"
PKCS8 = PrivateFormat.PKCS8


class Secrets:
    """One passphrase for all files, or none; plain files are noted, or refused."""

    def __init__(self, passphrase: bytes | None = PASSPHRASE, *, plain_allowed: bool = False) -> None:
        self.given, self.plain_allowed, self.seen = passphrase, plain_allowed, list[str]()

    def passphrase(self, what: str) -> bytes | None:
        self.seen.append(what)
        return self.given

    def pin(self, what: str) -> bytes:
        raise SigningError(f"no PIN for {what}")

    def plain(self, what: str) -> None:
        if not self.plain_allowed:
            raise NotTrustedError(f"{what}: plain key files are not used here")


@pytest.fixture
def uri(tmp_path):
    return FileUri(tmp_path / "log.pem")


def ed25519(encryption=None):
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PKCS8, encryption or NoEncryption())


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", "pkcs8", *arguments], input=given, capture_output=True, check=False)


def write(uri, pem):
    uri.path.write_bytes(pem)
    uri.path.chmod(0o600)


def test_a_key_is_written_encrypted_for_its_owner_alone_and_opens_again(uri):
    made = make_key(uri, Secrets())
    assert uri.path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert stat.S_IMODE(uri.path.stat().st_mode) == 0o600
    opened = open_key(uri, Secrets())
    assert opened.jwk == made.jwk
    opened.jwk.verify(opened.sign(b"message"), b"message")


def test_a_key_for_ml_dsa_goes_the_same_way(uri):
    made = make_mldsa_key(uri, Secrets())
    signature = open_mldsa_key(uri, Secrets()).sign(b"message")
    made.public_key().verify(signature, b"message")


def test_openssl_opens_what_we_write(uri, tmp_path):
    key = Ed25519PrivateKey.generate()
    write(uri, pkcs8.encode(key, PASSPHRASE))
    done = openssl("-in", uri.path, "-passin", "stdin", given=PASSPHRASE + b"\n")
    assert done.stdout == key.private_bytes(Encoding.PEM, PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "arguments",
    [
        ("-scrypt",),
        ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "600000"),
    ],
    ids=["scrypt", "PBKDF2"],
)
def test_we_open_what_openssl_writes(uri, tmp_path, arguments):
    (tmp_path / "plain").write_bytes(ed25519())
    written = openssl("-topk8", "-in", tmp_path / "plain", *arguments, "-passout", "stdin", given=PASSPHRASE + b"\n")
    write(uri, written.stdout)
    plain = pkcs8.decode((tmp_path / "plain").read_bytes(), None)
    assert open_key(uri, Secrets()).jwk.raw == plain.public_key().public_bytes_raw()


WEAK = {
    "as cryptography writes": None,
    "599,999 rounds": ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "599999"),
    "SHA-1": ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1", "-iter", "600000"),
    "SHA-512": ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "600000"),
    "AES-128": ("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA256", "-iter", "600000"),
    "little scrypt": ("-scrypt", "-scrypt_N", "8192"),
}


@pytest.mark.parametrize("arguments", WEAK.values(), ids=WEAK)
def test_a_file_that_protects_nothing_is_refused_though_the_passphrase_is_right(uri, tmp_path, arguments):
    if arguments is None:
        write(uri, ed25519(BestAvailableEncryption(PASSPHRASE)))
    else:
        (tmp_path / "plain").write_bytes(ed25519())
        done = openssl("-topk8", "-in", tmp_path / "plain", *arguments, "-passout", "stdin", given=PASSPHRASE + b"\n")
        assert done.returncode == 0
        write(uri, done.stdout)
    with pytest.raises(NotTrustedError, match=r"log\.pem"):
        open_key(uri, Secrets())


def container(**changes):
    """A container of ours with another parameter; its data decrypts to nothing."""
    told = {"salt": bytes(16), "cost": 1 << 14, "block": 8, "parallel": 5, "key_bytes": 32, **changes}
    parameters = asn1.decode_der(asn1.TLV, asn1.encode_der(pbes2._Scrypt(**told)))
    pbes = pbes2._Pbes2(
        kdf=pbes2._Kdf(algorithm=pbes2.SCRYPT, parameters=parameters),
        cipher=pbes2._Cipher(algorithm=pbes2.AES_256_CBC, iv=bytes(16)),
    )
    scheme = pbes2._Scheme(algorithm=pbes2.PBES2, parameters=pbes)
    return asn1.encode_der(pbes2._Container(scheme=scheme, data=bytes(16)))


@pytest.mark.parametrize(
    "changes",
    [{"cost": 1 << 40}, {"parallel": 1 << 20}, {"block": 1 << 30}, {"salt": b"short"}, {"key_bytes": 16}, {"block": 1}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_derivation_is_judged_before_it_is_tried(changes):
    pbes2.check_derivation(container())
    with pytest.raises(NotTrustedError):
        pbes2.check_derivation(container(**changes))


def test_a_wrong_passphrase_says_so_and_nothing_else(uri):
    make_key(uri, Secrets())
    with pytest.raises(NotTrustedError, match=r"^log\.pem: the passphrase does not open it$"):
        open_key(uri, Secrets(b"tall ships at sea, all"))


def test_a_short_passphrase_is_none(uri):
    with pytest.raises(MalformedError, match="at least 12"):
        make_key(uri, Secrets(b"short"))
    assert not uri.path.exists()


def test_an_encrypted_key_without_a_passphrase_does_not_sign(uri):
    make_key(uri, Secrets())
    with pytest.raises(SigningError, match="no passphrase"):
        open_key(uri, Secrets(None))


def test_a_plain_file_is_used_only_where_somebody_allows_it(uri):
    write(uri, ed25519())
    open_key(uri, Secrets(None, plain_allowed=True))
    with pytest.raises(NotTrustedError, match="plain"):
        open_key(uri, Secrets(PASSPHRASE))
    with pytest.raises(NotTrustedError, match="plain"):
        make_key(FileUri(uri.path.with_name("other.pem")), Secrets(None))
    assert not uri.path.with_name("other.pem").exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused(uri, mode):
    make_key(uri, Secrets())
    uri.path.chmod(mode)
    with pytest.raises(NotTrustedError, match="others may read"):
        open_key(uri, Secrets())


def test_a_key_is_never_overwritten(uri):
    made = make_key(uri, Secrets())
    with pytest.raises(ConflictError):
        make_key(uri, Secrets())
    assert open_key(uri, Secrets()).jwk == made.jwk


def test_a_key_that_is_missing_or_elsewhere_does_not_sign(uri):
    with pytest.raises(SigningError, match=r"there is no log\.pem"):
        open_key(uri, Secrets())
    with pytest.raises(SigningError, match="public half"):
        open_key(read_uri("public:" + "A" * 43), Secrets())


def with_public_half(key, other):
    """PKCS#8 version 2 (RFC 5958), whose public half is that of another key."""
    der = key.private_bytes(Encoding.DER, PKCS8, NoEncryption())
    body = b"\x02\x01\x01" + der[5:] + b"\x81\x21\x00" + other.public_key().public_bytes_raw()
    text = base64.encodebytes(b"\x30" + bytes([len(body)]) + body)
    return b"-----BEGIN PRIVATE KEY-----\n" + text + b"-----END PRIVATE KEY-----\n"


PLAIN = ed25519()
OTHERS = {
    "another kind": generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    "ML-DSA": MLDSA44PrivateKey.generate().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    "a public half of its own": with_public_half(Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()),
    "nothing": b"",
    "no PEM": b"no key",
    "no base64": PLAIN.replace(b"MC4C", b"MC4*"),
    "not ASCII": PLAIN.replace(b"MC4C", b"\xff\xff\xff\xff"),
    "two keys": PLAIN + PLAIN,
    "text before": b"key:\n" + PLAIN,
    "too long": PLAIN + b"\n" * (1 << 16),
}


@pytest.mark.parametrize("pem", OTHERS.values(), ids=OTHERS)
def test_what_is_no_ed25519_key_is_refused(uri, pem):
    write(uri, pem)
    with pytest.raises(MalformedError):
        open_key(uri, Secrets(None, plain_allowed=True))


def test_the_same_key_is_another_text_each_time():
    key = Ed25519PrivateKey.generate()
    assert pkcs8.encode(key, PASSPHRASE) != pkcs8.encode(key, PASSPHRASE)
