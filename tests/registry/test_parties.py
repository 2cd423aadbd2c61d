"""Parties, their names beside the log, and their keys."""

import pytest

from priorconsent import canonical, names, times
from priorconsent.errors import (
    ConflictError,
    MalformedError,
    NotAllowedError,
    NotFoundError,
    RuleError,
    SignatureError,
)
from registry.actor import Actor
from registry.models import Party, PartyKeyRecord, RefusalRecord
from registry.verbs.add_party import add_party
from registry.verbs.bind_key import bind_key
from registry.verbs.claim_name import claim_name
from registry.verbs.end_key import append_end, end_by_statement
from registry.verbs.refuse import refuse
from tests.cast import DAY_S, OPERATOR
from transparency.models import Event, EvidenceItem, Pending


def test_names_stay_beside_the_log_and_the_log_holds_pseudonyms(cast):
    party = add_party(
        OPERATOR,
        kind="organisation",
        names={"ja": "青山ス\u30bf\u30b7\u3099オ", "en": " Aoyama Studio "},
        identifiers=[("jp-cn", "5-8356-7825-6246")],
        now=cast.now,
    )
    cast.log()

    assert {name.lang: name.text for name in party.names.all()} == {"ja": "青山スタジオ", "en": "Aoyama Studio"}
    assert party.identifiers.get().value == "5835678256246"
    logged = b"".join(bytes(raw) for raw in Event.objects.values_list("raw", flat=True))
    assert party.urn.encode() in logged
    assert b"Aoyama" not in logged
    assert b"5835678256246" not in logged


def test_a_committee_has_members_and_never_a_key(cast):
    assert set(cast.state(names.party(cast.committee.party)).members) == {
        cast.studio.party,
        cast.broadcaster.party,
        cast.toy_maker.party,
    }
    with pytest.raises(RuleError, match="a committee never signs"):
        cast.bind(cast.another_key(cast.committee))


@pytest.mark.parametrize(
    ("kind", "members", "error"),
    [
        ("ghost", [], MalformedError),
        ("organisation", ["studio"], RuleError),
        ("committee", [], NotFoundError),
        ("committee", ["committee"], RuleError),
    ],
)
def test_parties_that_cannot_be(cast, kind, members, error):
    before = Party.objects.count(), Pending.objects.count()
    with pytest.raises(error):
        add_party(
            OPERATOR,
            kind=kind,
            names={"en": "X"},
            members=[getattr(cast, member).party for member in members],
            now=cast.now,
        )
    assert (Party.objects.count(), Pending.objects.count()) == before


def test_a_key_record_is_kept_under_its_key_id_and_published_as_evidence(cast):
    row = PartyKeyRecord.objects.get(key=cast.studio.key_id)
    assert bytes(row.record or b"") == cast.studio.record
    assert bytes(EvidenceItem.objects.get(digest=cast.studio.key_id).raw) == cast.studio.record


def test_a_stranger_binds_no_key_for_somebody_else(cast):
    new = cast.another_key(cast.studio)
    body = {"party": cast.studio.party, "key": new.key_id, "method": "key", "bound_by": None}
    with pytest.raises(NotAllowedError):
        bind_key(cast.stranger.actor, new.record, [cast.sign(new, "key", body)], cast.now)


def test_a_key_that_nobody_proves_to_hold_is_not_bound(cast):
    new = cast.another_key(cast.studio)
    body = {"party": cast.studio.party, "key": new.key_id, "method": "key", "bound_by": None}
    thief = cast.another_key(cast.studio, "thief")
    forged = cast.sign(thief, "key", body, key=new.key_id)
    with pytest.raises(SignatureError):
        bind_key(cast.studio.actor, new.record, [forged], cast.now)


def test_a_key_is_not_vouched_for_by_the_key_of_another_party(cast):
    new = cast.another_key(cast.studio)
    body = {"party": cast.studio.party, "key": new.key_id, "method": "key", "bound_by": cast.stranger.key_id}
    signed = [cast.sign(new, "key", body), cast.sign(cast.stranger, "key", body)]
    with pytest.raises((NotAllowedError, MalformedError)):
        bind_key(cast.studio.actor, new.record, signed, cast.now)
    assert not PartyKeyRecord.objects.filter(key=new.key_id).exists()


def test_a_key_is_bound_once(cast):
    with pytest.raises(ConflictError):
        cast.bind(cast.studio)


def test_a_key_that_no_earlier_one_vouches_for_waits_like_a_first_key(cast):
    new = cast.another_key(cast.studio)
    cast.bind(new)
    cast.log()
    with pytest.raises(NotAllowedError, match="waits until"):
        cast.claim(new, "host:other.example", "film")
    cast.wait(3 * DAY_S)
    assert cast.claim(new, "host:other.example", "film")["level"] == "E0"


def test_a_key_that_the_log_refuses_can_be_bound_again(cast):
    new = cast.another_key(cast.studio)
    end = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "lost", "suspect_from": None}
    draft, evidence = end_by_statement(cast.studio.actor, cast.sign(cast.studio, "key-end", end), cast.now)
    append_end(draft, evidence, [], [], cast.now)
    # The end of the earlier key waits in front of the key that it vouches for.
    cast.bind(new, by=cast.studio)
    cast.publish()
    assert not PartyKeyRecord.objects.filter(key=new.key_id).exists()

    cast.wait(1)
    cast.bind(new)
    cast.log()
    assert cast.state(names.party(cast.studio.party)).key(new.key_id)


@pytest.mark.parametrize("member", ["vendors", "works", "uses"])
def test_a_refusal_of_nothing_is_refused(cast, member):
    with pytest.raises(MalformedError):
        cast.refuse(cast.studio, **{member: []})
    assert not RefusalRecord.objects.exists()


def test_a_statement_from_the_future_or_past_its_end_is_refused(cast):
    later = cast.now.replace("2026", "2027")
    body = {"refusal": "urn:uuid:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "party": cast.studio.party}
    body |= {"vendors": ["*"], "works": ["*"], "uses": ["*"]}
    with pytest.raises(RuleError, match="still to come"):
        refuse(cast.studio.actor, cast.sign(cast.studio, "refusal", body, at=later), cast.now)


def test_a_body_that_says_more_than_a_party_can_sign_is_refused(cast):
    body = {
        "refusal": "urn:uuid:00000000-0000-7000-8000-000000000001",
        "party": cast.studio.party,
        "vendors": ["*"],
        "works": ["*"],
        "uses": ["*"],
    }
    for more in ({"level": "E3"}, {"t": "work"}, {"statement": canonical.digest(b"")}, {"time": cast.now}, {"x": 1}):
        with pytest.raises(MalformedError):
            refuse(cast.studio.actor, cast.sign(cast.studio, "refusal", body | more), cast.now)
    assert not Pending.objects.filter(state="pending").exists()


def test_nobody_refuses_for_another(cast):
    body = {
        "refusal": "urn:uuid:00000000-0000-7000-8000-000000000001",
        "party": cast.publisher.party,
        "vendors": ["*"],
        "works": ["*"],
        "uses": ["*"],
    }
    with pytest.raises(MalformedError, match="for itself"):
        refuse(cast.stranger.actor, cast.sign(cast.stranger, "refusal", body), cast.now)


def test_a_key_ends_for_a_reason_of_the_list_since_the_log_shows_it(cast):
    end = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "Mori", "suspect_from": None}
    with pytest.raises(MalformedError, match="closed, lost, replaced, stolen"):
        end_by_statement(cast.studio.actor, cast.sign(cast.studio, "key-end", end), cast.now)


def test_what_would_not_fit_into_one_leaf_is_refused_at_the_door(cast):
    works = sorted(f"urn:uuid:00000000-0000-7000-8000-{number:012d}" for number in range(1500))
    with pytest.raises(MalformedError, match="65535 bytes"):
        cast.refuse(cast.studio, works=works)
    assert not RefusalRecord.objects.exists()


def test_a_statement_past_its_end_is_refused_to_the_second(cast):
    body = {"name": "host:other.example", "work": cast.works["film"], "party": cast.studio.party, "ended": False}
    raw = cast.sign(cast.studio, "claim", body, not_after=times.plus(cast.now, 60))
    cast.wait(60)
    with pytest.raises(RuleError, match="the statement lapsed"):
        claim_name(cast.studio.actor, raw, cast.now)
    earlier = times.plus(cast.now, -1)
    assert claim_name(cast.studio.actor, raw, earlier)["name"] == "host:other.example"


def test_a_bare_signature_binds_no_key_that_nobody_vouches_for(cast):
    new = cast.another_key(cast.studio)
    body = {"party": cast.studio.party, "key": new.key_id, "method": "key", "bound_by": None}
    # As the API takes a statement from anybody: the signature of an unknown key proves no authority.
    anybody = Actor(party=cast.studio.party, role="member", proof="statement")
    with pytest.raises(NotAllowedError, match="no earlier key vouches for"):
        bind_key(anybody, new.record, [cast.sign(new, "key", body)], cast.now)
    vouched = body | {"bound_by": cast.studio.key_id}
    signed = [cast.sign(new, "key", vouched), cast.sign(cast.studio, "key", vouched)]
    assert bind_key(anybody, new.record, signed, cast.now).key == new.key_id


@pytest.mark.parametrize("member", ["method", "bound_by", "key", "party"])
def test_key_statements_about_something_else_bind_nothing(cast, member):
    new = cast.another_key(cast.studio)
    other = {"bound_by": cast.vendor.key_id, "key": cast.vendor.key_id, "party": cast.vendor.party, "method": "account"}
    body = {"party": cast.studio.party, "key": new.key_id, "method": "key", "bound_by": cast.studio.key_id}
    body[member] = other[member]
    signed = [cast.sign(new, "key", body), cast.sign(cast.studio, "key", body)]
    with pytest.raises(MalformedError, match="are not about this key"):
        bind_key(cast.studio.actor, new.record, signed, cast.now)
    assert not PartyKeyRecord.objects.filter(key=new.key_id).exists()
