"""An offer is put to its signers only if somebody could grant it; every reason against it is named."""

import pytest

from licences.models import Offer
from licences.problems import NotGrantableError
from licences.verbs.add_licence import Text, add_licence
from licences.verbs.discard import discard
from licences.verbs.draft import draft
from licences.verbs.offer import offer_grant
from priorconsent import canonical
from priorconsent.errors import ConflictError, MalformedError, NotAllowedError
from tests.cast import DAY_S, OPERATOR, Cast


def problems_of(cast: Cast, **terms) -> set[str]:
    with pytest.raises(NotGrantableError) as refused:
        cast.offer(**terms)
    assert Offer.objects.get().state == "draft"
    return {problem.code for problem in refused.value.problems}


def test_an_offer_freezes_its_bytes_and_names_whose_approval_it_takes(cast):
    offer = cast.offer()

    assert offer.digest == canonical.tagged_digest("prior-consent-offer/v1", bytes(offer.raw))
    assert offer.needs == {player.party: ["copyright"] for player in cast.holders}


def test_the_committee_itself_is_never_asked(cast):
    assert cast.committee.party not in cast.offer().needs


def test_what_was_offered_is_not_offered_again(cast):
    offer = cast.offer()
    with pytest.raises(ConflictError):
        offer_grant(cast.studio.actor, offer, cast.now)


def test_a_draft_is_discarded_but_an_offer_is_not(cast):
    assert discard(cast.studio.actor, cast.draft()).state == "discarded"
    with pytest.raises(ConflictError):
        discard(cast.studio.actor, cast.offer())


@pytest.mark.parametrize("who", ["stranger", "vendor", "other_vendor"])
def test_nobody_drafts_for_works_that_are_not_theirs(cast, who):
    with pytest.raises(NotAllowedError, match="drafted by a holder"):
        cast.draft(getattr(cast, who))


def test_another_holder_does_not_offer_my_draft(cast):
    with pytest.raises(NotAllowedError):
        offer_grant(cast.broadcaster.actor, cast.draft(), cast.now)


def test_all_problems_are_named_at_once(cast):
    found = problems_of(
        cast,
        rights=["mark"],
        uses=["train.generative", "dance"],
        locators=["prefix:https://elsewhere.example/"],
        lapse_at=cast.now,
        texts=[{"lang": "ja", "media_type": "text/plain", "digest": canonical.digest(b"no such text")}],
        supersedes=["urn:uuid:00000000-0000-7000-8000-000000000000"],
    )
    assert found == {
        "unsupported_term",
        "right_left_out",
        "right_without_holder",
        "locator_not_claimed",
        "lapsed",
        "text_missing",
        "supersedes_unknown",
    }


def test_a_licensee_that_is_not_registered_is_a_problem(cast):
    nobody = {"kind": "party", "party": "urn:uuid:00000000-0000-4000-8000-000000000000", "affiliates": []}
    assert problems_of(cast, licensee=nobody) == {"unregistered_licensee"}


def test_the_manga_cannot_be_excluded_from_the_film_that_is_based_on_it(cast):
    assert "excluded_source" in problems_of(cast, excluded=[cast.works["manga"]])


def test_a_work_with_an_unregistered_source_is_not_grantable(cast):
    cast.register("sequel", "film", cast.studio)
    cast.log()
    cast.share("sequel", [("copyright", cast.studio)], [("based_on", None)], complete=False, signed_by=[cast.studio])
    cast.log()

    assert problems_of(cast, works=[cast.works["sequel"]], locators=[]) == {"incomplete_share_set"}


def test_a_work_without_share_set_is_not_grantable(cast):
    cast.register("sequel", "film", cast.studio)
    cast.log()
    works = sorted([cast.works["film"], cast.works["sequel"]])
    assert problems_of(cast, works=works) == {"no_share_set", "right_without_holder"}


def test_a_person_as_holder_waits_for_confidential_grants(cast):
    cast.enter("author", "person")
    cast.log()
    cast.wait(4 * DAY_S)
    cast.register("novel", "book", cast.studio)
    cast.log()
    cast.share("novel", [("copyright", cast.studio), ("copyright", cast.author)], signed_by=[cast.studio])
    cast.log()

    assert problems_of(cast, works=[cast.works["novel"]], locators=[]) == {"holder_kind"}


def test_a_holder_on_its_own_word_is_not_enough(cast):
    cast.register("short", "film", cast.studio)
    cast.log()
    cast.share("short", [("copyright", cast.studio)], checked=False, signed_by=[cast.studio])
    cast.log()

    assert problems_of(cast, works=[cast.works["short"]], locators=[]) == {"level_too_low"}


def test_a_place_claimed_on_a_holders_own_word_does_not_count(cast):
    cast.claim(cast.studio, "prefix:https://studio.example/shop/", "film")
    cast.log()
    assert problems_of(cast, locators=["prefix:https://studio.example/shop/"]) == {"locator_not_claimed"}


def test_a_refusal_stops_the_next_offer_at_once(cast):
    cast.refuse(cast.publisher, uses=["train.generative.pretrain"])
    cast.log()
    assert problems_of(cast) == {"refused"}


def test_a_refusal_of_another_vendor_stops_nothing(cast):
    cast.refuse(cast.publisher, vendors=[cast.other_vendor.party])
    cast.log()
    assert cast.offer().state == "offered"


def test_a_draft_with_a_member_of_ours_is_refused(cast):
    with pytest.raises(MalformedError, match="share_sets"):
        cast.draft(share_sets=canonical.digest(b"mine"))


def test_a_draft_that_no_offer_could_be_is_refused_with_the_place(cast):
    with pytest.raises(MalformedError) as refused:
        cast.draft(valid_until="tomorrow")
    assert refused.value.pointer == "/valid_until"
    assert not Offer.objects.exists()


def test_lists_and_places_are_put_in_order_before_anybody_signs(cast):
    offer = cast.offer(territory=["US", "JP", "US"], locators=["prefix:HTTPS://studio.example:443/film/"])
    assert offer.terms["territory"] == ["JP", "US"]
    assert offer.terms["locators"] == ["prefix:https://studio.example/film/"]


def test_an_offer_starts_from_a_licence_and_pins_its_texts(cast):
    text = Text("ja", "text/plain", "学習のみを許諾します。".encode())
    common = {name: item for name, item in cast.terms().items() if name not in {"works", "licensee"}}
    licence = add_licence(cast.studio.actor, title="Training only", terms=common, texts=[text], now=cast.now)
    own = {name: cast.terms()[name] for name in ("works", "licensee")}

    offer = offer_grant(cast.studio.actor, draft(cast.studio.actor, own, cast.now, licence=licence), cast.now)

    assert [pin["digest"] for pin in offer.terms["texts"]] == [canonical.digest(text.content)]


def test_the_next_version_of_a_licence_leaves_the_first_as_it_is(cast):
    first = add_licence(OPERATOR, title="Training", terms={"uses": ["train.generative"]}, now=cast.now)
    second = add_licence(OPERATOR, title="Training", terms={"uses": ["evaluate"]}, follows=first, now=cast.now)
    first.refresh_from_db()
    assert (first.urn, second.version, first.terms) == (second.urn, 2, {"uses": ["train.generative"]})
