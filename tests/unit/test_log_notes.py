"""Who signed a note, and whom it is refused for."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from priorconsent.log import note, proof, spelling

TEXT = "text\n\nwith a blank line\n"


def key(name):
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public_key(name):
    return key(name).public_key().public_bytes_raw()


def signed_by(name, text=TEXT):
    return note.sign_note(text, name, key(name).sign, public_key(name))


def verifier(name):
    return note.Verifier(name, public_key(name))


def with_line_of(raw, other):
    """``raw`` with the signature line of ``other`` added."""
    return raw + other.decode().rpartition("\n\n")[2].encode()


def names(raw, verifiers):
    """Names of the known keys that signed, in the order of their lines."""
    return tuple(key.name for key, _ in note.open_note(raw, verifiers).signed)


def test_a_blank_line_in_the_text_does_not_separate():
    assert note.open_note(signed_by("log"), [verifier("log")]).text == TEXT


def test_known_signers_are_told_in_the_order_of_their_lines():
    raw = with_line_of(with_line_of(signed_by("log"), signed_by("witness")), signed_by("log"))
    assert names(raw, [verifier("log"), verifier("witness")]) == ("log", "witness", "log")
    assert names(raw, [verifier("witness")]) == ("witness",)


def test_a_line_by_an_unknown_key_is_ignored_even_under_a_known_name():
    impostor = note.sign_note(TEXT, "log", key("impostor").sign, public_key("impostor"))
    assert names(with_line_of(signed_by("log"), impostor), [verifier("log")]) == ("log",)
    with pytest.raises(SignatureError, match="no known key"):
        note.open_note(impostor, [verifier("log")])


def test_a_note_that_nobody_known_signed_is_refused():
    with pytest.raises(SignatureError):
        note.open_note(signed_by("log"), [])


def test_one_failing_signature_by_a_known_key_refuses_the_note():
    raw = with_line_of(signed_by("log"), signed_by("witness", "another text\n"))
    with pytest.raises(SignatureError, match="witness"):
        note.open_note(raw, [verifier("log"), verifier("witness")])
    assert names(raw, [verifier("log")]) == ("log",)


def test_the_same_key_may_not_be_known_twice():
    with pytest.raises(MalformedError):
        note.open_note(signed_by("log"), [verifier("log"), verifier("log")])


def test_64_signatures_are_read_and_128_kb():
    raw = signed_by("log")
    for index in range(63):
        raw = with_line_of(raw, signed_by(f"witness{index}"))
    assert names(raw, [verifier("log")]) == ("log",)
    with pytest.raises(MalformedError, match="65 signatures"):
        note.open_note(with_line_of(raw, signed_by("witness63")), [verifier("log")])
    with pytest.raises(MalformedError, match="at most 131072"):
        note.open_note(b"x" * 131_073, [verifier("log")])


def test_a_note_that_nobody_could_read_is_not_signed():
    for text in ("no newline", "tab\there\n", "x" * 131_072 + "\n"):
        with pytest.raises(MalformedError):
            signed_by("log", text)


def test_a_signer_that_does_not_belong_to_the_key_is_caught():
    with pytest.raises(SignatureError):
        note.sign_note(TEXT, "log", key("impostor").sign, public_key("log"))


@pytest.mark.parametrize("control", ["\t", "\r", "\x00", "\x1f"])
def test_control_characters_are_refused_even_when_signed(control):
    text = f"a{control}b\n"
    signature = spelling.to_base64(verifier("log").key_id + key("log").sign(text.encode()))
    with pytest.raises(MalformedError, match="control"):
        note.open_note(f"{text}\n— log {signature}\n".encode(), [verifier("log")])


def test_a_line_that_no_signer_could_have_written_refuses_the_note():
    for name in ("a+b", "a\u00a0b", ""):
        line = signed_by("witness").decode().rpartition("\n\n")[2].replace("witness", name)
        with pytest.raises(MalformedError, match="key name"):
            note.open_note(signed_by("log") + line.encode(), [verifier("log")])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u3000b", "a\x00b", "\ud800"])
def test_a_name_that_would_break_a_line_is_no_key_name(name):
    with pytest.raises(MalformedError):
        note.Verifier(name, public_key("log"))


def test_a_verifier_key_reads_back_as_written():
    assert note.Verifier.parse(verifier("log").vkey()) == verifier("log")


@pytest.mark.parametrize(
    ("kind", "words"),
    [(2, "ECDSA signatures are not"), (5, "RFC 6962")],
)
def test_a_signature_type_of_others_is_refused_by_name(kind, words):
    with pytest.raises(NotAvailableError, match=words):
        note.Verifier.parse(note.spell_vkey("log", kind, public_key("log")))


@pytest.mark.parametrize("kind", [0, 4, 6, 255])
def test_a_log_signs_with_ed25519_and_nothing_else(kind):
    with pytest.raises(MalformedError, match="type 0x"):
        note.Verifier.parse(note.spell_vkey("log", kind, public_key("log")))


def test_numbers_end_at_63_bits():
    assert spelling.from_decimal("9223372036854775807") == 2**63 - 1
    for text in ("9223372036854775808", "9999999999999999999", "1" * 5000):
        with pytest.raises(MalformedError):
            spelling.from_decimal(text)


def test_a_proof_without_its_blank_line_is_no_proof():
    for raw in (b"c2sp.org/tlog-proof@v1\nindex 0", b"c2sp.org/tlog-proof@v1\nindex 0\n"):
        with pytest.raises(MalformedError):
            proof.LogProof.parse(raw)
