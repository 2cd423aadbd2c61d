"""Two JOSE libraries that others wrote verify every signature of a bundle, and refuse it with one bit changed."""

import base64
import json
import zipfile
from pathlib import Path

import jwcrypto.jwk
import jwcrypto.jws
import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import OKPKey
from joserfc.jws import GeneralJSONSerialization

BUNDLE = Path(__file__).parents[1] / "vectors/bundles/withdrawn.zip"
FILES = {info: zipfile.ZipFile(BUNDLE).read(info) for info in zipfile.ZipFile(BUNDLE).namelist()}
KEYSET = json.loads(FILES["keysets/1.json"])
ALGORITHM = "Ed25519"


def payload_of(compact):
    part = compact.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


def header_of(compact):
    part = compact.split(b".")[0]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


def registry_jwks():
    payload = json.loads(base64.urlsafe_b64decode(KEYSET["payload"] + "=" * (-len(KEYSET["payload"]) % 4)))
    return [*payload["roots"], *(key["jwk"] for key in payload["keys"])]


def tokens():
    """Compact tokens of the bundle, each with the JWK of its signer."""
    by_thumbprint = {OKPKey.import_key(jwk).thumbprint(): jwk for jwk in registry_jwks()}
    yield "grant/token.jwt", FILES["grant/token.jwt"], by_thumbprint[header_of(FILES["grant/token.jwt"])["kid"]]
    records = [json.loads(raw) for name, raw in FILES.items() if name.startswith("keys/")]
    jwks = {record["party"]: record["jwk"] for record in records}
    for name, raw in FILES.items():
        if name.startswith("statements/"):
            yield name, raw, jwks[payload_of(raw)["party"]]


TOKENS = [pytest.param(raw, jwk, id=name) for name, raw, jwk in tokens()]


def changed(raw, place):
    parts = raw.split(b".")
    part = bytearray(parts[place])
    part[len(part) // 2] = ord("A") if part[len(part) // 2] != ord("A") else ord("B")
    parts[place] = bytes(part)
    return b".".join(parts)


@pytest.mark.parametrize(("raw", "jwk"), TOKENS)
def test_joserfc_accepts_it(raw, jwk):
    verified = jws.deserialize_compact(raw, OKPKey.import_key(jwk), algorithms=[ALGORITHM])
    assert json.loads(verified.payload) == payload_of(raw)


@pytest.mark.parametrize(("raw", "jwk"), TOKENS)
def test_jwcrypto_accepts_it(raw, jwk):
    token = jwcrypto.jws.JWS()
    token.allowed_algs = [ALGORITHM]
    token.deserialize(raw.decode(), jwcrypto.jwk.JWK(**jwk))
    assert json.loads(token.payload) == payload_of(raw)


@pytest.mark.parametrize("place", [1, 2])
@pytest.mark.parametrize(("raw", "jwk"), TOKENS)
def test_both_refuse_it_with_one_character_changed(raw, jwk, place):
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(changed(raw, place), OKPKey.import_key(jwk), algorithms=[ALGORITHM])
    token = jwcrypto.jws.JWS()
    token.allowed_algs = [ALGORITHM]
    with pytest.raises(jwcrypto.jws.InvalidJWSSignature):
        token.deserialize(changed(raw, place).decode(), jwcrypto.jwk.JWK(**jwk))


def test_both_accept_the_signatures_of_the_keyset_by_its_roots():
    roots = {OKPKey.import_key(jwk).thumbprint(): jwk for jwk in registry_jwks()}
    for signature in KEYSET["signatures"]:
        header = json.loads(base64.urlsafe_b64decode(signature["protected"] + "=="))
        one: GeneralJSONSerialization = {"payload": KEYSET["payload"], "signatures": [signature]}
        key = roots[header["kid"]]
        jws.deserialize_json(one, OKPKey.import_key(key), algorithms=[ALGORITHM])
        token = jwcrypto.jws.JWS()
        token.allowed_algs = [ALGORITHM]
        token.deserialize(json.dumps(one), jwcrypto.jwk.JWK(**key))
