"""What people sign comes in by one door, and the signature is the authority."""

import pytest

from api.views.statements import TAKE
from licences.models import Offer
from licences.states import State
from priorconsent import canonical, names
from priorconsent.statements import NARROWING, WIDENING
from registry.share_sets import body_to_sign, document_of
from registry.statements import LATER
from registry.verbs.add_work import Description, Title, add_work
from tests.api.conftest import client_at, key_for, post, problem
from tests.cast import FILM_FILE
from transparency.store import current_states

ADDRESS = "/api/v1/statements"


def hand_in(cast, raw, language="en", **more):
    headers = {"Accept-Language": language}
    if "key" in more:
        headers["Authorization"] = more.pop("key")
    return post(client_at(cast.now, **headers), ADDRESS, {"statement": raw.decode(), **more})


def refusal(cast, player, **other):
    body = {"refusal": cast.works["film"], "party": player.party, "vendors": ["*"], "works": ["*"], "uses": ["*"]}
    return cast.sign(player, "refusal", body, **other)


def test_a_statement_is_recorded_under_its_digest(cast):
    raw = refusal(cast, cast.publisher)
    response = hand_in(cast, raw)

    assert response.status_code == 202
    told = response.json()
    assert (told["evidence"], told["type"]) == (canonical.digest(raw), "refusal")
    assert told["says"] == "Recorded; in force from the next checkpoint."
    cast.log()
    assert cast.state(names.party(cast.publisher.party)).refusals


def test_it_may_come_by_itself(cast):
    raw = refusal(cast, cast.publisher)
    response = client_at(cast.now).post(ADDRESS, raw, content_type="application/jose")

    assert (response.status_code, response.json()["evidence"]) == (202, canonical.digest(raw))


def test_a_refusal_ends_by_statement(cast):
    hand_in(cast, refusal(cast, cast.publisher))
    cast.log()
    cast.wait()
    body = {"refusal": cast.works["film"], "party": cast.publisher.party}
    assert hand_in(cast, cast.sign(cast.publisher, "refusal-end", body)).status_code == 202
    cast.log()

    assert not cast.state(names.party(cast.publisher.party)).refusals


def test_the_last_signature_makes_the_grant(cast):
    offer = cast.offer()
    for number, player in enumerate(cast.holders, start=1):
        raw = cast.sign(player, "approval", subject=offer.digest, decision="approve", rights=["copyright"])
        says = hand_in(cast, raw).json()["says"]
        if number < len(cast.holders):
            assert f"Waiting for {len(cast.holders) - number} of {len(cast.holders)}" in says
    says = hand_in(
        cast, cast.sign(cast.vendor, "acceptance", subject=offer.digest, decision="approve"), language="ja"
    ).json()["says"]

    assert "記録済みです" in says
    assert Offer.objects.get(pk=offer.pk).state == State.ACTIVE
    cast.log()
    assert cast.grant_state(offer).terms.digest == offer.digest


def test_a_holder_declines_for_good(cast):
    offer = cast.offer()
    raw = cast.sign(cast.publisher, "approval", subject=offer.digest, decision="decline")
    assert "Declined" in hand_in(cast, raw).json()["says"]

    raw = cast.sign(cast.studio, "approval", subject=offer.digest, decision="approve", rights=["copyright"])
    assert problem(hand_in(cast, raw)) == "conflict"


def test_a_holder_withdraws(cast):
    offer = cast.grant_at(State.ACTIVE)
    raw = cast.sign(cast.studio, "withdrawal", subject=cast.grant_state(offer).digest)
    assert "Withdrawn" in hand_in(cast, raw).json()["says"]
    cast.log()

    assert cast.grant_state(offer).life[-1].s == "withdrawn"


def test_a_name_is_claimed(cast):
    body = {
        "name": f"sha256:{'ab' * 32}",
        "work": cast.works["film"],
        "party": cast.toy_maker.party,
        "ended": False,
    }
    assert hand_in(cast, cast.sign(cast.toy_maker, "claim", body)).status_code == 202
    cast.log()

    assert cast.state(body["name"]).claims[0].party == cast.toy_maker.party


def test_a_work_is_registered(cast):
    told = Description(kind="music", titles=(Title("en", "main", "The song"),))
    work = add_work(cast.stranger.actor, cast.stranger.party, told, cast.now)
    body = {"work": work.urn, "kind": "music", "party": cast.stranger.party}
    assert hand_in(cast, cast.sign(cast.stranger, "claim", body)).status_code == 202
    cast.log()

    assert cast.state(names.work(work.urn)).party == cast.stranger.party


def test_a_share_set_waits_for_all_its_signers(cast):
    row = cast.propose("film", [("copyright", cast.studio), ("copyright", cast.broadcaster)], by=cast.studio)
    body = body_to_sign(document_of(row))
    signers = [cast.studio, cast.broadcaster, cast.toy_maker, cast.publisher]
    says = [hand_in(cast, cast.sign(player, "shares", body)).json()["says"] for player in signers]

    assert [one.startswith("Taken") for one in says] == [True, True, True, False]


def test_a_key_that_an_earlier_one_vouches_for_needs_no_api_key(cast):
    new = cast.another_key(cast.studio)
    body = {"party": new.party, "key": new.key_id, "method": "key", "bound_by": cast.studio.key_id}
    by_new, by_old = (cast.sign(player, "key", body) for player in (new, cast.studio))
    record = canonical.parse(new.record)
    response = hand_in(cast, by_new, key_record=record, by_earlier_key=by_old.decode())

    assert response.status_code == 202
    cast.log()
    assert cast.state(names.party(new.party)).key(new.key_id)


def test_nobody_takes_over_a_party_by_binding_a_key_of_his_own(cast):
    thief = cast.another_key(cast.studio, "thief")
    body = {"party": thief.party, "key": thief.key_id, "method": "key", "bound_by": None}
    raw, record = cast.sign(thief, "key", body), canonical.parse(thief.record)

    assert problem(hand_in(cast, raw, key_record=record)) == "not_allowed"
    stranger = key_for(cast.stranger, "write", now=cast.now)
    assert problem(hand_in(cast, raw, key_record=record, key=stranger)) == "not_allowed"


def test_an_operator_or_the_party_binds_a_first_key(cast):
    new = cast.another_key(cast.studio)
    body = {"party": new.party, "key": new.key_id, "method": "key", "bound_by": None}
    key = key_for(cast.studio, "write", now=cast.now)
    response = hand_in(cast, cast.sign(new, "key", body), key_record=canonical.parse(new.record), key=key)

    assert response.status_code == 202


def test_a_key_ends(cast):
    body = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "lost", "suspect_from": None}
    assert hand_in(cast, cast.sign(cast.studio, "key-end", body)).status_code == 202
    cast.log()

    assert cast.state(names.party(cast.studio.party)).key(cast.studio.key_id).until == cast.now


def test_a_holder_resumes_what_a_suspected_key_suspended(cast):
    new = cast.another_key(cast.studio)
    cast.bind(new, by=cast.studio)
    cast.log()
    body = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "stolen", "suspect_from": cast.wait()}
    offer = cast.grant_at(State.ACTIVE)
    assert hand_in(cast, cast.sign(new, "key-end", body)).status_code == 202
    cast.log()
    cast.wait()
    entry = cast.grant_state(offer).life[-1]
    assert entry.s == "suspended"
    suspend = current_states().event(entry.pos)
    raw = cast.sign(new, "resume", subject=canonical.digest(suspend.encode()))
    assert hand_in(cast, raw).status_code == 202
    cast.log()
    assert cast.grant_state(offer).life[-1].s == "active"


# What is not taken


def test_a_pause_is_refused_by_name(cast):
    offer = cast.grant_at(State.ACTIVE)
    response = hand_in(cast, cast.sign(cast.studio, "pause", subject=cast.grant_state(offer).digest))

    assert (response.status_code, problem(response)) == (501, "not_available")


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda raw: raw[:-1] + b"B", 400),
        (lambda raw: raw[:-40] + b"A" * 38 + raw[-2:], 403),
        (lambda _: b"", 400),
        (lambda raw: raw + b"\n", 400),
        (lambda _: b"{}", 501),
        (lambda raw: raw.replace(b".", b"!"), 400),
        (lambda raw: raw + b"." + raw, 400),
    ],
)
def test_a_spoilt_statement_is_refused(cast, spoil, status):
    response = hand_in(cast, spoil(refusal(cast, cast.publisher)))

    assert response.status_code == status
    assert problem(response)


def test_a_statement_counts_once(cast):
    hand_in(cast, refusal(cast, cast.publisher))
    cast.log()
    cast.wait()
    raw = cast.sign(cast.publisher, "refusal-end", {"refusal": cast.works["film"], "party": cast.publisher.party})
    assert hand_in(cast, raw).status_code == 202
    assert problem(hand_in(cast, raw)) == "conflict"
    cast.log()
    assert problem(hand_in(cast, raw)) == "conflict"


def test_a_stranger_claims_no_name_for_anothers_work(cast):
    body = {"name": FILM_FILE, "work": cast.works["film"], "party": cast.stranger.party, "ended": False}

    assert problem(hand_in(cast, cast.sign(cast.stranger, "claim", body))) == "not_allowed"


def test_with_another_partys_api_key_nothing_is_handed_in(cast):
    key = key_for(cast.stranger, "write", now=cast.now)

    assert problem(hand_in(cast, refusal(cast, cast.publisher), key=key)) == "not_allowed"


def test_a_statement_of_tomorrow_is_refused(cast):
    raw = refusal(cast, cast.publisher, at="2027-06-01T00:00:00Z")

    assert problem(hand_in(cast, raw)) == "rule"


def test_the_envelope_has_a_pointer(cast):
    response = post(client_at(cast.now), ADDRESS, {"statement": 7})

    assert (problem(response), response.json()["pointer"]) == ("malformed", "/statement")


def test_every_type_has_a_verb_or_is_refused_by_name():
    assert TAKE.keys() | LATER.keys() == WIDENING | NARROWING
