"""A grant ends as it was signed: forward, after its notice, by those who may; and pauses for a reason."""

from typing import Any

import pytest

from licences.explain import explain
from licences.models import Grant, Offer, Suspension
from licences.problems import NotGrantableError
from licences.states import State
from licences.verbs.draft import draft
from licences.verbs.end_key import end_key, end_key_by_operator
from licences.verbs.offer import offer_grant
from licences.verbs.resume import resume_after_key, resume_grant
from licences.verbs.suspend import suspend_grant
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical, names, times
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.errors import (
    ConflictError,
    MalformedError,
    NotAllowedError,
    NotAvailableError,
    NotFoundError,
    RuleError,
)
from tests.cast import DAY_S, OPERATOR
from transparency.models import Pending
from transparency.store import current_states, own_trust

PUBLIC: dict[str, Any] = {"kind": "public", "party": None, "affiliates": []}


def life_of(cast, offer):
    return [(entry.s, entry.ends_at) for entry in cast.grant_state(offer).life]


# --- withdrawal


def test_any_holder_ends_it_after_the_notice_to_the_second(cast):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "any", "notice_s": 90 * DAY_S})
    cast.wait(5)
    offer = cast.withdraw(offer, cast.toy_maker)
    cast.log()

    assert offer.state == "withdrawn"
    assert life_of(cast, offer)[-1] == ("withdrawn", times.plus(cast.now, 90 * DAY_S))


def test_all_must_ask_if_the_terms_say_all_and_the_last_one_ends_it(cast):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "all", "notice_s": 0})
    for player in cast.holders[:-1]:
        assert cast.withdraw(offer, player).state == "active"
        cast.log()
        cast.wait(1)
    assert len(life_of(cast, offer)) == 1
    assert "3 of 4 holders asked to end it" in explain(Offer.objects.get(), cast.now).en

    assert cast.withdraw(offer, cast.holders[-1]).state == "withdrawn"
    cast.log()
    assert life_of(cast, offer)[-1] == ("withdrawn", cast.now)


def test_a_public_grant_is_ended_by_any_holder_at_once(cast):
    offer = cast.grant_at(State.ACTIVE, licensee=PUBLIC)
    cast.withdraw(offer, cast.publisher)
    cast.log()
    assert life_of(cast, offer)[-1] == ("withdrawn", cast.now)


@pytest.mark.parametrize("who", ["stranger", "vendor", "other_vendor"])
def test_nobody_else_ends_it(cast, who):
    offer = cast.grant_at(State.ACTIVE)
    with pytest.raises(NotAllowedError, match="withdrawn by holders"):
        cast.withdraw(offer, getattr(cast, who))
    assert Offer.objects.get().state == "active"


def test_what_has_ended_is_not_ended_again(cast):
    offer = cast.grant_at(State.WITHDRAWN)
    with pytest.raises(ConflictError):
        cast.withdraw(offer, cast.broadcaster)


def test_a_suspended_grant_can_be_withdrawn(cast):
    offer = cast.grant_at(State.SUSPENDED)
    assert cast.withdraw(offer, cast.studio).state == "withdrawn"


def test_a_withdrawal_by_an_ended_key_waits_for_a_fresh_signature(cast):
    offer = cast.grant_at(State.ACTIVE, withdrawal={"by": "all", "notice_s": 0})
    new = cast.another_key(cast.studio)
    cast.bind(new, by=cast.studio)
    cast.log()
    cast.withdraw(offer, cast.studio)
    end = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "replaced", "suspect_from": None}
    end_key(cast.studio.actor, cast.sign(cast.studio, "key-end", end), cast.now)
    cast.log()
    for player in (cast.broadcaster, cast.toy_maker, cast.publisher):
        assert cast.withdraw(offer, player).state == "active"
    assert cast.withdraw(offer, new).state == "withdrawn"
    cast.log()
    assert life_of(cast, offer)[-1][0] == "withdrawn"


def test_a_withdrawal_that_the_log_did_not_take_is_undone_and_told(cast):
    offer = cast.grant_at(State.ACTIVE)
    new = cast.another_key(cast.studio)
    cast.bind(new, by=cast.studio)
    cast.log()
    end = {"party": cast.studio.party, "key": cast.studio.key_id, "reason": "replaced", "suspect_from": None}
    end_key(cast.studio.actor, cast.sign(cast.studio, "key-end", end), cast.now)
    # The end of the key waits in front of the withdrawal that it signed.
    cast.withdraw(offer, cast.studio)
    cast.publish()

    offer.refresh_from_db()
    assert (offer.state, len(life_of(cast, offer))) == ("active", 1)
    assert "the key ended" in offer.reason
    assert cast.withdraw(offer, new).state == "withdrawn"


# --- refusal


def test_a_refusal_leaves_a_named_grant_standing_and_stops_the_next_offer(cast):
    offer = cast.grant_at(State.ACTIVE)
    cast.refuse(cast.publisher)
    cast.publish()

    assert [s for s, _ in life_of(cast, offer)] == ["active"]
    offer.refresh_from_db()
    assert offer.state == "active"
    with pytest.raises(NotGrantableError, match="refusal"):
        cast.offer()


# --- suspension


def test_the_operator_suspends_and_resumes_and_says_why(cast):
    offer = cast.grant_at(State.SUSPENDED)
    assert life_of(cast, offer)[-1][0] == "suspended"
    assert "a claim is being looked at" in explain(offer, cast.now).en

    resume_grant(OPERATOR, offer, cause="dispute", now=cast.now)
    cast.log()
    offer.refresh_from_db()
    assert (offer.state, offer.reason) == ("active", "")
    assert life_of(cast, offer)[-1][0] == "active"
    assert Suspension.objects.get().ended_at == cast.now


def test_two_suspensions_and_it_is_active_again_when_none_is_left(cast):
    offer = cast.grant_at(State.SUSPENDED)
    suspend_grant(OPERATOR, offer, cause="court", reason="an interim order", now=cast.now)
    cast.log()
    resume_grant(OPERATOR, offer, cause="dispute", now=cast.now)
    cast.log()
    assert (Offer.objects.get().state, life_of(cast, offer)[-1][0]) == ("suspended", "suspended")
    resume_grant(OPERATOR, offer, cause="court", now=cast.now)
    cast.log()
    assert (Offer.objects.get().state, life_of(cast, offer)[-1][0]) == ("active", "active")


def test_who_may_not_suspend_and_what_waits(cast):
    offer = cast.grant_at(State.ACTIVE)
    with pytest.raises(NotAllowedError, match="Only an operator"):
        suspend_grant(cast.studio.actor, offer, cause="dispute", reason="mine", now=cast.now)
    with pytest.raises(NotAvailableError, match="pauses by holders"):
        suspend_grant(OPERATOR, offer, cause="holder", reason="asked by phone", now=cast.now)
    with pytest.raises(MalformedError):
        suspend_grant(OPERATOR, offer, cause="court", reason="  ", now=cast.now)
    with pytest.raises(ConflictError):
        resume_grant(OPERATOR, offer, cause="court", now=cast.now)


# --- keys


def in_reserve(cast, player):
    """Another key of the party, bound by the first one in time."""
    new = cast.another_key(player, "in reserve")
    cast.bind(new, by=player)
    cast.log()
    cast.wait()
    return new


def steal(cast, player, suspect_from):
    """The operator ends a stolen key."""
    end_key_by_operator(
        OPERATOR, party=player.party, key=player.key_id, reason="stolen", suspect_from=suspect_from, now=cast.now
    )


def test_grants_approved_under_a_suspect_key_are_suspended_in_the_same_batch(cast):
    before = cast.grant_at(State.ACTIVE)
    suspect_from = cast.wait()
    after = cast.grant_at(State.ACTIVE)
    steal(cast, cast.broadcaster, suspect_from)
    after.refresh_from_db()
    assert after.state == "suspended"
    cast.log()

    assert [s for s, _ in life_of(cast, before)] == ["active"]
    entry = cast.grant_state(after).life[-1]
    assert (entry.s, entry.cause) == ("suspended", "key")
    party = cast.state(names.party(cast.broadcaster.party))
    assert party.key(cast.broadcaster.key_id).until == entry.time


def test_more_grants_than_one_unit_takes_fall_before_the_key_ends(cast, folder, monkeypatch):
    monkeypatch.setattr("registry.verbs.end_key.SUSPENSIONS_AT_ONCE", 1)
    grants = [cast.grant_at(State.ACTIVE, uses=[use]) for use in ("search", "evaluate", "train.generative")]
    steal(cast, cast.broadcaster, cast.now)
    # The last comes with the end of the key.
    units = list(Pending.objects.order_by("id").filter(state="pending").values_list("unit", flat=True))
    assert [units.count(unit) for unit in dict.fromkeys(units)] == [1, 1, 2]
    cast.publish()

    assert [cast.grant_state(grant).life[-1].cause for grant in grants] == ["key"] * 3
    assert cast.state(names.party(cast.broadcaster.party)).key(cast.broadcaster.key_id).until == cast.now
    assert fsck(Folder(folder / "public"), own_trust()).wrong == []


def test_keys_that_a_suspect_key_vouched_for_since_then_fall_with_it(cast, folder):
    safe = in_reserve(cast, cast.broadcaster)
    suspect_from = cast.now
    thief = cast.another_key(cast.broadcaster, "thief")
    cast.bind(thief, by=cast.broadcaster)
    cast.log()
    cast.wait()
    accomplice = cast.another_key(cast.broadcaster, "accomplice")
    cast.bind(accomplice, by=thief)
    cast.log()
    offer = cast.grant_at(State.OFFERED, approved_by=[player for player in cast.holders if player != cast.broadcaster])
    cast.approve(offer, accomplice)
    cast.accept(offer)
    offer = cast.issue(offer)
    cast.log()
    waiting = cast.another_key(cast.broadcaster, "waiting")
    cast.bind(waiting, by=accomplice)
    steal(cast, cast.broadcaster, suspect_from)
    cast.log()

    party = cast.state(names.party(cast.broadcaster.party))
    for fallen in (cast.broadcaster, thief, accomplice, waiting):
        assert party.key(fallen.key_id).until == cast.now
    assert party.key(safe.key_id).until is None
    assert cast.grant_state(offer).life[-1].s == "suspended"
    # Nobody who checks the log misses a suspension.
    cast.publish()
    assert fsck(Folder(folder / "public"), own_trust()).wrong == []


def test_a_thief_who_has_ended_the_key_that_he_vouched_for_saves_no_grant_by_it(cast):
    suspect_from = cast.now
    thief = cast.another_key(cast.broadcaster, "thief")
    cast.bind(thief, by=cast.broadcaster)
    cast.log()
    cast.wait()
    offer = cast.grant_at(State.OFFERED, approved_by=[player for player in cast.holders if player != cast.broadcaster])
    cast.approve(offer, thief)
    cast.accept(offer)
    offer = cast.issue(offer)
    cast.log()
    cast.wait()
    end = {"party": thief.party, "key": thief.key_id, "reason": "replaced", "suspect_from": None}
    end_key(thief.actor, cast.sign(thief, "key-end", end), cast.now)
    cast.log()
    ended_at = cast.now
    cast.wait()
    steal(cast, cast.broadcaster, suspect_from)
    cast.log()

    assert cast.grant_state(offer).life[-1].s == "suspended"
    assert cast.state(names.party(thief.party)).key(thief.key_id).until == ended_at


def test_a_key_that_the_log_never_takes_does_not_keep_a_stolen_one_in_force(cast):
    suspect_from = cast.now
    waiting = cast.another_key(cast.broadcaster, "waiting")
    cast.bind(waiting, by=cast.broadcaster)
    unit = Pending.objects.get(state="pending").unit
    steal(cast, cast.broadcaster, suspect_from)
    Pending.objects.filter(unit=unit).update(draft=b"{}")
    cast.log()

    party = cast.state(names.party(cast.broadcaster.party))
    assert party.key(waiting.key_id) is None
    assert party.key(cast.broadcaster.key_id).until == cast.now


def test_the_party_resumes_with_another_key_and_nobody_else_does(cast):
    new = in_reserve(cast, cast.broadcaster)
    suspect_from = cast.now
    offer = cast.grant_at(State.ACTIVE)
    steal(cast, cast.broadcaster, suspect_from)
    cast.log()
    pos = cast.grant_state(offer).life[-1].pos
    subject = canonical.digest(current_states().event(pos).encode())

    with pytest.raises(ConflictError):
        resume_grant(OPERATOR, offer, cause="dispute", now=cast.now)
    with pytest.raises(NotFoundError):
        resume_after_key(cast.studio.actor, cast.sign(cast.studio, "resume", subject=subject), cast.now)
    with pytest.raises(NotAllowedError, match="the key ended"):
        resume_after_key(cast.broadcaster.actor, cast.sign(cast.broadcaster, "resume", subject=subject), cast.now)
    resume_after_key(new.actor, cast.sign(new, "resume", subject=subject), cast.now)
    cast.log()
    assert (Offer.objects.get().state, life_of(cast, offer)[-1][0]) == ("active", "active")


def test_an_approval_under_an_ended_key_no_longer_counts_and_is_given_again(cast):
    offer = cast.grant_at(State.OFFERED, approved_by=cast.holders)
    cast.accept(offer)
    new = in_reserve(cast, cast.studio)
    steal(cast, cast.studio, None)
    cast.log()
    assert explain(Offer.objects.get(), cast.now).waiting_for == (cast.studio.party,)
    with pytest.raises(RuleError, match="waiting for 1 of 4"):
        cast.issue(offer)
    cast.approve(offer, new)
    assert cast.issue(offer).state == "active"


# --- supersession


def test_a_later_grant_takes_the_place_of_the_one_that_it_names(cast):
    first = cast.grant_at(State.ACTIVE)
    cast.wait()
    second = cast.grant_at(State.ACTIVE, supersedes=[first.grant], territory=["JP"])

    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "active")
    assert life_of(cast, first)[-1] == ("superseded", cast.now)


def test_a_suspended_grant_can_be_superseded(cast):
    first = cast.grant_at(State.SUSPENDED)
    cast.grant_at(State.ACTIVE, supersedes=[first.grant])
    assert life_of(cast, first)[-1][0] == "superseded"


def problems_of(cast, **terms):
    with pytest.raises(NotGrantableError) as refused:
        cast.offer(**terms)
    return {problem.code for problem in refused.value.problems}


def test_supersession_needs_the_same_licensee(cast):
    first = cast.grant_at(State.ACTIVE)
    other = {"kind": "party", "party": cast.other_vendor.party, "affiliates": []}
    assert problems_of(cast, supersedes=[first.grant], licensee=other) == {"supersedes_other_licensee"}


def test_supersession_needs_all_works(cast):
    cast.register("short", "film", cast.studio)
    cast.log()
    cast.share("short", [("copyright", cast.studio)], signed_by=[cast.studio])
    cast.log()
    first = cast.grant_at(State.ACTIVE)
    only_short = {"works": [cast.works["short"]], "locators": []}
    row = draft(cast.studio.actor, cast.terms(supersedes=[first.grant], **only_short), cast.now)
    with pytest.raises(NotGrantableError) as refused:
        offer_grant(cast.studio.actor, row, cast.now)
    assert {problem.code for problem in refused.value.problems} == {"supersedes_other_works"}


def test_what_has_ended_is_not_superseded(cast):
    first = cast.grant_at(State.WITHDRAWN)
    assert problems_of(cast, supersedes=[first.grant]) == {"supersedes_ended"}


def test_if_the_log_refuses_the_unit_neither_the_new_grant_nor_the_end_of_the_old_stays(cast):
    first = cast.grant_at(State.ACTIVE)
    second = cast.offer(supersedes=[first.grant])
    for player in cast.holders:
        cast.approve(second, player)
    cast.accept(second)
    cast.refuse(cast.publisher)
    # The refusal waits in front of the grant; the issuer cannot see it yet.
    cast.issue(second)
    cast.publish()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("active", "lapsed")
    assert [s for s, _ in life_of(cast, first)] == ["active"]
    assert Grant.objects.get(offer=second).token is not None


def test_a_withdrawal_of_something_that_was_never_granted_finds_nothing(cast):
    raw = cast.sign(cast.studio, "withdrawal", subject=canonical.digest(b"nothing"))
    with pytest.raises(NotFoundError):
        withdraw_grant(cast.studio.actor, raw, cast.now)
