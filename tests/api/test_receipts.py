"""A receipt signs what was told, and nobody keeps what was asked."""

import hashlib
from typing import Any

import pytest

from licences.states import State
from priorconsent import canonical, receipts, times
from tests.api.conftest import client_at, key_for, post, problem
from tests.cast import FILM_FILE
from transparency.files import public_folder
from transparency.models import GivenReceipt
from transparency.store import keyset

ADDRESS = "/api/v1/decisions"
NONCE = canonical.to_base64url(bytes(range(16)))
FOR = {
    "use": "train.generative.pretrain",
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
}


@pytest.fixture
def granted(cast):
    """The vendor's grant is published."""
    cast.grant_at(State.ACTIVE)
    cast.wait()
    cast.publish()
    cast.wait()
    return cast


def asked(cast, **other):
    return {"sha256": FILM_FILE, "vendor": cast.vendor.party, **FOR, **other}


def ask(cast, key="", **parameters):
    headers = {"Authorization": key} if key else {}
    return client_at(cast.now, **headers).get(ADDRESS, {**asked(cast), **parameters})


def signed(told):
    """The receipt of a reply, verified with what the registry publishes, and the leaves under it."""
    found = receipts.SignedReceipt(told["receipt"].encode())
    found.verify(keyset().key(found.kid, "receipt", found.receipt.issued_at))
    leaves = receipts.read_leaves(told["answers"])
    assert found.receipt.answers == receipts.answers_of(leaves)
    return found, leaves


def test_an_answer_comes_with_a_receipt_where_one_is_asked_for(granted):
    told = ask(granted, receipt="true", nonce=NONCE).json()
    found, [leaf] = signed(told)
    made = found.receipt

    assert leaf.permitted
    assert (made.issued_at, made.fresh_until) == (granted.now, times.plus(granted.now, 300))
    assert (made.registry, made.nonce, made.audience) == (granted.registry, NONCE, None)
    assert made.checkpoint.to_json() == {n: told["checkpoint"][n] for n in ("origin", "root", "size")}
    given = asked(granted, receipt="true", nonce=NONCE)
    assert made.request == canonical.digest(canonical.encode(given))
    assert GivenReceipt.objects.get().digest == found.digest


def test_without_a_wish_there_is_none_and_nothing_is_stored(granted):
    for told in (ask(granted).json(), post(client_at(granted.now), ADDRESS, {"queries": []}).json()):
        assert not {"receipt", "answers"} & told.keys()
    assert not GivenReceipt.objects.exists()


def test_one_receipt_signs_a_whole_batch_and_says_what_the_reply_says(granted):
    changes: list[dict[str, Any]] = [{}, {"use": "search"}, {"sha256": "0" * 64}, {"use": 7}]
    changes.append({"at": times.plus(granted.now, 1)})
    queries = [{"ref": str(n), **one} for n, one in enumerate(changes)]
    body = canonical.encode({"queries": queries, "defaults": asked(granted), "receipt": True, "nonce": NONCE})
    told = post(client_at(granted.now), ADDRESS, body).json()
    found, leaves = signed(told)

    assert found.receipt.request == "sha256:" + hashlib.sha256(body).hexdigest()
    assert [leaf.reason for leaf in leaves] == ["granted", "use_not_granted", "no_record", *["invalid_query"] * 2]
    assert [leaf.query is None for leaf in leaves] == [False] * 3 + [True] * 2
    for leaf, one in zip(leaves, told["decisions"], strict=True):
        grants = [grant.id for grant in leaf.grants]
        assert (leaf.verdict, leaf.reason, grants) == (one["verdict"], one["reason"], one["grants"])
        assert (list(leaf.works), leaf.binding, leaf.until) == (one["works"], one["binding"], one["until"])
    plain = post(client_at(granted.now), ADDRESS, {"queries": queries, "defaults": asked(granted)}).json()
    assert plain["decisions"] == told["decisions"]


def test_the_receipt_names_the_party_whose_key_came_along(granted):
    key = key_for(granted.vendor, "read", now=granted.now)
    found, _ = signed(ask(granted, key=key, receipt="true").json())

    assert found.receipt.audience == granted.vendor.party
    assert problem(ask(granted, key="Bearer pc_nobody", receipt="true")) == "not_allowed"
    # Without a receipt nobody looks at the key: who asks is not asked for.
    assert ask(granted, key="Bearer pc_nobody").status_code == 200


def test_no_two_receipts_are_the_same_even_of_one_question_with_one_nonce(granted):
    first, second = (signed(ask(granted, receipt="true", nonce=NONCE).json())[0] for _ in range(2))

    assert first.receipt.request == second.receipt.request
    assert first.digest != second.digest
    assert GivenReceipt.objects.count() == 2


def test_it_is_fresh_no_longer_than_the_grant_and_about_the_past_not_at_all(cast):
    cast.grant_at(State.ACTIVE, valid_until=times.plus(cast.now, 3700))
    cast.publish()
    cast.wait()
    found, [leaf] = signed(ask(cast, receipt="true").json())
    assert leaf.permitted
    assert found.receipt.fresh_until == leaf.until == times.plus(cast.now, 100)
    before = cast.now
    cast.wait()
    found, [leaf] = signed(ask(cast, receipt="true", at=before).json())
    assert leaf.permitted
    assert found.receipt.fresh_until == leaf.until < cast.now == found.receipt.issued_at


def test_a_clock_behind_the_sequencers_makes_no_receipt_older_than_its_map(granted):
    logged = ask(granted).json()["checkpoint"]["time"]
    granted.now = times.plus(logged, -90)
    found, _ = signed(ask(granted, receipt="true", use="search").json())
    assert found.receipt.issued_at == logged


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"receipt": "yes"}, "/receipt"),
        ({"receipt": ""}, "/receipt"),
        ({"receipt": "true", "nonce": "short"}, "/nonce"),
        ({"receipt": "true", "nonce": NONCE + "="}, "/nonce"),
        ({"nonce": NONCE}, "/nonce"),
    ],
)
def test_a_malformed_wish_is_a_problem_and_gets_no_answer(granted, parameters, pointer):
    response = ask(granted, **parameters)

    assert (response.status_code, problem(response), response.json()["pointer"]) == (400, "malformed", pointer)
    assert not GivenReceipt.objects.exists()


@pytest.mark.parametrize("wish", [{"receipt": 1}, {"receipt": "true"}, {"nonce": NONCE}, {"receipt": True, "nonce": 7}])
def test_a_malformed_wish_in_a_batch_is_a_problem(granted, wish):
    response = post(client_at(granted.now), ADDRESS, {"queries": [], **wish})

    assert (response.status_code, problem(response)) == (400, "malformed")


def test_a_wish_is_no_part_of_the_defaults_or_of_a_query(granted):
    query = {"ref": "a", **asked(granted), "receipt": True}
    told = post(client_at(granted.now), ADDRESS, {"queries": [query], "defaults": {"nonce": NONCE}}).json()

    assert [one["reason"] for one in told["decisions"]] == ["invalid_query"]
    assert "receipt" not in told


def test_nothing_is_signed_while_the_public_sees_an_older_checkpoint(granted):
    path = public_folder() / "log" / "checkpoint"
    older = path.read_bytes()
    granted.refuse(granted.publisher)
    granted.publish()
    assert "receipt" in ask(granted, receipt="true").json()
    path.write_bytes(older)

    assert problem(ask(granted, receipt="true")) == "unverified_snapshot"


def test_a_receipt_holds_nothing_that_was_asked(granted):
    canary = "canary-7f3a"
    told = ask(granted, receipt="true", model=canary).json()
    found, [leaf] = signed(told)

    assert leaf.query.model == canary
    assert canary.encode() not in found.receipt.encode()
    row = GivenReceipt.objects.values().get()
    assert row == {"digest": found.digest, "issued_at": granted.now, "unit": None}
