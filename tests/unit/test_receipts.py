"""Receipts and acknowledgements as records: one spelling each, and nothing in them that contradicts itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent import acknowledgements, canonical, query, receipts, times
from priorconsent.decision import decide
from priorconsent.errors import MalformedError, ProofError, SignatureError
from priorconsent.log import tree
from priorconsent.states import read_state
from tests import scenario as cast

NOW = "2026-12-11T00:00:00Z"
LEAVES = cast.with_shipped_table()


class Map:
    """Map B of the scenario under the shipped rights table."""

    def state(self, name):
        return read_state(name, LEAVES[name]) if name in LEAVES else None


def leaf(i=0, /, **asked):
    parsed = query.parse({**cast.QUESTION, **asked}, now=NOW)
    return receipts.leaf(i, parsed, decide(parsed, Map()), Map())


def told():
    """What a reply says of that leaf."""
    return decide(query.parse(cast.QUESTION, now=NOW), Map()).to_json()


def receipt(leaves, **changes):
    members = {
        "v": 1,
        "registry": cast.REGISTRY,
        "id": cast.salt("receipt"),
        "audience": cast.VENDOR,
        "request": canonical.digest(b"request"),
        "nonce": cast.salt("nonce"),
        "issued_at": NOW,
        "fresh_until": receipts.fresh_until(NOW, leaves, times.plus(NOW, 86400)),
        "checkpoint": {"origin": cast.ORIGIN, "size": 20, "root": canonical.digest(b"root")},
        "engine": receipts.ENGINE,
        "answers": receipts.answers_of(leaves).to_json(),
    }
    return receipts.Receipt.parse(canonical.encode(members | changes))


def sign(made, key=cast.RECEIPT_KEY):
    return receipts.sign(made, cast.RECEIPT_KEY.jwk.thumbprint, key.sign)


def plain(*leaves):
    return [one.to_json() for one in leaves]


def test_a_receipt_is_read_back_as_signed():
    made = receipt([leaf(), leaf(1, use="search")])
    signed = receipts.SignedReceipt(sign(made))
    signed.verify(cast.RECEIPT_KEY.jwk)
    assert signed.receipt == made
    assert signed.digest == canonical.digest(signed.raw)


@pytest.mark.parametrize("module", [receipts, acknowledgements])
def test_neither_passes_for_the_other_nor_for_a_statement(module):
    made = (
        receipt([leaf()])
        if module is receipts
        else acknowledgements.acknowledge(cast.REGISTRY, canonical.digest(b"s"), NOW)
    )
    raw = module.sign(made, cast.RECEIPT_KEY.jwk.thumbprint, cast.RECEIPT_KEY.sign)
    for read in (receipts.SignedReceipt, acknowledgements.SignedAcknowledgement):
        if read.__module__ != module.__name__:
            with pytest.raises(MalformedError, match="header"):
                read(raw)


@pytest.mark.parametrize("signer", [cast.LOG_KEY, cast.GRANT_KEY])
def test_another_keys_signature_does_not_fit(signer):
    with pytest.raises(SignatureError):
        receipts.SignedReceipt(sign(receipt([leaf()]), signer)).verify(cast.RECEIPT_KEY.jwk)
    with pytest.raises(SignatureError):
        receipts.SignedReceipt(sign(receipt([leaf()]))).verify(signer.jwk)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"id": "short"},
        {"nonce": "x" * 21 + "B"},
        {"audience": "somebody"},
        {"request": "sha256:00"},
        {"issued_at": "2026-02-30T00:00:00Z"},
        {"answers": {"n": receipts.MAX_ANSWERS + 1, "root": canonical.digest(b"")}},
        {"answers": {"n": -1, "root": canonical.digest(b"")}},
        {"more": 1},
    ],
)
def test_a_receipt_has_exactly_its_members(changes):
    with pytest.raises(MalformedError):
        receipt([leaf()], **changes)


# Leaves


def test_a_leaf_says_all_of_the_question_and_what_a_yes_rests_on():
    yes = leaf()
    assert yes.permitted
    assert yes.to_json()["query"] == {
        **{name: value for name, value in cast.QUESTION.items() if name != "sha256"},
        "kind": "sha256",
        "key": f"sha256:{cast.FILM_FILE}",
        "acquired_at": NOW,
        "modality_out": None,
        "min_level": "E1",
        "min_method": "passkey",
    }
    state = Map().state(f"grant:{cast.GRANT}")
    assert [(one.id, one.digest) for one in yes.grants] == [(cast.GRANT, state.digest)]


def test_leaves_are_read_back():
    leaves = (leaf(), leaf(1, use="search"), leaf(2, sha256="0" * 64))
    assert receipts.read_leaves(plain(*leaves)) == leaves


@pytest.mark.parametrize(
    "spoil",
    [
        {"verdict": "not_permitted"},
        {"reason": "no_grant"},
        {"reason": "made_up"},
        {"grants": []},
        {"binding": None},
        {"until": None},
        {"query": None},
        {"query": {**leaf().to_json()["query"], "key": cast.FILM_FILE}},
        {"query": {**leaf().to_json()["query"], "at": "2028-01-01T00:00:00Z"}},
        {"works": [cast.FILM, cast.FILM]},
        {"i": 1},
        {"i": True},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_leaf_that_contradicts_itself_is_refused(spoil):
    with pytest.raises(MalformedError):
        receipts.read_leaves([{**leaf().to_json(), **spoil}])


def test_a_no_that_rests_on_a_grant_is_refused():
    no = leaf(use="search").to_json()
    assert receipts.read_leaves([no])
    with pytest.raises(MalformedError):
        receipts.read_leaves([{**no, "grants": leaf().to_json()["grants"]}])


@pytest.mark.parametrize("value", [None, {}, "x", [None], [[]], [leaf().to_json()] * 1001])
def test_what_is_no_list_of_leaves_is_refused(value):
    with pytest.raises(MalformedError):
        receipts.read_leaves(value)


def test_every_answer_its_place_and_its_words_are_in_the_root():
    leaves = [leaf(0), leaf(1, use="search"), leaf(2)]
    root = receipts.answers_of(leaves).root
    swapped = [msgspec.structs.replace(leaves[1], i=0), msgspec.structs.replace(leaves[0], i=1), leaves[2]]
    others = [leaves[:2], [*leaves, leaf(3)], swapped, [leaf(0, territory="US"), *leaves[1:]]]
    assert len({root, *(receipts.answers_of(other).root for other in others)}) == 5


def test_it_is_fresh_no_longer_than_what_it_rests_on():
    yes = leaf()
    assert yes.until == "2028-01-01T00:00:00Z"
    day = times.plus(NOW, 86400)
    assert receipts.fresh_until(NOW, [yes], day) == times.plus(NOW, 300)
    assert receipts.fresh_until(NOW, [yes], times.plus(NOW, 7)) == times.plus(NOW, 7)
    ending = msgspec.structs.replace(yes, until=times.plus(NOW, 5))
    assert receipts.fresh_until(NOW, [yes, ending], day) == times.plus(NOW, 5)
    assert receipts.fresh_until(NOW, [], day) == times.plus(NOW, 300)


# The list that an anchor commits to


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True))
def test_every_receipt_proves_into_the_list_at_its_own_place_and_at_no_other(raws):
    digests = ["sha256:" + raw.hex() for raw in raws]
    listed = receipts.write_list(digests)
    anchored = receipts.list_digest(listed)
    hashes = [tree.leaf_hash(one) for one in receipts.read_list(listed)]
    for index, one in enumerate(receipts.read_list(listed)):
        path = tree.inclusion_proof(index, len(hashes), tree.Appended(hashes))
        receipts.check_listed("sha256:" + one.hex(), index, len(hashes), path, anchored)
        for other in (canonical.digest(one), "sha256:" + hashes[index].hex()):
            with pytest.raises(ProofError):
                receipts.check_listed(other, index, len(hashes), path, anchored)


def test_the_list_does_not_tell_in_which_order_they_were_given():
    digests = [canonical.digest(bytes([n])) for n in range(9)]
    assert receipts.write_list(digests) == receipts.write_list(digests[::-1] * 2)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0" * 31, b"\0" * 33, b"\0" * 64, b"\1" * 32 + b"\0" * 32, b"\0" * 32 * (receipts.MAX_LISTED + 1)],
    ids=len,
)
def test_what_is_no_list_has_no_digest(raw):
    with pytest.raises(MalformedError):
        receipts.read_list(raw)
    assert receipts.list_digest(raw) == ""


# Acknowledgements


def test_an_acknowledgement_is_read_back_as_signed():
    made = acknowledgements.acknowledge(cast.REGISTRY, canonical.digest(b"statement"), NOW)
    raw = acknowledgements.sign(made, cast.RECEIPT_KEY.jwk.thumbprint, cast.RECEIPT_KEY.sign)
    signed = acknowledgements.SignedAcknowledgement(raw)
    signed.verify(cast.RECEIPT_KEY.jwk)
    assert signed.acknowledgement == made
    assert made.log_by == "2026-12-11T00:01:00Z"
    with pytest.raises(SignatureError):
        signed.verify(cast.GRANT_KEY.jwk)


@pytest.mark.parametrize("seconds", [-1, 61])
def test_an_acknowledgement_promises_a_minute_at_most(seconds):
    made = acknowledgements.acknowledge(cast.REGISTRY, canonical.digest(b"statement"), NOW)
    other = msgspec.structs.replace(made, log_by=times.plus(NOW, seconds))
    raw = acknowledgements.sign(other, cast.RECEIPT_KEY.jwk.thumbprint, cast.RECEIPT_KEY.sign)
    with pytest.raises(MalformedError, match="60 s"):
        acknowledgements.SignedAcknowledgement(raw)
