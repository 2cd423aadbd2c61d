"""Offer and grant token: frozen content, said once, countersigned by a grant key."""

import json
from typing import Any

import msgspec
import pytest

from priorconsent import canonical, grants, jws
from priorconsent.errors import MalformedError, SignatureError
from priorconsent.grants import Evidence, Token, credential
from priorconsent.offers import Offer, read_offer
from priorconsent.records import convert
from tests.world import END, FILM, MANGA, START, STRANGER, VENDOR, World, file, key, uid

WORLD = World.with_film()
OFFER = WORLD.offer()
CITED = [Evidence(type="approval", digest=file("a")), Evidence(type="acceptance", digest=file("b"))]


def token(content=None, header=None):
    content = content or credential(OFFER, CITED)
    signer = key("grant")
    plain = {**grants.HEADER, "kid": signer.jwk.thumbprint} if header is None else header
    return jws.sign(plain, canonical.encode(content), signer.sign)


FAULTS: dict[str, dict[str, Any]] = {
    "no works": {"works": []},
    "no rights": {"rights": []},
    "no uses": {"uses": []},
    "no bindings": {"bindings": []},
    "any use": {"uses": ["*"]},
    "any right": {"rights": ["*"]},
    "any binding": {"bindings": ["*"]},
    "a star among modalities": {"modalities_in": ["*", "video"]},
    "a star among models": {"models": ["*", "A"]},
    "a star among territories": {"territory": ["*", "JP"]},
    "501 works": {"works": sorted(uid(str(number)) for number in range(501))},
    "a work named and excluded": {"excluded": [FILM]},
    "a public licence for a party": {"licensee": {"kind": "public", "party": VENDOR, "affiliates": []}},
    "a public licence with affiliates": {"licensee": {"kind": "public", "party": None, "affiliates": [VENDOR]}},
    "a named licence for nobody": {"licensee": {"kind": "party", "party": None, "affiliates": []}},
    "a public licence with notice": {
        "licensee": {"kind": "public", "party": None, "affiliates": []},
        "withdrawal": {"by": "any", "notice_s": 60},
    },
    "a public licence ended by all": {
        "licensee": {"kind": "public", "party": None, "affiliates": []},
        "withdrawal": {"by": "all", "notice_s": 0},
    },
    "an end before its begin": {"valid_from": END},
    "a file as locator": {"locators": [file("a")]},
    "a work as locator": {"locators": [f"work:{FILM}"]},
    "a promise nobody knows": {"conditions": {"cake": True}},
    "negative notice": {"withdrawal": {"by": "any", "notice_s": -1}},
    "half of a second": {"withdrawal": {"by": "any", "notice_s": 0.5}},
    "an unknown member": {"colour": "red"},
    "a nested permit": {"uses": [{"permit": "train"}]},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_offer_does_not_contradict_itself(fault):
    plain = {**OFFER.to_json(), **FAULTS[fault]}
    with pytest.raises(MalformedError):
        read_offer(json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def test_500_works_are_allowed():
    works = sorted(uid(str(number)) for number in range(500))
    assert len(read_offer(canonical.encode({**OFFER.to_json(), "works": works})).works) == 500


@pytest.mark.parametrize("member", OFFER.__struct_fields__)
def test_every_member_of_an_offer_is_signed(member):
    plain = OFFER.to_json()
    del plain[member]
    with pytest.raises(MalformedError):
        read_offer(canonical.encode(plain))
    changed = {
        "grant": uid("x"),
        "works": [MANGA],
        "territory": ["FR"],
        "valid_until": "2030-01-01T00:00:00Z",
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
    }
    if member in changed:
        assert convert({**OFFER.to_json(), member: changed[member]}, Offer).digest != OFFER.digest


def test_a_token_says_what_its_offer_says():
    read = Token(token())
    assert read.offer == OFFER
    assert (read.cited("approval"), read.cited("acceptance")) == ((file("a"),), (file("b"),))
    read.verify(WORLD.keyset, START)


DUPLICATES: dict[str, Any] = {
    "id": uid("another"),
    "issuer": "urn:prior-consent:sha256:" + "0" * 64,
    "validUntil": "2030-01-01T00:00:00Z",
    "validFrom": START,
    "type": ["VerifiableCredential"],
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "credentialSubject": {"id": STRANGER, "offer": OFFER.to_json()},
    "extra": 1,
}


@pytest.mark.parametrize("member", DUPLICATES)
def test_a_token_that_says_anything_else_beside_is_refused(member):
    plain = {**credential(OFFER, CITED).to_json(), member: DUPLICATES[member]}
    with pytest.raises(MalformedError):
        Token(token(plain))


def test_valid_from_stands_in_the_token_only_if_the_offer_has_one():
    assert "validFrom" not in credential(OFFER, CITED).to_json()
    dated = msgspec.structs.replace(OFFER, valid_from=START)
    assert credential(dated, CITED).to_json()["validFrom"] == START
    plain = credential(dated, CITED).to_json()
    del plain["validFrom"]
    with pytest.raises(MalformedError):
        Token(token(plain))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "cty": "vc", "typ": "vc+jwt", "kid": "x"},
        {"alg": "Ed25519", "typ": "vc+jwt", "kid": "x"},
        {"alg": "EdDSA", "cty": "vc", "typ": "vc+jwt", "kid": "x"},
        {"alg": "Ed25519", "cty": "vc", "typ": "prior-consent-statement+jws", "kid": "x"},
        {"alg": "Ed25519", "cty": "vc", "typ": "vc+jwt"},
    ],
)
def test_a_token_has_its_own_header_exactly(header):
    with pytest.raises(MalformedError):
        Token(token(header=header))


def test_only_a_grant_key_in_its_time_countersigns():
    for signer in ("log", "receipt", "account", "stranger"):
        raw = grants.sign(credential(OFFER, CITED), key(signer).jwk.thumbprint, key(signer).sign)
        with pytest.raises(SignatureError):
            Token(raw).verify(WORLD.keyset, START)
    with pytest.raises(SignatureError):
        Token(token()).verify(WORLD.keyset, "2025-01-01T00:00:00Z")
    # Another's signature under the grant key's name.
    raw = grants.sign(credential(OFFER, CITED), key("grant").jwk.thumbprint, key("stranger").sign)
    with pytest.raises(SignatureError):
        Token(raw).verify(WORLD.keyset, START)


def test_the_same_evidence_twice_is_no_set():
    plain = credential(OFFER, CITED).to_json()
    plain["evidence"] = [plain["evidence"][0]] * 2
    with pytest.raises(MalformedError):
        Token(token(plain))
