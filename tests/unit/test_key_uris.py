"""A key is named by a URI, in one way, and a PIN never stands in it."""

from pathlib import Path

import pytest

from priorconsent.errors import MalformedError, NotAvailableError
from priorconsent.signing.uris import FileUri, PublicUri, TokenUri, read_uri


@pytest.mark.parametrize("text", ["file:/keys/log.pem", "file:///keys/log.pem"])
def test_a_file_is_named_by_its_absolute_path(text):
    assert read_uri(text) == FileUri(Path("/keys/log.pem"))


def test_a_public_half_is_its_bytes():
    uri = read_uri("public:" + "A" * 43)
    assert uri == PublicUri(bytes(32))
    assert str(uri) == "public:" + "A" * 43


def test_a_token_is_named_as_in_rfc_7512():
    text = (
        "pkcs11:token=The%20Registry;object=log;id=%01%ff;type=private?module-path=/lib/p11.so&pin-source=file:/run/pin"
    )
    assert read_uri(text) == TokenUri(
        module=Path("/lib/p11.so"), token="The Registry", label="log", id=b"\x01\xff", pin_source=Path("/run/pin")
    )


def test_serial_and_id_are_enough():
    uri = read_uri("pkcs11:serial=0a1b;id=%00?module-path=/lib/p11.so")
    assert uri == TokenUri(module=Path("/lib/p11.so"), serial="0a1b", id=b"\0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/keys/log.pem",
        "log.pem",
        "https://keys.example/log",
        "file:log.pem",
        "file://host/log.pem",
        "file:",
        "public:",
        "public:AAAA=",
        "pkcs11:",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a?module-path=/lib/p11.so",
        "pkcs11:object=b?module-path=/lib/p11.so",
        "pkcs11:token=a;token=c;object=b?module-path=/lib/p11.so",
        "pkcs11:token=a;object=?module-path=/lib/p11.so",
        "pkcs11:token=a;object=%ff?module-path=/lib/p11.so",
        "pkcs11:token=a;object=%0a?module-path=/lib/p11.so",
        "pkcs11:token=a;object=%4?module-path=/lib/p11.so",
        "pkcs11:token=a;object=b;id=?module-path=/lib/p11.so",
        "pkcs11:token=a;object=b;type=public?module-path=/lib/p11.so",
        "pkcs11:token=a;object=b;x-other=1?module-path=/lib/p11.so",
        "pkcs11:token=a;object=b?module-path=p11.so",
        "pkcs11:token=a;object=b?module-path=/lib/p11.so&pin-source=pin",
        "pkcs11:token=a;object=b?module-path=/lib/p11.so&pin-source=|/bin/pin",
        "pkcs11:token=" + "a" * 5000 + ";object=b?module-path=/lib/p11.so",
    ],
)
def test_what_names_no_key_clearly_is_refused(text):
    with pytest.raises(MalformedError):
        read_uri(text)


def test_a_pin_in_a_uri_is_refused_without_being_shown():
    with pytest.raises(MalformedError, match="pin-source") as refused:
        read_uri("pkcs11:token=a;object=b?module-path=/lib/p11.so&pin-value=1234")
    assert "1234" not in str(refused.value)


@pytest.mark.parametrize("attribute", ["manufacturer", "slot-id"])
def test_attributes_that_come_later_are_refused_by_name(attribute):
    with pytest.raises(NotAvailableError, match=attribute):
        read_uri(f"pkcs11:token=a;object=b;{attribute}=c?module-path=/lib/p11.so")


def test_a_uri_in_a_message_shows_no_path_to_the_pin():
    uri = read_uri("pkcs11:token=a;object=b?module-path=/lib/p11.so&pin-source=/run/secret")
    assert str(uri) == "pkcs11: key 'b' in token 'a'"
