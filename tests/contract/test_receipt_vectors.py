"""The published vectors of receipts: what our code makes, and what a stranger makes of it with other people's code."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from joserfc import jws
from joserfc.jwk import OKPKey

from priorconsent import acknowledgements, canonical, events, query, receipts
from priorconsent.decision import decide
from priorconsent.keys import payload_of
from priorconsent.log import tree
from priorconsent.states import read_state
from tests import scenario as cast

PATH = Path(__file__).parents[1] / "vectors" / "receipts.json"
VECTOR: dict[str, Any] = json.loads(PATH.read_bytes())
ISSUED = "2026-12-11T00:00:00Z"
REQUEST = '{"queries":[{"ref":"a"},{"ref":"b","use":"search"},{"ref":"c","use":"?"}]}'


def made():
    """The vectors anew; whoever changes the format writes them to ``PATH``."""
    states = {name: read_state(name, raw) for name, raw in cast.with_shipped_table().items()}
    found = type("Map", (), {"state": staticmethod(states.get)})()
    parsed = [query.parse({**cast.QUESTION, "use": use}, now=ISSUED) for use in ("train.generative", "search")]
    leaves = [receipts.leaf(i, one, decide(one, found), found) for i, one in enumerate(parsed)]
    leaves.append(receipts.AnswerLeaf(2, None, "not_permitted", "invalid_query", (), (), None, None))
    receipt = receipts.Receipt(
        v=1,
        registry=cast.REGISTRY,
        id=cast.salt("receipt-1"),
        audience=cast.VENDOR,
        request=canonical.digest(REQUEST.encode()),
        nonce=cast.salt("nonce-1"),
        issued_at=ISSUED,
        fresh_until=receipts.fresh_until(ISSUED, leaves, "2026-12-11T12:00:00Z"),
        checkpoint=receipts.Mark(origin=cast.ORIGIN, size=20, root=canonical.digest(b"root")),
        engine=receipts.ENGINE,
        answers=receipts.answers_of(leaves),
    )
    raw = receipts.sign(receipt, cast.RECEIPT_KEY.jwk.thumbprint, cast.RECEIPT_KEY.sign)
    listed = receipts.write_list([canonical.digest(raw), *(canonical.digest(bytes([n])) for n in range(6))])
    entries = receipts.read_list(listed)
    index = entries.index(canonical.digest_bytes(canonical.digest(raw)))
    hashes = [tree.leaf_hash(one) for one in entries]
    anchor = events.Anchor(
        time="2026-12-11T01:00:00Z", kind="receipts", digest=receipts.list_digest(listed), party=None, statement=None
    )
    promise = acknowledgements.acknowledge(cast.REGISTRY, canonical.digest(b"statement"), ISSUED)
    return {
        "keyset": cast.scenario().blobs[cast.REGISTRY].decode(),
        "request": REQUEST,
        "answers": [leaf.encode().decode() for leaf in leaves],
        "receipt": raw.decode(),
        "list": listed.hex(),
        "list_index": index,
        "list_path": [one.hex() for one in tree.inclusion_proof(index, len(hashes), tree.Appended(hashes))],
        "anchor": anchor.encode().decode(),
        "acknowledgement": acknowledgements.sign(
            promise, cast.RECEIPT_KEY.jwk.thumbprint, cast.RECEIPT_KEY.sign
        ).decode(),
    }


def test_the_vectors_are_what_our_code_makes():
    assert made() == VECTOR


# From here on without our code, by what docs/spec/receipts.md says.


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\x01", root(leaves[:left]), root(leaves[left:]))


@pytest.mark.parametrize("name", ["receipt", "acknowledgement"])
def test_another_library_verifies_the_signature(name):
    keyset = payload_of(VECTOR["keyset"].encode())
    [key] = [one.jwk for one in keyset.keys if one.use == "receipt"]
    raw = VECTOR[name]
    verified = jws.deserialize_compact(raw, OKPKey.import_key(key.to_json()), algorithms=["Ed25519"])
    payload = json.loads(verified.payload)
    assert rfc8785.dumps(payload) == verified.payload
    typ = {"receipt": "prior-consent-receipt+jws", "acknowledgement": "prior-consent-ack+jws"}[name]
    assert verified.headers() == {"alg": "Ed25519", "kid": key.thumbprint, "typ": typ}


def payload(raw: str) -> dict[str, Any]:
    part = raw.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return told


def test_a_stranger_comes_to_the_same_tree_of_answers_and_the_same_request():
    told = payload(VECTOR["receipt"])
    leaves = [answer.encode() for answer in VECTOR["answers"]]
    assert [rfc8785.dumps(json.loads(leaf)) for leaf in leaves] == leaves
    assert told["answers"] == {"n": 3, "root": "sha256:" + root([sha(b"\0", leaf) for leaf in leaves]).hex()}
    assert told["request"] == "sha256:" + sha(VECTOR["request"].encode()).hex()


def test_a_stranger_finds_the_receipt_under_the_anchor_by_the_list_and_by_the_path():
    listed = bytes.fromhex(VECTOR["list"])
    digests = [listed[at : at + 32] for at in range(0, len(listed), 32)]
    assert digests == sorted(set(digests))
    anchored = json.loads(VECTOR["anchor"])["digest"]
    assert "sha256:" + root([sha(b"\0", one) for one in digests]).hex() == anchored
    index, found = VECTOR["list_index"], sha(b"\0", sha(VECTOR["receipt"].encode()))
    assert digests[index] == sha(VECTOR["receipt"].encode())
    size = len(digests)
    for sibling in map(bytes.fromhex, VECTOR["list_path"]):
        # RFC 9162 section 2.1.3.2, for a tree whose last level may be ragged.
        while index % 2 == 0 and index == size - 1 and size > 1:
            index, size = index // 2, (size + 1) // 2
        found = sha(b"\x01", sibling, found) if index % 2 else sha(b"\x01", found, sibling)
        index, size = index // 2, (size + 1) // 2
    assert "sha256:" + found.hex() == anchored
