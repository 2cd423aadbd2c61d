"""Promise 3: nobody's word alone. Registries, holders, licensees and strangers cheat; nothing becomes a yes.

What breaks a rule visible in the log and its blobs has no effect, whether evidence is at hand or not. What
only the evidence shows stops replay where it is at hand, and is counted as unchecked where it is not.
"""

import msgspec
import pytest

from priorconsent import canonical, grants, keys, names, rights, times
from priorconsent.decision import Verdict
from priorconsent.errors import FraudError, NotAvailableError, NotTrustedError, PriorConsentError
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
    salt,
    uid,
)

HOLDERS = (STUDIO, *MEMBERS, PUBLISHER)


def without(*parties):
    return [one for one in HOLDERS if one not in parties]


# The rule is visible in log and blobs: a function that cheats in a world with the film.


def approval_of(party):
    def left_out(world):
        world.issue(world.offer(), approved_by=without(party))

    return left_out


def approval_inserted(world):
    world.issue(world.offer(), approved_by=[*HOLDERS, STRANGER])


def no_approval_at_all(world):
    world.issue(world.offer(), approvals=[])


def acceptance_missing(world):
    world.issue(world.offer(), acceptances=[])


def acceptance_of_a_public_licence(world):
    offer = world.offer(public=True)
    world.issue(offer, acceptances=[world.accept(offer, VENDOR)])


def holder_added_after_the_offer(world):
    offer = world.offer()
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)])
    world.issue(offer, approved_by=HOLDERS)


def holder_added_after_the_offer_and_asked(world):
    offer = world.offer()
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)])
    world.issue(offer)


def link_added_after_the_offer(world):
    offer = world.offer()
    world.register(SONG, PUBLISHER, kind="music")
    world.share(SONG, [PUBLISHER])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("contains", SONG)])
    world.issue(offer)


def holder_of_the_original_added_after_the_offer(world):
    offer = world.offer()
    world.share(MANGA, [PUBLISHER, STRANGER])
    world.issue(offer)


def incomplete_share_set(world):
    world.share(FILM, HOLDERS[:4], [("based_on", None)], complete=False)
    world.issue(world.offer())


def no_share_set(world):
    world.register(OTHER_FILM, STUDIO)
    world.claim(file("other"), OTHER_FILM, STUDIO)
    world.issue(world.offer(OTHER_FILM), approved_by=[STUDIO])


def a_work_without_holders(world):
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [])
    world.issue(world.offer(FILM, OTHER_FILM))


def the_source_is_excluded(world):
    world.issue(world.offer(excluded=[MANGA]))


def a_person_holds(world):
    world.join(uid("person"), kind="person")
    world.share(FILM, [*HOLDERS[:4], uid("person")], [("based_on", MANGA)])
    world.issue(world.offer())


def a_holder_of_a_kind_nobody_knows(world):
    world.join(uid("thing"), kind="guild")
    world.share(FILM, [*HOLDERS[:4], uid("thing")], [("based_on", MANGA)])
    world.issue(world.offer())


def a_link_that_nobody_knows(world):
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("inspired_by", MANGA)])
    world.issue(world.offer())


def a_right_that_nobody_knows(world):
    world.share(FILM, [*HOLDERS[:4], ("neighbouring", STRANGER)], [("based_on", MANGA)])
    world.issue(world.offer())


def a_kind_of_work_that_nobody_knows(world):
    world.register(SONG, STUDIO, kind="musik")
    world.share(SONG, [STUDIO, ("performer", STRANGER)])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("contains", SONG)])
    world.issue(world.offer(modalities_in=["audio"]))


def a_committee_holds(world):
    world.share(FILM, [COMMITTEE], [("based_on", MANGA)], signed_by=[*HOLDERS[:4], STUDIO])
    world.issue(world.offer(), approved_by=[PUBLISHER])


def a_lapsed_offer(world):
    offer = world.offer(lapse_at=times.plus(world.clock, 10))
    world.wait(seconds=10).issue(offer)


def an_offer_of_another_registry(world):
    world.issue(world.offer(registry=canonical.digest(b"staging")))


def another_rights_table(world):
    offer = world.offer()
    table = msgspec.structs.replace(rights.LATEST, version=2, rules=())
    world.blobs[table.digest] = table.encode()
    world.log({"t": "rights-table", "version": 2, "digest": table.digest})
    assert world.last.alarm is None
    world.issue(offer)


def a_rights_table_of_the_offers_own(world):
    table = msgspec.structs.replace(rights.LATEST, version=2, rules=())
    world.blobs[table.digest] = table.encode()
    world.issue(world.offer(rights_table=table.digest))


def an_offer_that_leaves_out_a_right(world):
    world.register(HERO, STUDIO, kind="character")
    world.share(HERO, [STUDIO, ("mark", STUDIO)])
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("depicts", HERO)])
    world.issue(world.offer(uses=["generate.character"], rights=["copyright"]))


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


def refusal_against_a_public_licence(world):
    world.refuse(AYA, vendors=[OTHER_VENDOR])
    world.issue(world.offer(public=True))


def token_by_the_log_key(world):
    world.issue(world.offer(), signer=key("log"))


def token_by_a_strangers_key(world):
    world.issue(world.offer(), signer=key("stranger"))


def next_keyset(world, **members):
    following = msgspec.structs.replace(
        world.keyset, registry=world.registry, version=2, previous=world.keyset.digest, **members
    )
    return following


def token_by_an_ended_key(world):
    ended = tuple(msgspec.structs.replace(one, until=world.clock) if one.use == "grant" else one for one in world.keyset.keys)
    following = next_keyset(world, keys=tuple(sorted(ended, key=lambda one: one.encode())))
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(following)})
    assert world.last.alarm is None
    world.issue(world.offer())


def token_by_a_key_of_a_keyset_that_the_roots_did_not_sign(world):
    thief = keys.RegistryKey(jwk=key("thief").jwk, use="grant", from_=world.clock, until=None)
    following = next_keyset(world, keys=(thief,))
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(following, [key("thief")])})
    world.issue(world.offer(), signer=key("thief"))


def token_by_a_key_of_a_keyset_with_roots_of_its_own(world):
    thief = keys.RegistryKey(jwk=key("thief").jwk, use="grant", from_=world.clock, until=None)
    following = next_keyset(world, keys=(thief,), roots=(key("thief").jwk,))
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(following, [key("thief")])})
    world.issue(world.offer(), signer=key("thief"))


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


def the_same_grant_twice(world):
    world.issue(world.offer(territory=["US"]))
    world.issue(world.offer(territory=["JP"]))


def approvals_spent_before(world):
    world.issue(world.offer(lapse_at=world.clock))
    first = world.offer(territory=["US"], label="first")
    approvals = [world.approve(first, party) for party in HOLDERS]
    world.issue(first, approvals=approvals)
    assert world.last.alarm is None
    world.issue(world.offer(), approvals=approvals)


def a_stranger_claims_the_file(world):
    world.claim(file("second cut"), FILM, STRANGER)


def the_licensee_claims_the_place(world):
    world.claim("host:studio.example", FILM, VENDOR)


def a_registrant_that_no_longer_holds_claims(world):
    world.share(FILM, MEMBERS, [("based_on", MANGA)])
    world.claim(file("second cut"), FILM, STUDIO)


def a_claim_on_a_name_with_another_spelling(world):
    world.claim("url:HTTPS://studio.example/film/ep1.mp4", FILM, STUDIO)


def a_claim_on_a_state_that_is_no_name(world):
    world.claim(names.work(MANGA), FILM, STUDIO)


def an_end_of_somebody_elses_claim(world):
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, FILM, STRANGER, ended=True)


def a_work_registered_again(world):
    world.register(FILM, STRANGER)


def a_work_registered_by_a_committee(world):
    world.register(OTHER_FILM, COMMITTEE, signed_by=STUDIO)


def a_share_set_without_the_dropped_holders(world):
    world.share(FILM, [STUDIO], [("based_on", MANGA)], signed_by=[STUDIO])


def a_share_set_without_the_new_holder(world):
    world.share(FILM, [*HOLDERS[:4], STRANGER], [("based_on", MANGA)], signed_by=HOLDERS[:4])


def a_dropped_link_without_the_originals_holder(world):
    world.share(FILM, HOLDERS[:4], [], signed_by=HOLDERS[:4])


def a_link_made_harmless_without_the_originals_holder(world):
    world.share(FILM, HOLDERS[:4], [("part_of", MANGA)], signed_by=HOLDERS[:4])


def a_share_set_that_forgets_the_one_before(world):
    world.share(FILM, [STUDIO], signed_by=[STUDIO], told={"version": 1, "previous": None})


def a_link_to_nowhere(world):
    world.share(FILM, HOLDERS[:4], [("based_on", MANGA), ("based_on", uid("nowhere"))])


def a_stranger_takes_a_work_whose_holders_were_not_named_yet(world):
    world.register(OTHER_FILM, STUDIO)
    world.share(OTHER_FILM, [], complete=False)
    world.share(OTHER_FILM, [STRANGER], signed_by=[STRANGER])


def a_first_key_that_counts_too_early(world):
    world.add_party(uid("newcomer"))
    world.bind_key(uid("newcomer"), counts_from=times.plus(world.clock, -1))


def a_key_for_a_committee(world):
    world.bind_key(COMMITTEE)


def a_key_bound_by_an_ended_key(world):
    old = world.key_of(STRANGER)
    world.end_key(STRANGER, by_operator=True)
    world.bind_key(STRANGER, "second", bound_by=old)


def a_key_bound_twice(world):
    world.bind_key(STRANGER)


VISIBLE = {
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
    **{
        name.replace("_", " "): cheat
        for name, cheat in list(globals().items())
        if callable(cheat) and getattr(cheat, "__module__", "") == __name__ and cheat.__code__.co_varnames[:1] == ("world",)
        and name != "next_keyset"
    },
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
