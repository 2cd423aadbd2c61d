"""Keys in a hardware token sign as keys in a file do, and never leave it."""

import os
import secrets
import threading

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pkcs11.util.ec import encode_named_curve_parameters

from priorconsent.errors import ConflictError, MalformedError, NotAvailableError, SignatureError, SigningError
from priorconsent.signing import FileUri, is_there, make_key, make_mldsa_key, open_key, read_uri, tokens
from tests.softhsm import PIN
from tests.unit.test_key_files import Secrets


class Pin(Secrets):
    def __init__(self, pin: bytes) -> None:
        super().__init__()
        self.given_pin = pin

    def pin(self, what: str) -> bytes:
        assert "token" in what
        return self.given_pin


@pytest.fixture
def token(softhsm):
    """A token of the test's own, closed behind it."""
    label = softhsm.token(secrets.token_hex(8))
    yield lambda name="log", pin=True: softhsm.uri(label, name, pin=pin)
    tokens._sessions.clear()


def session(uri):
    return pkcs11.lib(str(uri.module)).get_token(token_label=uri.token).open(rw=True, user_pin=PIN)


def test_a_key_in_a_token_and_one_in_a_file_are_used_alike(token, tmp_path):
    for uri in (token(), FileUri(tmp_path / "log.pem")):
        made = make_key(uri, Secrets())
        opened = open_key(uri, Secrets())
        assert opened.jwk == made.jwk
        signature = opened.sign(b"message")
        assert len(signature) == 64
        # Ed25519 is deterministic, in software and hardware.
        assert signature == opened.sign(b"message")
        Ed25519PublicKey.from_public_bytes(opened.jwk.raw).verify(signature, b"message")


def test_a_key_that_was_made_in_a_token_cannot_be_taken_out(token):
    make_key(token(), Secrets())
    with tokens._session(token(), Secrets().pin) as opened:
        key = tokens._only(opened, token(), pkcs11.ObjectClass.PRIVATE_KEY)
        assert key[pkcs11.Attribute.SENSITIVE]
        assert not key[pkcs11.Attribute.EXTRACTABLE]


def test_a_key_in_a_token_is_never_replaced(token):
    made = make_key(token(), Secrets())
    with pytest.raises(ConflictError):
        make_key(token(), Secrets())
    assert open_key(token(), Secrets()).jwk == made.jwk
    assert is_there(token(), Secrets())
    assert not is_there(token("other"), Secrets())


def test_a_wrong_pin_is_tried_once(token):
    """After a few attempts a token locks itself, and a sweep comes every minute."""
    make_key(token(), Secrets())
    tokens._close(token())
    wrong = token(pin=False)
    with pytest.raises(SigningError, match=r"the PIN is wrong$"):
        open_key(wrong, Pin(b"000000000"))
    with pytest.raises(SigningError, match="not tried again"):
        open_key(wrong, Pin(b"000000000"))
    assert open_key(wrong, Pin(PIN.encode())).sign(b"message")


def test_nobody_asked_for_a_pin_gives_none(token):
    with pytest.raises(SigningError, match="no PIN"):
        open_key(token(pin=False), Secrets())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("token=", "token=x"), "there is no such token"),
        (("object=log", "object=lag"), "holds no such public key"),
        (("libsofthsm2.so", "libnothing.so"), "library cannot be loaded"),
    ],
)
def test_what_is_not_there_is_said_in_words(softhsm, token, change, reason):
    make_key(token(), Secrets())
    text = softhsm.text(token().token, "log").replace(*change)
    with pytest.raises(SigningError, match=reason):
        open_key(read_uri(text), Secrets())


# Its bindings complain once more when the search is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_token_that_is_pulled_out_fails_and_works_again_when_it_is_back(token):
    make_key(token(), Secrets())
    opened = open_key(token(), Secrets())
    # As after a reset of the device: every session with it is gone.
    tokens._sessions[tokens._place(token())].close()
    with pytest.raises(SigningError):
        opened.sign(b"message")
    opened.jwk.verify(opened.sign(b"message"), b"message")


def test_a_key_of_another_kind_is_refused(token):
    with session(token()) as opened:
        parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        opened.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True).generate_keypair(
            label="log", store=True
        )
    with pytest.raises(MalformedError, match="no Ed25519 key"):
        open_key(token(), Secrets())


def test_a_public_half_of_another_key_is_noticed_before_anything_is_signed(token):
    """Nothing but a signature ties the halves together, neither in a token nor in a JWK with a private part."""
    made = make_key(token("one"), Secrets())
    other = make_key(token("two"), Secrets())
    tokens._close(token())
    with session(token()) as opened:
        for kind, label in ((pkcs11.ObjectClass.PUBLIC_KEY, "two"), (pkcs11.ObjectClass.PRIVATE_KEY, "one")):
            [found] = opened.get_objects({pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: label})
            found[pkcs11.Attribute.LABEL] = "mixed"
    assert made.jwk != other.jwk
    with pytest.raises(SignatureError):
        open_key(token("mixed"), Secrets())


def test_two_keys_by_one_name_are_none(token):
    make_key(token("one"), Secrets())
    make_key(token("two"), Secrets())
    tokens._close(token())
    with session(token()) as opened:
        for found in list(opened.get_objects({pkcs11.Attribute.LABEL: "two"})):
            found[pkcs11.Attribute.LABEL] = "one"
    with pytest.raises(SigningError, match="several such keys"):
        open_key(token("one"), Secrets())


def test_a_key_for_ml_dsa_in_a_token_is_refused_by_name(token):
    with pytest.raises(NotAvailableError, match="ML-DSA"):
        make_mldsa_key(token(), Secrets())


def test_several_threads_sign_with_one_token(token):
    make_key(token(), Secrets())
    opened = open_key(token(), Secrets())
    signatures = []
    threads = [threading.Thread(target=lambda: signatures.append(opened.sign(b"message"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert signatures == [opened.sign(b"message")] * 8


def test_a_forked_worker_signs_with_a_session_of_its_own(token):
    make_key(token(), Secrets())
    opened = open_key(token(), Secrets())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # SoftHSM would go on with the parent's; other libraries fail, or worse, sign for both.
            assert not tokens._sessions
            assert tokens._inherited
            opened.jwk.verify(opened.sign(b"from the child"), b"from the child")
            assert not tokens._inherited
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert opened.sign(b"message")
