"""Promise 3: nobody's word alone. Registries, holders, licensees and strangers cheat; nothing becomes a yes.

What breaks a rule visible in the log and its blobs has no effect, whether evidence is at hand or not. What
only the evidence shows stops replay where it is at hand, and is counted as unchecked where it is not.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from priorconsent import canonical, events, grants, keys, names, receipts, rights, times
from priorconsent.errors import (
    FraudError,
    MalformedError,
    NotAvailableError,
    NotTrustedError,
    PriorConsentError,
    SignatureError,
)
from priorconsent.reasons import Verdict
from priorconsent.statements import body_of
from tests.world import (
    AYA,
    BUN,
    CHIE,
    COMMITTEE,
    DAY_S,
    END,
    FILM,
    FILM_FILE,
    FILM_URL,
    HERO,
    MANGA,
    MEMBERS,
    OTHER_FILM,
    OTHER_VENDOR,
    PUBLISHER,
    SONG,
    STRANGER,
    STUDIO,
    VENDOR,
    World,
    file,
    key,
    uid,
)

HOLDERS = (STUDIO, *MEMBERS, PUBLISHER)


def without(*parties):
    return [one for one in HOLDERS if one not in parties]


VISIBLE: dict[str, Callable[[World], None]] = {}
HIDDEN: dict[str, Callable[[World], None]] = {}


def visible(cheat):
    VISIBLE[cheat.__name__.replace("_", " ")] = cheat
    return cheat


def hidden(cheat):
    HIDDEN[cheat.__name__.replace("_", " ")] = cheat
    return cheat


# The rule is visible in log and blobs: a function that cheats in a world with the film.


def approval_of(party):
    def left_out(world):
        world.issue(world.offer(), approved_by=without(party))

    return left_out


@visible
def approval_inserted(world):
    world.issue(world.offer(), approved_by=[*HOLDERS, STRANGER])


@visible
def no_approval_at_all(world):
    world.issue(world.offer(), approvals=[])


@visible
def acceptance_missing(world):
    world.issue(world.offer(), acceptances=[])


@visible
def acceptance_of_a_public_licence(world):
    offer = world.offer(public=True)
    world.issue(offer, acceptances=[world.accept(offer, VENDOR)])


@visible
def holder_added_after_the_offer(world):
    offer = world.offer()
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)])
    world.issue(offer, approved_by=HOLDERS)


@visible
def holder_added_after_the_offer_and_asked(world):
    offer = world.offer()
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)])
    world.issue(offer)


@visible
def link_added_after_the_offer(world):
    offer = world.offer()
    world.register(SONG, PUBLISHER, kind="music")
    world.share(SONG, [PUBLISHER])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("contains", SONG)])
    world.issue(offer)


@visible
def holder_of_the_original_added_after_the_offer(world):
    offer = world.offer()
    world.share(MANGA, [PUBLISHER, STRANGER])
    world.issue(offer)


@visible
def incomplete_share_set(world):
    world.share(FILM, HOLDERS[:4], [("based_on", None)], complete=False)
    world.issue(world.offer())


@visible
def no_share_set(world):
    world.register(OTHER_FILM, STUDIO)
    world.claim(file("other"), OTHER_FILM, STUDIO)
    world.issue(world.offer(OTHER_FILM), approved_by=[STUDIO])


@visible
def a_work_without_holders(world):
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [])
    world.issue(world.offer(FILM, OTHER_FILM))


@visible
def the_source_is_excluded(world):
    world.issue(world.offer(excluded=[MANGA]))


@visible
def a_person_holds(world):
    world.join(uid("person"), kind="person")
    world.share(FILM, [*HOLDERS[:4], uid("person")], [("based_on", MANGA)])
    world.issue(world.offer())


@visible
def a_holder_of_a_kind_nobody_knows(world):
    world.join(uid("thing"), kind="guild")
    world.share(FILM, [*HOLDERS[:4], uid("thing")], [("based_on", MANGA)])
    world.issue(world.offer())


@visible
def a_link_that_nobody_knows(world):
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("inspired_by", MANGA)])
    world.issue(world.offer())


@visible
def a_right_that_nobody_knows(world):
    world.share(FILM, [*HOLDERS[:4], ("neighbouring", STRANGER)], [("based_on", MANGA)])
    world.issue(world.offer())


@visible
def a_kind_of_work_that_nobody_knows(world):
    world.register(SONG, STUDIO, kind="musik")
    world.share(SONG, [STUDIO, ("performer", STRANGER)])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("contains", SONG)])
    world.issue(world.offer(modalities_in=["audio"]))


@visible
def a_committee_holds(world):
    world.share(FILM, [COMMITTEE], [("based_on", MANGA)], signed_by=[*HOLDERS[:4], STUDIO])
    world.issue(world.offer(), approved_by=[PUBLISHER])


@visible
def a_lapsed_offer(world):
    offer = world.offer(lapse_at=times.plus(world.clock, 10))
    world.wait(seconds=10).issue(offer)


@visible
def an_offer_of_another_registry(world):
    world.issue(world.offer(registry=canonical.digest(b"staging")))


@visible
def another_rights_table(world):
    offer = world.offer()
    table = msgspec.structs.replace(rights.LATEST, version=2, rules=())
    world.blobs[table.digest] = table.encode()
    world.log({"t": "rights-table", "version": 2, "digest": table.digest})
    assert world.last.alarm is None
    world.issue(offer)


@visible
def a_rights_table_of_the_offers_own(world):
    table = msgspec.structs.replace(rights.LATEST, version=2, rules=())
    world.blobs[table.digest] = table.encode()
    world.issue(world.offer(rights_table=table.digest))


@visible
def an_offer_that_leaves_out_a_right(world):
    world.register(HERO, STUDIO, kind="character")
    world.share(HERO, [STUDIO, ("mark", STUDIO)])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("depicts", HERO)])
    world.issue(world.offer(uses=["generate.character"], rights=["copyright"]))


@visible
def an_unregistered_licensee(world):
    licensee = {"kind": "party", "party": uid("nobody"), "affiliates": [VENDOR]}
    offer = world.offer(licensee=licensee)
    world.issue(offer, acceptances=[world.accept(offer, VENDOR)])


def refusal_of(party, **lists):
    def stands(world):
        world.refuse(party, **lists)
        assert world.last.alarm is None
        world.issue(world.offer())

    return stands


@visible
def refusal_against_a_public_licence(world):
    world.refuse(AYA, vendors=[OTHER_VENDOR])
    world.issue(world.offer(public=True))


@visible
def token_by_the_log_key(world):
    world.issue(world.offer(), signer=key("log"))


@visible
def token_by_a_strangers_key(world):
    world.issue(world.offer(), signer=key("stranger"))


def next_keyset(world, **members):
    return msgspec.structs.replace(
        world.keyset, registry=world.registry, version=2, previous=world.keyset.digest, **members
    )


@visible
def token_by_an_ended_key(world):
    ended = tuple(
        msgspec.structs.replace(one, until=world.clock) if one.use == "grant" else one for one in world.keyset.keys
    )
    following = next_keyset(world, keys=tuple(sorted(ended, key=lambda one: one.encode())))
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(following)})
    assert world.last.alarm is None
    world.issue(world.offer())


@visible
def token_of_another_offer(world):
    wide, narrow = world.offer(), world.offer(label="narrow", territory=["US"])
    approvals = [world.approve(narrow, party) for party in HOLDERS]
    evidence = [grants.Evidence(type="approval", digest=one) for one in approvals]
    evidence.append(grants.Evidence(type="acceptance", digest=world.accept(narrow)))
    token = grants.sign(grants.credential(narrow, evidence), key("grant").jwk.thumbprint, key("grant").sign)
    world.issue(wide, token=token)


def event_with(**told):
    def differs(world):
        world.issue(world.offer(), **told)

    return differs


@visible
def the_same_grant_twice(world):
    world.issue(world.offer(territory=["US"]))
    world.issue(world.offer(territory=["JP"]))


@visible
def approvals_spent_before(world):
    world.issue(world.offer(lapse_at=world.clock))
    first = world.offer(territory=["US"], label="first")
    approvals = [world.approve(first, party) for party in HOLDERS]
    world.issue(first, approvals=approvals)
    assert world.last.alarm is None
    world.issue(world.offer(), approvals=approvals)


@visible
def a_stranger_claims_the_file(world):
    world.claim(file("second cut"), FILM, STRANGER)


@visible
def the_licensee_claims_the_place(world):
    world.claim("host:studio.example", FILM, VENDOR)


@visible
def a_registrant_that_no_longer_holds_claims(world):
    world.share(FILM, MEMBERS, [("based_on", MANGA)])
    world.claim(file("second cut"), FILM, STUDIO)


@visible
def a_claim_on_a_name_with_another_spelling(world):
    world.claim("url:HTTPS://studio.example/film/ep1.mp4", FILM, STUDIO)


@visible
def a_claim_on_a_state_that_is_no_name(world):
    world.claim(names.work(MANGA), FILM, STUDIO)


@visible
def an_end_of_somebody_elses_claim(world):
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, FILM, STRANGER, ended=True)


@visible
def a_work_registered_again(world):
    world.register(FILM, STRANGER)


@visible
def a_work_registered_by_a_committee(world):
    world.register(OTHER_FILM, COMMITTEE, signed_by=STUDIO)


@visible
def a_share_set_without_the_dropped_holders(world):
    world.share(FILM, [STUDIO], [("based_on", MANGA)], signed_by=[STUDIO])


@visible
def a_share_set_without_the_new_holder(world):
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)], signed_by=HOLDERS[:4])


@visible
def a_dropped_link_without_the_originals_holder(world):
    world.share(FILM, HOLDERS[:4], [], signed_by=HOLDERS[:4])


@visible
def a_link_made_harmless_without_the_originals_holder(world):
    world.share(FILM, HOLDERS[:4], [("part_of", MANGA)], signed_by=HOLDERS[:4])


@visible
def a_share_set_that_forgets_the_one_before(world):
    world.share(FILM, [STUDIO], signed_by=[STUDIO], told={"version": 1, "previous": None})


@visible
def a_link_to_nowhere(world):
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("based_on", uid("nowhere"))])


@visible
def a_stranger_takes_a_work_whose_holders_were_not_named_yet(world):
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [], complete=False)
    world.share(OTHER_FILM, [STRANGER], signed_by=[STRANGER])


@visible
def a_first_key_that_counts_too_early(world):
    world.add_party(uid("newcomer"))
    world.bind_key(uid("newcomer"), counts_from=times.plus(world.clock, -1))


@visible
def a_key_for_a_committee(world):
    world.bind_key(COMMITTEE)


@visible
def a_key_bound_by_an_ended_key(world):
    old = world.key_of(STRANGER)
    world.end_key(STRANGER, by_operator=True)
    world.bind_key(STRANGER, "second", bound_by=old)


@visible
def a_key_bound_twice(world):
    world.bind_key(STRANGER)


VISIBLE |= {
    "the studio's approval left out": approval_of(STUDIO),
    "a member's approval left out": approval_of(BUN),
    "the approval of the original's holder left out": approval_of(PUBLISHER),
    "a refusal of everything": refusal_of(CHIE),
    "a refusal by the holder of the original": refusal_of(PUBLISHER),
    "a refusal of this vendor": refusal_of(CHIE, vendors=[VENDOR]),
    "a refusal of this work": refusal_of(CHIE, works=[FILM]),
    "a refusal of the original": refusal_of(PUBLISHER, works=[MANGA]),
    "a refusal of an ancestor of the use": refusal_of(CHIE, uses=["train"]),
    "a refusal of a descendant of the use": refusal_of(CHIE, uses=["train.generative.pretrain"]),
    "another work in the event": event_with(works=[MANGA]),
    "a longer period in the event": event_with(valid_until="2029-01-01T00:00:00Z"),
    "an earlier begin in the event": event_with(valid_from="2020-01-01T00:00:00Z"),
    "a lower level in the event": event_with(level="E1"),
    "an unknown level in the event": event_with(level="E9"),
    "an unknown method in the event": event_with(method="voice"),
    "another grant id in the event": event_with(grant=uid("another")),
}


def counts_for_nothing(world):
    """No yes for any key that a cheat may have been after."""
    for asked in (
        {},
        {"sha256": file("second cut")[7:]},
        {"sha256": file("other")[7:]},
        {"url": FILM_URL},
        {"url": "https://studio.example/"},
        {"work": FILM},
        {"work": OTHER_FILM},
        {"modality": "audio"},
        {"use": "generate.character", "modality_out": "video"},
    ):
        at = world.clock
        assert world.ask(at=at, **asked).verdict is Verdict.NOT_PERMITTED or asked == {"territory": "US"}, asked


@pytest.mark.parametrize("secretive", [False, True], ids=["evidence at hand", "evidence kept back"])
@pytest.mark.parametrize("cheat", VISIBLE)
def test_a_visible_cheat_has_no_effect_and_raises_an_alarm(cheat, secretive):
    world = World.with_film()
    world.secretive = secretive
    before = world.ledger.states.copy()
    VISIBLE[cheat](world)
    assert world.last.alarm is not None
    assert world.last.changed == ()
    assert world.last.unchecked == ()
    counts_for_nothing(world)
    assert before.keys() <= world.ledger.states.keys()


# Only the evidence shows it. The number of signatures is right, so the log alone looks honest.


def swapped(world, offer, party, digest, *, method="key"):
    """Issue with one approval in place of a holder's."""
    approvals = [digest if one == party else world.approve(offer, one) for one in HOLDERS]
    world.issue(offer, approvals=approvals, method=method)


def approval_with(**members):
    def differs(world):
        offer = world.offer()
        swapped(world, offer, BUN, world.approve(offer, BUN, **members))

    return differs


@hidden
def approved_by_a_stranger(world):
    offer = world.offer()
    swapped(world, offer, PUBLISHER, world.approve(offer, STRANGER))


@hidden
def approved_by_the_licensee(world):
    offer = world.offer()
    swapped(world, offer, PUBLISHER, world.approve(offer, VENDOR))


@hidden
def approved_twice_by_one(world):
    offer = world.offer()
    swapped(world, offer, BUN, world.approve(offer, AYA))


@hidden
def a_refusal_as_approval(world):
    offer = world.offer()
    digest = world.sign("refusal", BUN, canonical.digest(b"{}"))
    swapped(world, offer, BUN, digest)


@hidden
def approval_of_another_offer(world):
    offer, other = world.offer(), world.offer(label="other")
    swapped(world, offer, BUN, world.approve(other, BUN))


@hidden
def approval_by_an_ended_key(world):
    offer = world.offer()
    digest = world.approve(offer, BUN)
    world.end_key(BUN)
    world.bind_key(BUN, "second")
    swapped(world, offer, BUN, digest)


@hidden
def approval_by_a_key_that_is_bound_later(world):
    offer = world.offer()
    later = world.make_record(BUN, f"{BUN} later")
    swapped(world, offer, BUN, world.approve(offer, BUN, with_key=later))


@hidden
def approval_by_somebody_elses_key(world):
    offer = world.offer()
    swapped(world, offer, BUN, world.approve(offer, BUN, with_key=world.key_of(STRANGER)))


@hidden
def approval_under_a_forged_signature(world):
    offer = world.offer()
    own = world.key_of(BUN)
    world.keys[own], kept = key("forger"), world.keys[own]
    digest = world.approve(offer, BUN)
    world.keys[own] = kept
    swapped(world, offer, BUN, digest)


@hidden
def approval_that_has_lapsed(world):
    offer = world.offer()
    digest = world.approve(offer, BUN, not_after=times.plus(world.clock, DAY_S))
    world.wait(days=1)
    swapped(world, offer, BUN, digest)


@hidden
def accepted_by_another(world):
    offer = world.offer()
    world.issue(offer, acceptances=[world.accept(offer, OTHER_VENDOR)])


@hidden
def accepted_by_an_affiliate(world):
    offer = world.offer(licensee={"kind": "party", "party": VENDOR, "affiliates": [OTHER_VENDOR]})
    world.issue(offer, acceptances=[world.accept(offer, OTHER_VENDOR)])


@hidden
def the_licensee_declined(world):
    offer = world.offer()
    world.issue(offer, acceptances=[world.accept(offer, decision="decline")])


@hidden
def an_approval_as_acceptance(world):
    offer = world.offer()
    world.issue(offer, acceptances=[world.approve(offer, VENDOR)])


@hidden
def a_stronger_method_than_used(world):
    world.end_key(PUBLISHER)
    world.bind_key(PUBLISHER, "account", method="account")
    world.issue(world.offer(), method="key")


@hidden
def a_claim_signed_by_a_stranger(world):
    world.claim(file("second cut"), FILM, STUDIO, signed_by=STRANGER)


@hidden
def a_claim_signed_for_another_name(world):
    body = {"name": file("trailer"), "work": FILM, "party": STUDIO, "ended": False}
    digest = world.sign("claim", STUDIO, canonical.digest(canonical.encode(body)), body=body)
    event = {"t": "alias", **body, "name": file("second cut"), "level": "E3"}
    world.log(event, statement=digest)


@hidden
def a_claim_signed_as_an_end(world):
    body = {"name": file("second cut"), "work": FILM, "party": STUDIO, "ended": True}
    digest = world.sign("claim", STUDIO, canonical.digest(canonical.encode(body)), body=body)
    world.log({"t": "alias", **body, "ended": False, "level": "E3"}, statement=digest)


@hidden
def a_work_in_somebodys_name(world):
    world.register(OTHER_FILM, STUDIO, signed_by=STRANGER)


@hidden
def a_share_set_signed_by_strangers(world):
    world.share(FILM, [STRANGER], [], signed_by=[STRANGER, *world_strangers(world, 5)])


def world_strangers(world, count):
    parties = [uid(f"stranger {number}") for number in range(count)]
    for party in parties:
        world.join(party)
    return parties


@hidden
def a_share_set_signed_twice_by_one(world):
    world.share(FILM, [STUDIO], [("based_on", MANGA)], signed_by=[STUDIO] * 4)


@hidden
def a_holder_deleted_after_signing(world):
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)])
    held = [{"right": "copyright", "party": STUDIO, "level": "E3"}]
    state = world.state(names.work(FILM))
    full = [{"right": "copyright", "party": one, "level": "E3"} for one in (*HOLDERS[:4], STRANGER)]
    event = {"t": "share-set", "work": FILM, "version": 3, "previous": state.share_set, "links": [], "complete": True}
    body = body_of({**event, "digest": file("set"), "holders": full})
    signed = [
        world.sign("shares", one, canonical.digest(canonical.encode(body)), body=body)
        for one in (*HOLDERS[:4], STRANGER, PUBLISHER)
    ]
    world.log({**event, "digest": file("set"), "holders": held}, statements=sorted(signed))


@hidden
def a_link_deleted_from_the_event(world):
    world.register(OTHER_FILM, STUDIO)
    world.claim(file("other"), OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [STUDIO], [("based_on", MANGA)], told={"links": []})


@hidden
def a_set_called_complete(world):
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [STUDIO], complete=False, told={"complete": True})


@hidden
def a_version_left_out(world):
    world.share(MANGA, [PUBLISHER], told={"version": 7})


@hidden
def a_refusal_in_somebodys_name(world):
    body = {"refusal": uid("r"), "party": AYA, "vendors": ["*"], "works": ["*"], "uses": ["*"]}
    world.act({"t": "refuse", **body}, "refusal", [STRANGER])


@hidden
def a_refusal_ended_by_another(world):
    refusal = world.refuse(AYA)
    world.end_refusal(refusal, AYA, signed_by=STRANGER)


@hidden
def a_key_in_somebodys_name(world):
    key_id = world.make_record(STRANGER, "mine")
    event = {"t": "party-key", "party": PUBLISHER, "key": key_id, "method": "key", "bound_by": None}
    event["counts_from"] = world.clock
    body = body_of({**event, "time": world.clock})
    digest = world.sign("key", STRANGER, canonical.digest(canonical.encode(body)), body=body, with_key=key_id)
    world.log(event, statements=[digest])


@hidden
def a_key_without_the_earlier_keys_word(world):
    old, new = world.key_of(PUBLISHER), world.make_record(PUBLISHER, "new")
    event = {"t": "party-key", "party": PUBLISHER, "key": new, "method": "key", "bound_by": old}
    event["counts_from"] = world.clock
    body = body_of({**event, "time": world.clock})
    subject = canonical.digest(canonical.encode(body))
    signed = [world.sign("key", PUBLISHER, subject, body=body, with_key=new) for _ in range(2)]
    world.log(event, statements=sorted(signed))


@hidden
def a_key_with_a_stronger_method(world):
    key_id = world.make_record(PUBLISHER, "account", "account")
    event = {"t": "party-key", "party": PUBLISHER, "key": key_id, "method": "key", "bound_by": None}
    event["counts_from"] = world.clock
    body = body_of({**event, "time": world.clock})
    digest = world.sign("key", PUBLISHER, canonical.digest(canonical.encode(body)), body=body, with_key=key_id)
    world.log(event, statements=[digest])


@hidden
def a_key_end_by_another(world):
    world.act(
        {"t": "party-key-end", "party": AYA, "key": world.key_of(AYA), "reason": "lost", "suspect_from": None},
        "key-end",
        [STRANGER],
    )


@hidden
def a_first_key_used_before_its_delay(world):
    world.add_party(uid("newcomer"))
    world.bind_key(uid("newcomer"), counts_from=times.plus(world.clock, 1))
    world.register(OTHER_FILM, uid("newcomer"))


HIDDEN |= {
    "an approval that names no right": approval_with(rights=[]),
    "an approval that names another right": approval_with(rights=["mark"]),
    "a decline": approval_with(decision="decline"),
    "an approval from the future": approval_with(at="2027-01-01T00:00:00Z"),
    "an approval of a year and more ago": approval_with(at="2025-09-01T00:00:00Z"),
    "an approval for another registry": approval_with(registry=canonical.digest(b"staging")),
}


@pytest.mark.parametrize("cheat", HIDDEN)
def test_a_hidden_cheat_is_fraud_where_the_evidence_is_at_hand(cheat):
    world = World.with_film()
    with pytest.raises(FraudError) as caught:
        HIDDEN[cheat](world)
    assert caught.value.evidence, "the proof is kept"
    counts_for_nothing(world)
    assert not world.alarms


@pytest.mark.parametrize("cheat", HIDDEN)
def test_a_hidden_cheat_is_counted_as_unchecked_where_the_evidence_is_kept_back(cheat):
    world = World.with_film()
    world.secretive = True
    world.proofs.clear()
    HIDDEN[cheat](world)
    assert world.last.alarm is None
    assert world.last.unchecked


def test_the_honest_story_passes_both_ways():
    for secretive in (False, True):
        world = World.with_film()
        world.secretive = secretive
        world.issue(world.offer())
        assert world.last.alarm is None
        assert len(world.last.unchecked) == (6 if secretive else 0)
        assert world.reason() == "granted"


def test_one_approval_kept_back_does_not_hide_a_weaker_method_of_another():
    world = World.with_film()
    world.end_key(PUBLISHER)
    world.bind_key(PUBLISHER, "account", method="account")
    offer = world.offer()
    approvals = [world.approve(offer, party, hide=party == AYA) for party in HOLDERS]
    with pytest.raises(FraudError, match="method"):
        world.issue(offer, approvals=approvals, method="key")
    world.issue(offer, approvals=approvals, method="account")
    assert (world.last.alarm, len(world.last.unchecked)) == (None, 1)


def test_the_map_does_not_depend_on_which_evidence_is_at_hand():
    roots = []
    for secretive in (False, True):
        world = World.with_film()
        world.secretive = secretive
        for cheat in ("a member's approval left out", "approval inserted", "a stranger claims the file"):
            VISIBLE[cheat](world)
        world.proofs.clear()
        roots.append(world.root())
    assert roots[0] == roots[1]


@pytest.mark.parametrize("offset", [-1, 0])
def test_a_first_key_widens_from_the_end_of_its_delay_to_the_second(offset):
    world = World(key_delay_s=3 * DAY_S, cast=[STUDIO])
    world.wait(seconds=3 * DAY_S + offset)
    if offset:
        with pytest.raises(FraudError, match="waits until"):
            world.register(FILM, STUDIO)
    else:
        world.register(FILM, STUDIO)
    assert (world.state(names.work(FILM)) is None) == bool(offset)


def test_a_first_key_may_refuse_at_once_but_not_take_back():
    world = World(key_delay_s=3 * DAY_S, cast=[STUDIO])
    refusal = world.refuse(STUDIO)
    assert world.last.alarm is None
    with pytest.raises(FraudError):
        world.end_refusal(refusal, STUDIO)


@pytest.mark.parametrize("secretive", [False, True])
def test_a_first_key_cannot_shed_its_delay_by_binding_a_second(secretive):
    world = World(key_delay_s=3 * DAY_S, cast=[STUDIO])
    world.secretive = secretive
    first = world.key_of(STUDIO)
    world.bind_key(STUDIO, "second", bound_by=first)
    assert "delay" in world.alarm
    world.wait(days=3).bind_key(STUDIO, "third", bound_by=first)
    assert world.last.alarm is None
    world.register(FILM, STUDIO)
    assert world.last.alarm is None


def test_a_claim_statement_counts_once():
    world = World.with_film()
    claimed = next(event for event in world.ledger.events if getattr(event, "name", "") == FILM_FILE)
    world.claim(FILM_FILE, FILM, STUDIO, ended=True)
    world.log(claimed.to_json(), time=world.clock)
    assert "counted before" in world.alarm
    assert world.state(FILM_FILE).claims == ()


def test_evidence_is_spent_by_the_first_event_that_cites_it_even_without_effect():
    world = World.with_film()
    offer = world.offer()
    approvals = [world.approve(offer, party) for party in HOLDERS]
    acceptances = [world.accept(offer)]
    world.issue(offer, approvals=approvals, acceptances=acceptances, level="E1")
    assert "level" in world.alarm
    world.issue(offer, approvals=approvals, acceptances=acceptances)
    assert "counted before" in world.alarm
    assert world.reason() == "no_grant"


# Ends of grants


def test_a_strangers_grant_supersedes_nothing():
    world = World.granted()
    world.register(OTHER_FILM, STRANGER)
    world.share(OTHER_FILM, [STRANGER])
    following = world.offer(OTHER_FILM, label="next", supersedes=[uid("grant")])
    world.issue(following)
    assert world.last.alarm is None
    world.supersede(uid("grant"), following)
    assert "leaves out works" in world.alarm
    assert world.reason() == "granted"


def test_a_grant_to_another_licensee_supersedes_nothing():
    world = World.granted()
    licensee = {"kind": "party", "party": OTHER_VENDOR, "affiliates": []}
    following = world.offer(label="next", licensee=licensee, supersedes=[uid("grant")])
    world.issue(following)
    world.supersede(uid("grant"), following)
    assert "another licensee" in world.alarm
    assert world.reason() == "granted"


def test_a_grant_that_is_not_named_stays():
    world = World.granted()
    following = world.offer(label="next")
    world.issue(following)
    world.supersede(uid("grant"), following)
    assert "does not name" in world.alarm
    world.supersede(uid("grant"), uid("nothing"))
    assert "does not exist" in world.alarm


@pytest.mark.parametrize("ends_at", ["2020-01-01T00:00:00Z", END])
def test_a_withdrawal_ends_after_the_notice_agreed_and_at_no_other_time(ends_at):
    world = World.granted(withdrawal={"by": "any", "notice_s": DAY_S})
    world.withdraw(uid("grant"), AYA, ends_at=ends_at)
    assert "notice" in world.alarm


def test_a_notice_beyond_the_calendar_is_an_alarm_and_not_a_crash():
    world = World.granted(withdrawal={"by": "any", "notice_s": 2**53 - 1})
    world.withdraw(uid("grant"), AYA, ends_at=END)
    assert "calendar" in world.alarm


def test_all_means_all_who_approved():
    world = World.granted(withdrawal={"by": "all", "notice_s": 0})
    world.withdraw(uid("grant"), *without(PUBLISHER))
    assert "not all" in world.alarm
    assert world.reason() == "granted"
    with pytest.raises(FraudError, match="approved nothing"):
        world.withdraw(uid("grant"), *without(PUBLISHER), STRANGER)
    world.withdraw(uid("grant"), *HOLDERS)
    assert world.reason() == "withdrawn"


def test_a_stranger_withdraws_nothing():
    world = World.granted()
    with pytest.raises(FraudError, match="approved nothing"):
        world.withdraw(uid("grant"), STRANGER)
    with pytest.raises(FraudError):
        world.withdraw(uid("grant"), AYA, signed_by=[STRANGER])
    assert world.reason() == "granted"


def test_notice_ends_the_grant_to_the_second():
    world = World.granted(withdrawal={"by": "any", "notice_s": 3600})
    begin = world.clock
    world.withdraw(uid("grant"), PUBLISHER)
    assert world.wait(days=1).reason(at=times.plus(begin, 3599)) == "granted"
    assert world.reason(at=times.plus(begin, 3600)) == "withdrawn"


def test_only_who_paused_resumes():
    world = World.granted()
    pos = world.suspend(uid("grant"), "holder", by=AYA)
    for by in (None, BUN):
        world.resume(uid("grant"), pos, by=by)
        assert world.last.alarm is not None
    with pytest.raises(FraudError):
        world.resume(uid("grant"), pos, by=AYA, at="2030-01-01T00:00:00Z")
    other = World.granted()
    earlier = other.suspend(uid("grant"), "holder", by=AYA)
    other.resume(uid("grant"), earlier, by=AYA)
    for_earlier = other.sign("resume", AYA, canonical.digest(other.ledger.event(earlier).encode()))
    again = other.wait(days=1).suspend(uid("grant"), "holder", by=AYA)
    with pytest.raises(FraudError, match="about something else"):
        other.log({"t": "resume", "grant": uid("grant"), "ends": again, "party": AYA}, statement=for_earlier)
    assert world.reason() == "suspended"
    world.resume(uid("grant"), pos, by=AYA)
    assert world.last.alarm is None
    assert world.wait(seconds=1).reason() == "granted"


def test_a_grant_is_active_again_when_no_suspension_is_left():
    world = World.granted()
    court, holder = world.suspend(uid("grant")), world.suspend(uid("grant"), "holder", by=AYA)
    world.resume(uid("grant"), court)
    assert world.reason() == "suspended"
    world.resume(uid("grant"), court)
    assert "no open suspension" in world.alarm
    world.resume(uid("grant"), holder, by=AYA)
    assert world.reason() == "granted"


def test_a_suspended_grant_can_be_withdrawn_and_never_comes_back():
    world = World.granted()
    pos = world.suspend(uid("grant"))
    world.withdraw(uid("grant"), AYA)
    world.resume(uid("grant"), pos)
    assert world.wait(days=1).reason() == "withdrawn"
    world.withdraw(uid("grant"), BUN)
    assert "ended already" in world.alarm
    world.suspend(uid("grant"))
    assert "has ended" in world.alarm


# The log itself


def test_a_log_begins_with_log_open_and_has_it_once():
    world = World(cast=[STUDIO])
    world.log(
        {"t": "log-open", "format": 1, "origin": "log.test/1", "registry": world.registry, "keyset": world.registry}
    )
    assert "first event" in world.alarm


def test_without_a_keyset_nothing_counts_whatever_is_at_hand():
    for secretive in (False, True):
        world = World(cast=[STUDIO])
        world.secretive = secretive
        del world.ledger.states[names.KEYSET]
        world.register(FILM, STUDIO)
        assert world.last.alarm is not None


@pytest.mark.parametrize("what", ["keyset", "rights table", "offer", "token"])
@pytest.mark.parametrize("how", ["missing", "of another digest"])
def test_a_blob_that_is_not_there_stops_replay_and_is_no_alarm(what, how):
    world = World.with_film()
    offer = world.offer()
    if what == "keyset":
        wanted = next_keyset(world).digest
        other, draft = world.blobs[world.registry], {"t": "keyset", "version": 2, "digest": wanted}
    elif what == "rights table":
        wanted = msgspec.structs.replace(rights.LATEST, version=2).digest
        other, draft = rights.LATEST.encode(), {"t": "rights-table", "version": 2, "digest": wanted}
    else:
        world.issue(offer)
        honest = world.ledger.events.pop()
        assert isinstance(honest, events.GrantAdd)
        world.ledger.states.pop(names.grant(offer.grant))
        world.ledger.spent.clear()
        wanted = {"offer": honest.offer, "token": honest.digest}[what]
        other, draft = world.blobs.pop(wanted)[:-1], {**honest.to_json()}
    if how == "of another digest":
        world.blobs[wanted] = other
    size = world.ledger.size
    with pytest.raises(NotTrustedError, match="missing"):
        world.log(draft)
    assert world.ledger.size == size


@pytest.mark.parametrize("roots", ["those in force", "of its own"])
def test_a_keyset_that_the_roots_did_not_sign_stops_replay_and_nothing_counts(roots):
    """Its digest says nothing about signatures: by an alarm, a bad copy would lead some readers to another map."""
    world = World.with_film()
    thief = keys.RegistryKey(jwk=key("thief").jwk, use="grant", from_=world.clock, until=None)
    own = {"roots": (key("thief").jwk,)} if roots == "of its own" else {}
    following = next_keyset(world, keys=(thief,), **own)
    draft = {"t": "keyset", "version": 2, "digest": world.publish_keyset(following, [key("thief")])}
    size = world.ledger.size
    with pytest.raises(SignatureError):
        world.log(draft)
    assert world.ledger.size == size
    world.issue(world.offer(), signer=key("thief"))
    assert world.last.alarm is not None
    assert world.reason() == "no_grant"


def test_a_keyset_blob_that_changes_later_is_not_believed():
    world = World.with_film()
    thief = msgspec.structs.replace(
        world.keyset, keys=(keys.RegistryKey(jwk=key("thief").jwk, use="grant", from_=world.clock, until=None),)
    )
    world.blobs[world.registry] = keys.sign_keyset(thief, [key("thief")])
    with pytest.raises(NotTrustedError):
        world.issue(world.offer(), signer=key("thief"))
    assert world.reason() == "no_grant"


@pytest.mark.parametrize("blob", [b"", b"{}", b'{"rules":[],"v":1,"version":3}', b"\xff"])
def test_a_blob_that_is_no_rights_table_is_an_alarm(blob):
    world = World()
    digest = canonical.digest(blob)
    world.blobs[digest] = blob
    world.log({"t": "rights-table", "version": 2, "digest": digest})
    assert world.last.alarm is not None


def test_evidence_under_a_wrong_digest_counts_as_not_at_hand():
    world = World.with_film()
    offer = world.offer()
    approvals = [world.approve(offer, party) for party in HOLDERS]
    world.proofs[approvals[0]] = b"something else"
    world.issue(offer, approvals=approvals)
    assert world.last.unchecked == (approvals[0],)


def test_bytes_that_are_no_statement_are_fraud():
    for raw in (b"", b"a.b.c", b"\xff", b"[]"):
        world = World.with_film()
        digest = canonical.digest(raw)
        world.proofs[digest] = raw
        with pytest.raises(FraudError):
            swapped(world, world.offer(), BUN, digest)


def test_what_comes_later_is_refused_by_name():
    world = World.with_film()
    world.proofs[canonical.digest(b'{"type":"passkey"}')] = b'{"type":"passkey"}'
    with pytest.raises(NotAvailableError, match="passkey"):
        swapped(world, world.offer(), BUN, canonical.digest(b'{"type":"passkey"}'))
    with pytest.raises(NotAvailableError, match="mandate"):
        world.sign("approval", STUDIO, world.offer().digest, by=STRANGER)
    for kind in ("snapshots", "runs", "enquiries", "notices"):
        with pytest.raises(NotAvailableError, match=f"anchors of {kind}"):
            world.log({"t": "anchor", "kind": kind})
    assert world.reason() == "no_grant"


def anchored(world, raw, **members):
    digest = receipts.list_digest(raw)
    world.shelf.blobs[digest] = raw
    return world.log({"t": "anchor", "kind": "receipts", "digest": digest, "party": None, "statement": None}, **members)


def test_an_anchor_changes_no_state_and_needs_its_list():
    world = World.with_film()
    before = dict(world.ledger.states)
    raw = receipts.write_list([file("one"), file("two")])
    effect = anchored(world, raw)
    assert (effect.alarm, effect.changed, world.ledger.states) == (None, (), before)
    with pytest.raises(NotTrustedError, match="list of receipts"):
        world.log({"t": "anchor", "kind": "receipts", "digest": file("none"), "party": None, "statement": None})


@pytest.mark.parametrize("member", [{"party": STUDIO}, {"statement": file("statement")}])
def test_receipts_are_anchored_by_nobody_but_the_registry(member):
    effect = anchored(World.with_film(), receipts.write_list([file("one")]), **member)
    assert "by the registry" in effect.alarm


@pytest.mark.parametrize("kind", ["", "Receipts", "others", None, ["receipts"]])
def test_an_anchor_of_no_kind_stops_replay(kind):
    with pytest.raises(MalformedError):
        World.with_film().log({"t": "anchor", "kind": kind, "digest": file("x"), "party": None, "statement": None})


ODD_VALUES: list[Any] = [None, [], "", "x", 0, -1, uid("x"), file("x"), ["*"], [uid("x")], {}]


def test_our_errors_are_the_only_ones():
    world = World.with_film()
    for event in (event.to_json() for event in list(world.ledger.events)):
        for name in event.keys() - {"t", "time"}:
            for value in ODD_VALUES:
                before = dict(world.ledger.states)
                try:
                    world.log({**event, name: value, "time": world.clock})
                except PriorConsentError:
                    assert before == world.ledger.states


def test_one_signature_is_not_the_word_of_all():
    world = World.granted(withdrawal={"by": "all", "notice_s": 0})
    world.secretive = True
    world.withdraw(uid("grant"), *HOLDERS, signed_by=[AYA])
    assert "one statement" in world.alarm
    assert world.reason() == "granted"


@pytest.mark.parametrize(
    "members",
    [
        {"cause": "court", "party": AYA},
        {"cause": "dispute", "party": AYA},
        {"cause": "key", "party": None},
        {"cause": "holder", "party": None},
        {"cause": "holder", "party": AYA},
        {"cause": "court", "party": None, "statement": file("statement")},
    ],
)
def test_a_suspension_says_whose_it_is_and_no_more(members):
    world = World.granted()
    world.log({"t": "suspend", "grant": uid("grant"), "statement": None, **members})
    assert world.alarm
    assert world.reason() == "granted"


def test_only_a_holder_pauses():
    world = World.granted()
    world.suspend(uid("grant"), "holder", by=STRANGER)
    assert "holds nothing" in world.alarm


def test_a_grant_under_notice_can_still_be_suspended_and_superseded():
    world = World.granted(withdrawal={"by": "any", "notice_s": DAY_S})
    following = world.offer(label="next", supersedes=[uid("grant")], territory=["US"])
    world.issue(following)
    world.withdraw(uid("grant"), AYA)
    world.suspend(uid("grant"))
    assert not world.alarm
    assert world.reason() == "territory_not_granted"
    world.supersede(uid("grant"), following)
    assert not world.alarm
    assert [entry.s for entry in world.grant_state(uid("grant")).life] == [
        "active",
        "withdrawn",
        "suspended",
        "superseded",
    ]


def test_a_pause_is_resumed_by_a_statement_and_by_nothing_less():
    world = World.granted()
    pos = world.suspend(uid("grant"), "holder", by=AYA)
    world.log({"t": "resume", "grant": uid("grant"), "ends": pos, "party": AYA, "statement": None})
    assert world.alarm
    court = World.granted()
    pos = court.suspend(uid("grant"))
    court.log({"t": "resume", "grant": uid("grant"), "ends": pos, "party": None, "statement": file("statement")})
    assert court.alarm
    assert (world.reason(), court.reason()) == ("suspended", "suspended")


def test_a_key_ends_once_and_stays_ended():
    world = World.with_film()
    key_id = world.key_of(AYA)
    world.end_key(AYA, by_operator=True)
    ended = world.wait(days=1).state(names.party(AYA)).key(key_id).until
    for wrong in (key_id, file("no key")):
        world.end_key(AYA, wrong, by_operator=True)
        assert "no such key" in world.alarm
    assert world.state(names.party(AYA)).key(key_id).until == ended


def test_at_the_second_of_its_end_a_grant_has_ended():
    world = World.granted(withdrawal={"by": "any", "notice_s": DAY_S})
    world.withdraw(uid("grant"), AYA)
    world.wait(days=1).suspend(uid("grant"))
    assert "has ended" in world.alarm


@pytest.mark.parametrize("told", [{"version": 2}, {"version": 1, "previous": file("none")}])
def test_the_first_share_set_is_version_one_and_follows_none(told):
    world = World.with_film()
    world.register(OTHER_FILM, STUDIO)
    world.secretive = True
    world.share(OTHER_FILM, [STUDIO], told=told)
    assert world.alarm


def test_a_log_that_begins_otherwise_never_counts():
    world = World.with_film()
    honest = list(world.ledger.events)
    world.back((world.clock, {}, [], {}, []))
    world.add_party(STRANGER)
    assert "first event" in world.alarm
    for event in honest:
        world.log(event.to_json(), time=world.clock)
        assert world.alarm or event.__struct_config__.tag in {"party", "map-root", "rights-table"}
    assert world.reason() == "no_record"
