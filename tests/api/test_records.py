"""Parties, works, shares, offers and grants over HTTP: who sees what, and who may write."""

import io
import json
import zipfile

import pytest

from licences.states import State
from priorconsent import canonical, times
from priorconsent.court import bundle
from priorconsent.court.verify import verify
from priorconsent.grants import Token
from priorconsent.trust import read_trust
from tests.api.conftest import client_at, key_for, post, problem
from tests.api.test_description import check
from tests.tsa import make_authority, serving
from transparency.sequencer import sweep
from transparency.store import own_trust
from transparency.timestamps import stamp_due


@pytest.fixture
def described(client):
    return client.get("/api/v1/openapi.json").json()


def get(cast, address, key=None, **given):
    return client_at(cast.now, **({"Authorization": key} if key else {})).get(f"/api/v1/{address}", given)


def send(cast, address, body, key=None):
    return post(client_at(cast.now, **({"Authorization": key} if key else {})), f"/api/v1/{address}", body)


def operator(cast, scope="operate"):
    return key_for(None, scope, "write", now=cast.now)


# Parties


def test_parties_are_listed_with_their_names(cast, described):
    told = get(cast, "parties").json()
    studio = next(one for one in told["items"] if one["party"] == cast.studio.party)

    assert studio["names"] == {"en": "Studio"}
    assert told["next"] is None
    assert get(cast, f"parties/{cast.studio.party}").json() == studio
    check(described, "PartyOut", studio)


def test_lists_come_a_page_at_a_time(cast, monkeypatch):
    monkeypatch.setattr("registry.queries.MAX_ROWS", 3)
    monkeypatch.setattr("api.pages.MAX_ROWS", 3)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        told = get(cast, "parties", **after).json()
        seen += [one["party"] for one in told["items"]]
        if told["next"] is None:
            break
        after = {"after": told["next"]}

    assert len(seen) == len(set(seen)) == len(cast.players)


def test_of_people_nothing_is_told(cast):
    body = {"kind": "person", "names": {"ja": "山田花子"}, "identifiers": []}
    key = operator(cast)
    party = send(cast, "parties", body, key).json()["party"]

    assert get(cast, f"parties/{party}").json()["names"] == {}


def test_a_party_is_added_by_api_key(cast):
    body = {"kind": "organisation", "names": {"en": "New", "ja": "新"}}
    response = send(cast, "parties", body, operator(cast))

    assert (response.status_code, response.json()["names"]) == (201, {"en": "New", "ja": "新"})
    assert problem(send(cast, "parties", body)) == "no_key"
    reader = key_for(cast.studio, "read", now=cast.now)
    assert problem(send(cast, "parties", body, reader)) == "not_allowed"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "club", "names": {"en": "x"}}, "/kind"),
        ({"kind": "organisation", "names": {}}, "/names"),
        ({"kind": "organisation", "names": {"en": 7}}, "/names"),
        ({"kind": "organisation", "names": {"en": "x"}, "more": 1}, ""),
    ],
)
def test_what_is_no_party_is_a_problem_with_a_pointer(cast, body, pointer):
    response = send(cast, "parties", body, operator(cast))

    assert (problem(response), response.json().get("pointer", "")[: len(pointer)]) == ("malformed", pointer)


# Works and shares


def test_a_work_is_added_and_says_what_to_sign(cast, described):
    key = key_for(cast.stranger, "write", now=cast.now)
    body = {
        "kind": "manga",
        "registrant": cast.stranger.party,
        "titles": [{"lang": "ja", "form": "main", "text": "星の本"}],
        "rights_statement": "©星の会/本社・協会",
        "locators": ["HTTPS://Stars.example/book/"],
    }
    response = send(cast, "works", {**body, "locators": ["prefix:https://Stars.example/book/"]}, key)
    told = response.json()

    assert response.status_code == 201
    check(described, "WorkOut", told)
    assert told["rights_statement"] == body["rights_statement"]
    assert told["locators"] == ["prefix:https://stars.example/book/"]
    raw = cast.sign(cast.stranger, told["to_sign"]["type"], told["to_sign"]["body"], subject=told["to_sign"]["subject"])
    assert send(cast, "statements", {"statement": raw.decode()}).status_code == 202
    cast.log()
    assert "to_sign" not in get(cast, f"works/{told['work']}").json()


def test_nobody_adds_a_work_for_another(cast):
    key = key_for(cast.stranger, "write", now=cast.now)
    titles = [{"lang": "en", "form": "main", "text": "x"}]
    body = {"kind": "film", "registrant": cast.studio.party, "titles": titles}

    assert problem(send(cast, "works", body, key)) == "not_allowed"


def test_works_are_found_by_part_of_a_title(cast):
    assert [one["work"] for one in get(cast, "works", q="fil").json()["items"]] == [cast.works["film"]]


def test_what_the_log_does_not_know_is_not_found(cast):
    for address in ("parties", "works", "refusals", "grants", "share-sets"):
        assert problem(get(cast, f"{address}/urn:uuid:00000000-0000-4000-8000-000000000000")) == "not_found"


def test_an_unknown_parameter_is_a_problem(cast):
    for address in ("parties", "works", "refusals", "grants", "share-sets"):
        response = get(cast, address, colour="red")
        assert (problem(response), response.json()["pointer"]) == ("malformed", "/colour")
        assert problem(get(cast, address, after="-1")) == "malformed"


def test_a_proposal_concerns_its_signers_alone_until_it_is_logged(cast, described):
    cast.publish()
    key = key_for(cast.studio, "write", "read", now=cast.now)
    body = {
        "work": cast.works["film"],
        "shares": [{"right": "copyright", "party": cast.studio.party}],
        "links": [],
        "complete": True,
    }
    told = send(cast, "share-sets", body, key).json()
    check(described, "ShareSetOut", told)
    address = f"share-sets/{told['share_set']}"

    assert told["to_sign"]["type"] == "shares"
    assert get(cast, address, key).status_code == 200
    assert problem(get(cast, address)) == "not_found"
    assert problem(get(cast, address, key_for(cast.stranger, "read", now=cast.now))) == "not_found"
    listed = get(cast, "share-sets", work=cast.works["film"]).json()["items"]
    assert [one["state"] for one in listed] == ["logged"]


def test_only_an_operator_records_a_check(cast):
    body = {"party": cast.studio.party, "work": cast.works["film"], "seen": "the deed", "names": ["host:film.example"]}
    clerk = key_for(cast.studio, "write", now=cast.now)

    assert send(cast, "checks/names", body, operator(cast)).json()["checked"] == ["host:film.example"]
    assert problem(send(cast, "checks/names", body, clerk)) == "not_allowed"
    assert problem(send(cast, "checks/names", {**body, "level": "E1"}, operator(cast))) == "not_available"
    # Of a right by itself there is no check: it is of a share set.
    assert problem(send(cast, "checks/names", {**body, "rights": ["copyright"]}, operator(cast))) == "malformed"


def test_a_proposal_is_checked_by_an_operator_and_shows_whom_that_covers(cast, described):
    who = (cast.studio, cast.broadcaster)
    row = cast.propose("film", [("copyright", player) for player in who], [("based_on", "manga")], by=cast.studio)
    address = f"share-sets/{row.digest}"
    clerk = key_for(cast.studio, "read", "write", now=cast.now)
    seen = {"right": "copyright", "party": cast.studio.party}
    body = {"share_sets": [row.digest], "seen": "the deed", "holders": [seen]}
    assert get(cast, address, clerk).json()["checked"] == []
    waiting = get(cast, "share-sets", operator(cast, "read"), state="proposed").json()["items"]
    assert [one["share_set"] for one in waiting] == [row.digest]

    assert problem(send(cast, "checks/share-sets", body, clerk)) == "not_allowed"
    assert problem(send(cast, "checks/share-sets", {**body, "share_sets": []}, operator(cast))) == "malformed"
    told = send(cast, "checks/share-sets", body, operator(cast))
    assert told.json() == {"checked": [row.digest], "at": cast.now}
    check(described, "CheckOut", told.json())
    assert get(cast, address, clerk).json()["checked"] == [seen]

    send(cast, "checks/share-sets", {**body, "holders": None}, operator(cast))
    assert {one["party"] for one in get(cast, address, clerk).json()["checked"]} == {player.party for player in who}
    cast.publish()
    logged = get(cast, "share-sets", work=cast.works["film"]).json()["items"][0]["share_set"]
    assert problem(send(cast, "checks/share-sets", {**body, "share_sets": [logged]}, operator(cast))) == "conflict"


def test_refusals_are_public(cast, described):
    urn = cast.refuse(cast.publisher)
    told = get(cast, f"refusals/{urn}").json()

    check(described, "RefusalOut", told)
    assert (told["party"], told["ended_at"]) == (cast.publisher.party, None)
    assert get(cast, "refusals", party=cast.publisher.party).json()["items"] == [told]
    assert get(cast, "refusals", party=cast.studio.party).json()["items"] == []


# Offers and grants


def test_an_offer_goes_from_draft_to_its_signers(cast, described):
    key = key_for(cast.studio, "write", "read", now=cast.now)
    drafted = send(cast, "offers", {"terms": cast.terms()}, key)
    told = drafted.json()

    assert (drafted.status_code, told["state"], told["offer"]) == (201, "draft", None)
    check(described, "OfferOut", told)
    offered = send(cast, f"offers/{told['grant']}/offer", {}, key).json()
    assert offered["state"] == "offered"
    assert "Waiting for 4 of 4" in offered["says"]
    assert offered["to_sign"] == [
        {"type": "approval", "subject": offered["offer"], "body": {}, "rights": ["copyright"]}
    ]


def test_an_offer_is_seen_by_those_whom_it_concerns(cast):
    offer = cast.offer()
    address = f"offers/{offer.grant}"
    keys = {name: key_for(cast.players[name], "read", now=cast.now) for name in ("vendor", "publisher", "stranger")}

    assert get(cast, address, keys["vendor"]).json()["to_sign"][0]["type"] == "acceptance"
    assert get(cast, address, keys["publisher"]).json()["to_sign"][0]["type"] == "approval"
    assert problem(get(cast, address, keys["stranger"])) == "not_found"
    assert get(cast, "offers", keys["stranger"]).json()["items"] == []
    assert problem(get(cast, address)) == "no_key"
    assert problem(get(cast, f"grants/{offer.grant}")) == "not_found"


def test_what_cannot_be_granted_tells_every_reason(cast):
    key = key_for(cast.studio, "write", "read", now=cast.now)
    terms = cast.terms(locators=["host:elsewhere.example"], lapse_at=cast.now)
    grant = send(cast, "offers", {"terms": terms}, key).json()["grant"]
    response = send(cast, f"offers/{grant}/offer", {}, key)

    assert (response.status_code, problem(response)) == (422, "not_grantable")
    assert {one["code"] for one in response.json()["problems"]} == {"lapsed", "locator_not_claimed"}


def test_a_draft_is_discarded(cast):
    key = key_for(cast.studio, "write", "read", now=cast.now)
    grant = send(cast, "offers", {"terms": cast.terms()}, key).json()["grant"]

    assert send(cast, f"offers/{grant}/discard", {}, key).json()["state"] == "discarded"
    assert problem(send(cast, f"offers/{grant}/discard", {}, key)) == "conflict"


@pytest.fixture
def granted(cast):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    return offer


def test_a_grant_is_public(cast, granted, described):
    told = get(cast, f"grants/{granted.grant}").json()

    check(described, "OfferOut", told)
    assert (told["state"], told["offer"]) == ("active", granted.digest)
    assert [one["grant"] for one in get(cast, "grants").json()["items"]] == [granted.grant]


def test_the_token_is_handed_out_once_it_is_published(cast):
    offer = cast.grant_at(State.ACTIVE)
    sweep(cast.now)
    response = get(cast, f"grants/{offer.grant}/vc")

    assert response.headers["Content-Type"] == "application/vc+jwt"
    assert Token(response.content).digest == cast.grant_state(offer).digest


def test_a_token_that_is_not_published_is_nothing(cast):
    cast.publish()
    offer = cast.grant_at(State.ACTIVE)

    assert problem(get(cast, f"grants/{offer.grant}/vc")) == "not_found"
    assert problem(get(cast, f"grants/{offer.grant}/bundle")) == "not_found"


def test_an_operator_suspends_and_resumes(cast, granted):
    address, key = f"grants/{granted.grant}", operator(cast)
    body = {"cause": "dispute", "reason": "a claim is being looked at"}

    assert problem(send(cast, f"{address}/suspend", body, key_for(cast.studio, "write", now=cast.now))) == "not_allowed"
    assert send(cast, f"{address}/suspend", body, key).json()["state"] == "suspended"
    cast.log()
    assert send(cast, f"{address}/resume", {"cause": "dispute"}, key).json()["state"] == "active"
    assert problem(send(cast, f"{address}/suspend", {**body, "cause": "holder"}, key)) == "not_available"


def test_the_bundle_verifies_without_us(cast, granted, folder):
    response = get(cast, f"grants/{granted.grant}/bundle")
    assert response.headers["Content-Type"] == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    assert {"README.txt", "grant/token.jwt", "now/consistency"} <= set(names)

    report = verify(response.content, read_trust((folder / "trust.json").read_bytes()))
    assert (report.outcome, report.permitted) == ("valid", True), report.steps


def test_a_stamped_bundle_verifies_for_who_trusts_the_authority(cast, granted, folder, settings, tmp_path):
    authority = make_authority(tmp_path / "tsa")
    settings.PRIORCONSENT_TSA_CA = (authority.root,)
    with serving(lambda query: authority.answer_at(query, times.parse(cast.now))) as url:
        settings.PRIORCONSENT_TSA_URLS = (url,)
        stamp_due(cast.now)
    seen = cast.now
    cast.wait(3600)
    cast.publish()
    raw = get(cast, f"grants/{granted.grant}/bundle").content
    assert verify(raw, own_trust()).permitted
    assert verify(raw, own_trust(), at=times.plus(seen, -1)).outcome == "inconclusive"


def test_the_bundle_of_a_later_day_shows_what_became_of_the_grant(cast, granted, folder):
    cast.wait(86_400)
    cast.withdraw(granted, cast.publisher)
    cast.publish()
    raw = get(cast, f"grants/{granted.grant}/bundle").content
    states = [json.loads(leaf)["state"] for leaf in bundle.read(raw).folder("now/map").values()]

    lives = [[entry["s"] for entry in state["life"]] for state in states if "life" in state]
    assert lives == [["active", "withdrawn"]]
    assert canonical.digest(bundle.read(raw)["grant/token.jwt"]) == cast.grant_state(granted).digest
