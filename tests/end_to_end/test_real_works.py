"""Real works of real committees, under invented keys: whose yes they take, from the catalogue to the court."""

import random
from itertools import combinations

import pytest

from licences.models import Offer
from licences.problems import NotGrantableError
from licences.states import State
from licences.verbs.issue import issue_grant
from priorconsent.errors import MalformedError, RuleError
from tests.cast import OPERATOR
from tests.end_to_end.catalogue import titled
from tests.end_to_end.house import house
from tests.end_to_end.who_must_agree import Fact, Wish, is_enough, who_must_agree
from tests.stage import folder

__all__ = ["folder", "house"]

REGISTRANT = "Lantis"
YES = {("permitted", "granted")}
NO_GRANT = {("not_permitted", "no_grant")}
WITHDRAWN = {("not_permitted", "withdrawn")}
# Offers that lack more than one approval.
FEWER = 4
NOVELS = "The novels about Suzumiya Haruhi"


def wish(title):
    return Wish(works=(title,), uses=("train.generative",))


def whom(title, facts):
    """The parties who must agree, by the oracle."""
    return {party for party, _ in who_must_agree(wish(title), facts) or ()}


def copyright_of(*holders):
    return frozenset(("copyright", holder) for holder in holders)


def test_gargantia_an_original_of_six_takes_all_six(house, tmp_path):
    row = titled("Suisei no Gargantia")
    assert (row.japanese, row.source) == ("翠星のガルガンティア", "Original")
    assert row.producers == (
        "Bandai Visual",
        "Yomiuri Telecasting",
        "Lantis",
        "Nitroplus",
        "Bushiroad",
        "Good Smile Company",
    )
    house.admit(row.producers)
    house.bring_catalogue(REGISTRANT)
    registrant = house.cast.players[REGISTRANT]
    assert house.sign_listed(registrant, row)["type"] == "claim"
    listed = house.sign_listed(registrant, row)
    assert (listed["body"]["complete"], house.holders_in(listed)) == (True, set(row.producers))

    facts = {row.title: Fact("series", copyright_of(*row.producers))}
    assert whom(row.title, facts) == set(row.producers)
    all_sign_anew(house, row.title, row.producers, [])
    from_offer_to_court(house, row, facts, tmp_path, ended_by="Nitroplus")


def test_haruhi_takes_those_who_hold_its_novels_too(house, tmp_path):
    row = titled("Suzumiya Haruhi no Yuuutsu")
    assert (row.japanese, row.source) == ("涼宮ハルヒの憂鬱", "Light novel")
    assert row.producers == ("Lantis", "Kadokawa Shoten", "Rakuonsha", "KlockWorx")
    # One holds in both works, the other in the novels alone.
    novelists = ("Kadokawa Shoten", "An author's company")
    house.admit({*row.producers, *novelists})
    house.register(NOVELS, "book", "An author's company", novelists)
    house.claim_names(NOVELS, novelists)
    house.bring_catalogue(REGISTRANT)
    registrant = house.cast.players[REGISTRANT]
    house.sign_listed(registrant, row)
    # The catalogue says what kind of source, and not which: nobody can grant yet.
    listed = house.sign_listed(registrant, row)
    assert (listed["body"]["complete"], house.holders_in(listed)) == (False, set(row.producers))
    not_grantable(house, row.title, {"incomplete_share_set"})

    facts = {
        row.title: Fact("series", copyright_of(*row.producers), frozenset({("based_on", NOVELS)})),
        NOVELS: Fact("book", copyright_of(*novelists)),
    }
    assert whom(row.title, facts) == {*row.producers, *novelists}
    all_sign_anew(house, row.title, row.producers, [("based_on", NOVELS)])
    # Who ends it holds nothing in the series itself.
    from_offer_to_court(house, row, facts, tmp_path, ended_by="An author's company")


def test_asatte_no_houkou_is_refused_as_long_as_nobody_has_registered_its_manga(house):
    row = titled("Asatte no Houkou.")
    assert (row.japanese, row.source) == ("あさっての方向。", "Manga")
    assert row.producers == ("Bandai Visual", "Lantis", "TBS", "Mag Garden")
    house.admit(row.producers)
    house.bring_catalogue(REGISTRANT)
    registrant = house.cast.players[REGISTRANT]
    house.sign_listed(registrant, row)
    listed = house.sign_listed(registrant, row)
    assert listed["body"]["links"] == [{"rel": "based_on", "work": None}]
    house.claim_names(row.title, row.producers, row.number)

    facts = {row.title: Fact("series", copyright_of(*row.producers), frozenset({("based_on", None)}), all_named=False)}
    assert who_must_agree(wish(row.title), facts) is None
    not_grantable(house, row.title, {"incomplete_share_set"})
    # All of the committee together cannot say that it is complete, as long as the manga is nowhere.
    with pytest.raises(MalformedError, match="unregistered work is not complete"):
        house.cast.propose(row.title, house.shares(row.producers), [("based_on", None)], by=registrant)
    # Nor can one of them leave the manga out without the others.
    alone = house.cast.propose(row.title, house.shares(row.producers), by=registrant)
    house.sign_shares(alone, REGISTRANT)
    house.cast.publish()
    not_grantable(house, row.title, {"incomplete_share_set"})
    assert house.answers(row.title) == NO_GRANT


# --- what every work goes through


def not_grantable(house, title, problems):
    with pytest.raises(NotGrantableError) as caught:
        house.offer(title, REGISTRANT)
    assert {problem.code for problem in caught.value.problems} == problems


def all_sign_anew(house, title, holders, links):
    """The second share set, by everybody in any order: it counts with the last signature."""
    row = house.cast.propose(title, house.shares(holders), links, by=house.cast.players[REGISTRANT])
    if links:
        # The set before left its source open, so what was seen for it does not count for this one.
        house.cast.check_shares(row)
    order = random.Random(title).sample(holders, len(holders))
    for name in order:
        before = house.cast.state(f"work:{house.cast.works[title]}").share_set
        assert before != row.digest, f"it counted before {name} had signed"
        house.sign_shares(row, name)
        house.cast.log()
    assert house.cast.state(f"work:{house.cast.works[title]}").share_set == row.digest


def from_offer_to_court(house, row, facts, tmp_path, *, ended_by):
    title, cast = row.title, house.cast
    house.claim_names(title, row.producers, row.number)
    holders = sorted(whom(title, facts))

    nobody_is_left_out(house, title, facts, holders)
    cast.publish()
    assert house.answers(title) == NO_GRANT

    offer = house.offer(title, REGISTRANT)
    assert named(house, offer) == who_must_agree(wish(title), facts)
    order = random.Random(f"all of {title}").sample([*holders, "vendor"], len(holders) + 1)
    for name in order:
        assert Offer.objects.get(pk=offer.pk).state == State.OFFERED
        house.agree(offer, name)
    assert Offer.objects.get(pk=offer.pk).state == State.ACTIVE
    # Recorded, and in force from the next checkpoint.
    assert house.answers(title) == NO_GRANT
    cast.publish()
    assert house.answers(title) == YES
    for other in facts.keys() - {title}:
        assert house.answers(other) == NO_GRANT
    granted = house.download(offer, tmp_path / "granted.zip")

    before = cast.now
    cast.wait()
    house.withdraw(offer, ended_by)
    cast.publish()
    assert house.answers(title) == WITHDRAWN
    assert house.answers(title, at=before) == YES
    ended = house.download(offer, tmp_path / "ended.zip")

    for bundle, options, code, told in (
        (granted, [], 0, "permitted: granted"),
        (ended, [], 3, "not_permitted: withdrawn"),
        (ended, ["--at", before], 0, "permitted: granted"),
    ):
        exit_code, printed = house.verify(bundle, *options)
        assert (exit_code, told in printed) == (code, True), printed


def nobody_is_left_out(house, title, facts, holders):
    """Each time other holders sign an offer, never all of them; and none becomes a grant."""
    chance = random.Random(f"some of {title}")
    for some in too_few(holders, chance):
        assert not is_enough({(party, "copyright") for party in some}, wish(title), facts)
        offer = house.offer(title, REGISTRANT)
        for name in chance.sample([*some, "vendor"], len(some) + 1):
            house.agree(offer, name)
        waiting = f"waiting for {len(holders) - len(some)} of {len(holders)} approvals"
        with pytest.raises(RuleError, match=waiting):
            issue_grant(OPERATOR, Offer.objects.get(pk=offer.pk), house.cast.now)


def too_few(holders, chance):
    """All but one, each of them once; and some smaller choices."""
    fewer = [some for number in range(len(holders) - 1) for some in combinations(holders, number)]
    return [*combinations(holders, len(holders) - 1), *chance.sample(fewer, FEWER)]


def named(house, offer):
    """Whose yes the registry asks for, and for which rights, by the names of the catalogue."""
    names = {player.party: name for name, player in house.cast.players.items()}
    return {(names[party], right) for party, rights in offer.needs.items() for right in rights}
