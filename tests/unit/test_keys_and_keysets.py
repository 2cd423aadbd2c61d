"""Keys: one spelling each, none of small order, and keysets that follow each other."""

from typing import Any

import msgspec
import pytest

from priorconsent import canonical, keys
from priorconsent.errors import FraudError, MalformedError, NotAvailableError, PriorConsentError, SignatureError
from priorconsent.keys import FIELD, Jwk, Keyset, RegistryKey, jwk_of, read_key_record, read_keyset, sign_keyset
from tests.world import END, START, World, key, salt, uid


def y(number):
    return jwk_of(number.to_bytes(32, "little"))


SMALL_ORDER = [
    0,
    1,
    FIELD - 1,
    2**255 + 1,
    2**255 + FIELD - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"), "little"),
]


@pytest.mark.parametrize("number", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(number):
    with pytest.raises(MalformedError, match="small order"):
        y(number).check()
    with pytest.raises(MalformedError):
        # An all-zero signature fits every message under the neutral point.
        y(number).verify(bytes(64), b"anything")


@pytest.mark.parametrize("number", [FIELD, FIELD + 1, FIELD + 18, 2**255 - 1, 2**255 + FIELD + 3])
def test_a_key_that_is_not_canonical_is_refused(number):
    with pytest.raises(MalformedError, match="canonical"):
        y(number).check()


def test_a_signature_fits_its_message_and_key_alone():
    signature = key("a").sign(b"message")
    key("a").jwk.verify(signature, b"message")
    order = 2**252 + 27742317777372353535851937790883648493
    stretched = int.from_bytes(signature[32:], "little") + order
    for other, message, signer in (
        (signature, b"massage", "a"),
        (signature, b"message", "b"),
        (signature[:63], b"message", "a"),
        (b"", b"message", "a"),
        (signature[:32] + stretched.to_bytes(32, "little"), b"message", "a"),
    ):
        with pytest.raises(SignatureError):
            key(signer).jwk.verify(other, message)


def test_a_key_record_is_a_salted_commitment():
    plain: dict[str, Any] = {
        "v": 1,
        "registry": canonical.digest(b"r"),
        "party": uid("p"),
        "method": "key",
        "passkey": None,
    }
    plain |= {"jwk": key("a").jwk.to_json(), "salt": salt("a")}
    record = read_key_record(canonical.encode(plain))
    assert record.key_id != read_key_record(canonical.encode({**plain, "salt": salt("b")})).key_id
    with pytest.raises(NotAvailableError, match="passkey"):
        read_key_record(canonical.encode({**plain, "method": "passkey"}))
    with pytest.raises(MalformedError, match="small order"):
        read_key_record(canonical.encode({**plain, "jwk": y(1).to_json()}))
    changes: list[dict[str, Any]] = [
        {"method": "voice"},
        {"passkey": {}},
        {"salt": "AAAAAAAAAAAAAAAAAAAAAB"},
        {"jwk": {**plain["jwk"], "d": "x"}},
        {"jwk": {**plain["jwk"], "kty": "EC"}},
        {"party": uid("p").upper()},
    ]
    for change in changes:
        with pytest.raises(MalformedError):
            read_key_record(canonical.encode({**plain, **change}))


def keyset(roots=("root",), threshold=1, version=1, previous=None, **members):
    return Keyset(
        v=1,
        registry=previous.registry_id if previous else None,
        version=version,
        previous=previous.digest if previous else None,
        threshold=threshold,
        roots=tuple(sorted((key(one).jwk for one in roots), key=lambda one: one.encode())),
        keys=(RegistryKey(jwk=key("grant").jwk, use="grant", from_=START, until=END),),
        key_delay_s=0,
        **members,
    )


def signed(made, *signers):
    return sign_keyset(made, [key(one) for one in signers])


def test_version_one_meets_its_own_threshold_with_distinct_keys():
    made = keyset(roots=("a", "b", "c"), threshold=2)
    assert read_keyset(signed(made, "a", "b"), None) == made
    assert read_keyset(signed(made, "a", "b", "c"), None) == made
    for signers in (("a",), ("a", "a"), ("a", "stranger")):
        with pytest.raises(PriorConsentError):
            read_keyset(signed(made, *signers), None)


def test_the_next_version_meets_both_thresholds():
    first = keyset(roots=("a", "b"), threshold=2)
    following = keyset(roots=("c",), version=2, previous=first)
    assert read_keyset(signed(following, "a", "b", "c"), first) == following
    for signers in (("c",), ("a", "c"), ("a", "b")):
        with pytest.raises(SignatureError):
            read_keyset(signed(following, *signers), first)


def test_a_keyset_follows_exactly_the_one_before():
    first = keyset(roots=("a",))
    other = keyset(roots=("a",), threshold=1, version=1)
    following = keyset(roots=("a",), version=2, previous=first)
    for wrong, before in (
        (following, None),
        (first, first),
        (keyset(roots=("a",), version=3, previous=first), first),
        (msgspec.structs.replace(following, previous=canonical.digest(b"x")), first),
        (msgspec.structs.replace(following, registry=canonical.digest(b"x")), first),
        (msgspec.structs.replace(other, registry=canonical.digest(b"x")), None),
    ):
        with pytest.raises(FraudError, match="does not follow"):
            read_keyset(signed(wrong, "a"), before)


def test_a_signature_under_another_payload_or_header_does_not_count():
    made, other = keyset(roots=("a",)), keyset(roots=("a", "b"))
    general, wrong = canonical.parse(signed(made, "a")), canonical.parse(signed(other, "a"))
    with pytest.raises(SignatureError):
        read_keyset(canonical.encode({**general, "signatures": wrong["signatures"]}), None)
    header = canonical.to_base64url(
        canonical.encode({"alg": "Ed25519", "kid": key("a").jwk.thumbprint, "typ": "prior-consent-statement+jws"})
    )
    signature = key("a").sign(f"{header}.{general['payload']}".encode())
    wrong = [{"protected": header, "signature": canonical.to_base64url(signature)}]
    with pytest.raises(SignatureError, match="header"):
        read_keyset(canonical.encode({**general, "signatures": wrong}), None)


def test_a_root_of_small_order_signs_for_nobody():
    made = msgspec.structs.replace(keyset(), roots=(y(1),))
    with pytest.raises(MalformedError, match="small order"):
        read_keyset(signed(made, "root"), None)


def test_a_registry_key_counts_for_its_use_and_in_its_half_open_time():
    made = keyset()
    kid = key("grant").jwk.thumbprint
    assert made.key(kid, "grant", START) == key("grant").jwk
    for wrong in (
        (kid, "log", START),
        (kid, "grant", END),
        (kid, "grant", "2025-01-01T00:00:00Z"),
        ("x", "grant", START),
    ):
        with pytest.raises(SignatureError):
            made.key(*wrong)


def test_the_registry_is_named_by_its_first_keyset_alone():
    first = keyset(roots=("a",))
    following = keyset(roots=("a",), version=2, previous=first)
    assert first.registry_id == first.digest == following.registry_id != following.digest
    assert World().registry == World().keyset.digest


def test_the_thumbprint_is_that_of_rfc_8037():
    # RFC 8037, appendix A.3.
    jwk = Jwk(crv="Ed25519", kty="OKP", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert jwk.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert keys.jwk_of(jwk.raw) == jwk
