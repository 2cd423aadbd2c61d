"""Everybody's yes, and nothing less, makes a grant."""

from typing import Any

import pytest

from licences.explain import explain
from licences.models import Approval, Grant, Offer
from licences.states import State
from licences.verbs.approve import approve_offer
from licences.verbs.issue import is_signed, issue_all_ready, issue_grant, issue_if_ready
from licences.verbs.lapse import SHARES_CHANGED, TIME_OVER, lapse_offers
from priorconsent import names, times
from priorconsent.errors import (
    ConflictError,
    MalformedError,
    NotAllowedError,
    NotAvailableError,
    NotFoundError,
    RuleError,
    SignatureError,
)
from priorconsent.grants import Token
from registry.verbs.end_refusal import end_refusal
from tests.cast import DAY_S, OPERATOR
from transparency.models import Blob, EvidenceItem, Pending


def all_sign(cast, offer, but=()):
    for player in cast.holders:
        if player not in but:
            cast.approve(offer, player)
    cast.accept(offer)
    return offer


def test_when_all_have_signed_the_grant_is_in_the_log(cast):
    offer = cast.grant_at(State.ACTIVE)
    state = cast.grant_state(offer)

    assert state.terms.digest == offer.digest
    assert (state.method, state.level) == ("key", "E3")
    assert state.life[0].s == "active"
    assert offer.grant in cast.state(names.work(cast.works["film"])).grants


def test_the_token_cites_each_approval_and_the_acceptance_and_its_bytes_are_kept(cast):
    offer = cast.grant_at(State.ACTIVE)
    issued = Grant.objects.get(offer=offer)
    token = Token(bytes(issued.token or b""))

    assert len(token.cited("approval")) == len(cast.holders)
    assert token.cited("acceptance") == (offer.acceptance.digest,)
    assert bytes(Blob.objects.get(digest=issued.digest).raw) == token.raw
    assert bytes(Blob.objects.get(digest=offer.digest).raw) == bytes(offer.raw)
    cited = {*token.cited("approval"), *token.cited("acceptance")}
    assert EvidenceItem.objects.filter(digest__in=cited).count() == len(cited)


def test_a_committee_of_three_and_one_of_them_declines_first(cast):
    first = cast.offer()
    for player in cast.holders:
        if player is not cast.toy_maker:
            cast.approve(first, player)
    declined = cast.approve(first, cast.toy_maker, "decline")
    assert declined.state == "declined"
    with pytest.raises(ConflictError):
        cast.approve(first, cast.toy_maker)
    with pytest.raises(ConflictError):
        cast.issue(first)

    second = all_sign(cast, cast.offer(territory=["JP"]))
    cast.issue(second)
    cast.log()

    assert second.grant != first.grant
    assert cast.grant_state(second).terms.territory == ("JP",)


def test_a_retraction_before_issue_declines_for_good(cast):
    offer = cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    offer = cast.approve(offer, cast.studio, "decline")
    assert offer.state == "declined"
    assert Approval.objects.get(offer=offer).decision == "decline"


def test_the_licensee_may_decline_too(cast):
    offer = cast.accept(cast.offer(), decision="decline")
    assert offer.state == "declined"


@pytest.mark.parametrize("missing", ["studio", "broadcaster", "toy_maker", "publisher"])
def test_without_one_holder_there_is_no_grant(cast, missing):
    offer = all_sign(cast, cast.offer(), but=[getattr(cast, missing)])
    with pytest.raises(RuleError, match="waiting for 1 of 4"):
        cast.issue(offer)
    assert not Grant.objects.exists()


def test_without_the_licensees_acceptance_there_is_no_grant(cast):
    offer = cast.grant_at(State.OFFERED, approved_by=cast.holders)
    with pytest.raises(RuleError, match="waiting for the acceptance"):
        cast.issue(offer)


def test_a_public_grant_needs_no_acceptance(cast):
    public: dict[str, Any] = {"kind": "public", "party": None, "affiliates": []}
    offer = cast.grant_at(State.ACTIVE, licensee=public)
    assert cast.grant_state(offer).terms.licensee.kind == "public"


@pytest.mark.parametrize("who", ["stranger", "vendor"])
def test_an_approval_by_somebody_else_is_refused_and_not_stored(cast, who):
    offer = cast.offer()
    with pytest.raises(NotAllowedError, match="Only a holder"):
        cast.approve(offer, getattr(cast, who))
    assert not Approval.objects.exists()


def test_an_acceptance_by_another_vendor_is_refused(cast):
    with pytest.raises(NotAllowedError, match="Only the licensee"):
        cast.accept(cast.offer(), cast.other_vendor)


def test_an_approval_that_leaves_out_a_right_is_refused(cast):
    offer = cast.offer()
    with pytest.raises(RuleError, match="missing: copyright"):
        cast.approve(offer, cast.studio, rights=["moral"])


def test_a_party_approves_once(cast):
    offer = cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    with pytest.raises(ConflictError, match="approved the offer already"):
        cast.approve(offer, cast.studio)


def test_an_approval_of_other_bytes_finds_no_offer(cast):
    cast.offer()
    raw = cast.sign(cast.studio, "approval", subject="sha256:" + "0" * 64, decision="approve", rights=["copyright"])
    with pytest.raises(NotFoundError):
        approve_offer(cast.studio.actor, raw, cast.now)


def test_an_approval_handed_in_by_another_party_is_refused(cast):
    offer = cast.offer()
    raw = cast.sign(cast.studio, "approval", subject=offer.digest, decision="approve", rights=["copyright"])
    with pytest.raises(NotAllowedError, match="handed in"):
        approve_offer(cast.stranger.actor, raw, cast.now)


def test_a_changed_byte_in_the_signature_is_refused(cast):
    offer = cast.offer()
    raw = cast.sign(cast.studio, "approval", subject=offer.digest, decision="approve", rights=["copyright"])
    forged = raw[:-10] + (b"A" if raw[-10:-9] != b"A" else b"B") + raw[-9:]
    with pytest.raises(SignatureError):
        approve_offer(cast.studio.actor, forged, cast.now)


def test_a_first_key_before_its_delay_cannot_approve_but_can_refuse(cast):
    cast.enter("newcomer")
    cast.log()
    cast.wait(3 * DAY_S - 1)
    with pytest.raises(NotAllowedError, match="what widens waits until"):
        cast.register("early", "film", cast.newcomer)
    cast.refuse(cast.newcomer)
    cast.wait(1)
    cast.register("on_time", "film", cast.newcomer)
    cast.log()
    assert cast.state(names.work(cast.works["on_time"])) is not None


def test_a_key_vouched_for_by_an_earlier_one_counts_at_once(cast):
    new = cast.another_key(cast.studio)
    cast.bind(new, by=cast.studio)
    cast.log()
    offer = cast.approve(cast.offer(), new)
    assert offer.approvals.get().key == new.key_id


def test_a_holder_added_between_offer_and_issue_kills_the_offer(cast):
    offer = all_sign(cast, cast.offer())
    shares = [("copyright", player) for player in (cast.studio, cast.broadcaster, cast.toy_maker, cast.stranger)]
    signers = [player for _, player in shares]
    row = cast.share("film", shares, [("based_on", "manga")], signed_by=signers)
    assert row.state == "sent"
    cast.log()

    with pytest.raises(RuleError, match="share sets changed"):
        cast.issue(offer)
    assert lapse_offers(cast.now) == [offer.grant]
    offer.refresh_from_db()
    assert (offer.state, offer.reason) == ("lapsed", SHARES_CHANGED)


def test_a_link_added_between_offer_and_issue_kills_the_offer(cast):
    cast.register("song", "music", cast.stranger)
    cast.log()
    offer = all_sign(cast, cast.offer())
    shares = [("copyright", player) for player in (cast.studio, cast.broadcaster, cast.toy_maker)]
    links = [("based_on", "manga"), ("contains", "song")]
    cast.share("film", shares, links, signed_by=[player for _, player in shares])
    cast.log()

    assert issue_if_ready(OPERATOR, offer, cast.now) is None
    assert lapse_offers(cast.now) == [offer.grant]


def test_a_change_logged_after_issue_but_before_the_sequencer_is_still_caught(cast):
    offer = all_sign(cast, cast.offer())
    shares = [("copyright", player) for player in (cast.studio, cast.broadcaster, cast.toy_maker)]
    cast.share("film", shares, [("based_on", "manga")], complete=False, signed_by=[player for _, player in shares])
    # The share set waits in front of the grant; the issuer cannot see it yet.
    offer = cast.issue(offer)
    assert offer.state == "active"
    cast.publish()

    offer.refresh_from_db()
    assert offer.state == "lapsed"
    assert "the log did not take the last step" in offer.reason
    assert cast.state(names.grant(offer.grant)) is None
    assert "Reason:" in explain(offer, cast.now).en


def test_a_refusal_holds_up_an_open_offer_and_its_end_lets_it_go_on(cast):
    offer = all_sign(cast, cast.offer())
    refusal = cast.refuse(cast.broadcaster)
    cast.log()
    with pytest.raises(RuleError, match="refused by"):
        cast.issue(offer)
    assert lapse_offers(cast.now) == []

    body = {"refusal": refusal, "party": cast.broadcaster.party}
    end_refusal(cast.broadcaster.actor, cast.sign(cast.broadcaster, "refusal-end", body), cast.now)
    cast.log()
    assert cast.issue(offer).state == "active"


def test_an_offer_lapses_at_its_instant_and_not_a_second_before(cast):
    offer = all_sign(cast, cast.offer())
    cast.wait(20 * DAY_S - 1)
    assert lapse_offers(cast.now) == []
    cast.wait(1)
    with pytest.raises(RuleError, match="lapsed"):
        cast.issue(offer)
    assert lapse_offers(cast.now) == [offer.grant]
    assert lapse_offers(cast.now) == []
    offer.refresh_from_db()
    assert (offer.state, offer.reason) == ("lapsed", TIME_OVER)


def test_an_approval_that_lapsed_is_given_again(cast):
    offer = cast.offer()
    short = times.plus(cast.now, DAY_S)
    raw = cast.sign(
        cast.studio, "approval", subject=offer.digest, decision="approve", rights=["copyright"], not_after=short
    )
    approve_offer(cast.studio.actor, raw, cast.now)
    cast.wait(DAY_S)
    assert cast.studio.party in explain(Offer.objects.get(), cast.now).waiting_for

    cast.approve(offer, cast.studio)
    assert cast.studio.party not in explain(Offer.objects.get(), cast.now).waiting_for


def test_a_grant_is_issued_once(cast):
    offer = cast.grant_at(State.ACTIVE)
    with pytest.raises(ConflictError):
        cast.issue(offer)


def test_two_who_issue_at_the_same_time_make_one_grant(cast):
    offer = all_sign(cast, cast.offer())
    one, other = Offer.objects.get(pk=offer.pk), Offer.objects.get(pk=offer.pk)
    issue_grant(OPERATOR, one, cast.now)
    with pytest.raises(ConflictError):
        issue_grant(OPERATOR, other, cast.now)
    assert Pending.objects.filter(state="pending").count() == 1


def test_a_crash_after_the_last_signature_is_made_good_by_the_next_sweep(cast):
    waiting = cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    ready = all_sign(cast, cast.offer())
    assert not is_signed(waiting, cast.now)
    assert issue_all_ready(OPERATOR, cast.now) == [ready.grant]
    assert issue_all_ready(OPERATOR, cast.now) == []


def test_nobody_but_those_concerned_issues(cast):
    offer = all_sign(cast, cast.offer())
    with pytest.raises(NotAllowedError):
        issue_grant(cast.stranger.actor, offer, cast.now)
    assert issue_grant(cast.vendor.actor, offer, cast.now).digest


def test_statements_of_another_type_or_form_are_refused_by_name(cast):
    offer = cast.offer()
    acceptance = cast.sign(cast.studio, "acceptance", subject=offer.digest, decision="approve")
    with pytest.raises(MalformedError, match="type approval"):
        approve_offer(cast.studio.actor, acceptance, cast.now)
    pause = cast.sign(cast.studio, "pause", subject=offer.digest)
    with pytest.raises(NotAvailableError, match="pauses"):
        approve_offer(cast.studio.actor, pause, cast.now)
    with pytest.raises(NotAvailableError, match="passkey"):
        approve_offer(cast.studio.actor, b'{"type":"passkey"}', cast.now)


def test_the_same_statement_counts_once(cast):
    offer = cast.grant_at(State.ACTIVE)
    used = bytes(offer.approvals.get(party=cast.studio.party).raw)
    with pytest.raises(ConflictError, match="counted before"):
        approve_offer(cast.studio.actor, used, cast.now)
