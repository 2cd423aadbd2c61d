"""What an operator saw: of names for good, of holders for exactly the share set that lay on the table."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from priorconsent import names
from priorconsent.errors import ConflictError, MalformedError, NotAllowedError, NotAvailableError, NotFoundError
from priorconsent.shares import Link, Share, ShareSet
from priorconsent.states import Holder, WorkState
from registry.evidence import asks_no_less
from registry.models import Check, Party, Work
from registry.models import ShareSet as Proposal
from registry.verbs.check_names import check_names
from registry.verbs.check_shares import MAX_SETS_AT_ONCE, check_shares
from tests.cast import OPERATOR
from tests.licences.test_together import together

WORK, MANGA, SONG = (f"urn:uuid:00000000-0000-4000-8000-0000000000a{number}" for number in (1, 2, 3))
STUDIO, PUBLISHER, STRANGER = (f"urn:uuid:00000000-0000-4000-8000-0000000000b{number}" for number in (1, 2, 3))
ZERO = "sha256:" + "00" * 32

HELD: set[tuple[str, str]] = {("copyright", STUDIO), ("copyright", PUBLISHER), ("mark", STUDIO)}
LINKED: set[tuple[str, str | None]] = {("based_on", MANGA)}
SET: dict[str, Any] = {"shares": HELD, "links": LINKED, "complete": True}
OPEN: dict[str, Any] = {**SET, "links": {("based_on", None)}, "complete": False}

# What the set before was, what the next one has instead, and whether the levels of the holders stay.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "nothing": (SET, {}, True),
    "a holder more": (SET, {"shares": HELD | {("copyright", STRANGER)}}, True),
    "a right more": (SET, {"shares": HELD | {("mark", PUBLISHER)}}, True),
    "a link more": (SET, {"links": LINKED | {("contains", SONG)}}, True),
    "an unregistered source more": (SET, {"links": LINKED | {("based_on", None)}, "complete": False}, True),
    "not complete any more": (SET, {"complete": False}, True),
    "nothing, and not complete as before": (OPEN, {}, True),
    "a holder less": (SET, {"shares": HELD - {("copyright", PUBLISHER)}}, False),
    "a right of a holder less": (SET, {"shares": HELD - {("mark", STUDIO)}}, False),
    "one holder for another": (SET, {"shares": HELD - {("copyright", PUBLISHER)} | {("copyright", STRANGER)}}, False),
    "no holder at all": (SET, {"shares": set()}, False),
    "a link less": (SET, {"links": set()}, False),
    "a link of another kind": (SET, {"links": {("contains", MANGA)}}, False),
    "a link to another work": (SET, {"links": {("based_on", SONG)}}, False),
    "a link and a holder more, a holder less": (
        SET,
        {"shares": {("copyright", STUDIO), ("mark", STRANGER)}, "links": LINKED | {("contains", SONG)}},
        False,
    ),
    "complete from now on": ({**SET, "complete": False}, {"complete": True}, False),
    "complete from now on, and a holder more": (
        {**SET, "complete": False},
        {"complete": True, "shares": HELD | {("copyright", STRANGER)}},
        False,
    ),
    "the source is known now": (OPEN, {"links": {("based_on", MANGA)}, "complete": True}, False),
}


def logged(shares, links, complete):
    return WorkState(
        kind="film",
        party=STUDIO,
        holders=tuple(Holder(right, party, "E3") for right, party in sorted(shares)),
        links=tuple(Link(rel, work) for rel, work in links),
        complete=complete,
        share_set=ZERO,
        disputes=(),
        grants=(),
        since="2026-12-01T00:00:00Z",
        pos=7,
    )


def document(shares, links, complete):
    return ShareSet(
        v=1,
        registry=ZERO,
        work=WORK,
        version=2,
        previous=ZERO,
        shares=tuple(Share(right, party) for right, party in sorted(shares)),
        links=tuple(Link(rel, work) for rel, work in links),
        complete=complete,
        salt="AAAAAAAAAAAAAAAAAAAAAA",
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_share_set_keeps_levels_only_if_it_asks_for_no_yes_less(change):
    before, other, kept = CHANGES[change]
    assert asks_no_less(logged(**before), document(**before | other)) is kept


# --- share sets


def levels(cast, work="film"):
    """Level of each holder of a copyright, by name."""
    by_party = {player.party: name for name, player in cast.players.items()}
    state = cast.state(names.work(cast.works[work]))
    return {by_party[holder.party]: holder.level for holder in state.holders}


def held_by(cast, *who):
    return [("copyright", cast.players[name]) for name in who]


@pytest.fixture
def short(cast):
    """A work of the studio without shares yet."""
    cast.register("short", "film", cast.studio)
    cast.log()
    return "short"


def test_a_check_counts_for_the_proposal_that_was_seen_and_for_no_other_of_the_same_words(cast, short):
    seen, other = (cast.propose(short, held_by(cast, "studio"), by=cast.studio) for _ in range(2))
    cast.check_shares(seen)
    cast.sign_shares(other, cast.studio)
    cast.log()
    assert levels(cast, short) == {"studio": "E0"}


def test_those_whose_documents_nobody_saw_stay_at_their_own_word(cast, short):
    row = cast.propose(short, [*held_by(cast, "studio", "broadcaster"), ("mark", cast.toy_maker)], by=cast.studio)
    cast.check_shares(row, held_by(cast, "studio"))
    cast.check_shares(row, [("mark", cast.toy_maker)])
    cast.sign_shares(row, cast.studio)
    cast.log()
    assert levels(cast, short) == {"studio": "E3", "broadcaster": "E0", "toy_maker": "E3"}


MEMBERS = ("studio", "broadcaster", "toy_maker")


def change(cast, holders, links=("manga",), *, signed_by=MEMBERS, complete=True, checked=False):
    cast.share(
        "film",
        held_by(cast, *holders),
        [("based_on", linked) for linked in links],
        complete=complete,
        checked=checked,
        signed_by=[cast.players[name] for name in signed_by],
    )
    cast.log()
    return levels(cast)


def test_a_holder_who_joins_starts_at_its_own_word_and_the_others_stay_checked(cast):
    joined = (*MEMBERS, "stranger")
    after = change(cast, joined, signed_by=joined)
    assert after == dict.fromkeys(MEMBERS, "E3") | {"stranger": "E0"}
    # The next version begins with what the log says, whoever was checked for whichever set.
    row = cast.propose("film", held_by(cast, *joined), [("based_on", "manga")], by=cast.studio)
    cast.check_shares(row, held_by(cast, "stranger"))
    for name in joined:
        cast.sign_shares(row, cast.players[name])
    cast.log()
    assert set(levels(cast).values()) == {"E3"}


LESS: dict[str, dict[str, Any]] = {
    "a holder leaves": {"holders": MEMBERS[:2]},
    "the manga is left out": {"holders": MEMBERS, "links": (), "signed_by": (*MEMBERS, "publisher")},
}


@pytest.mark.parametrize("less", LESS)
@pytest.mark.parametrize(("checked", "level"), [(False, "E0"), (True, "E3")])
def test_a_set_that_asks_for_less_is_checked_anew_though_all_sign_it(cast, less, checked, level):
    assert set(change(cast, **LESS[less], checked=checked).values()) == {level}


def test_incomplete_and_complete_again_is_checked_anew(cast):
    assert set(change(cast, MEMBERS, complete=False).values()) == {"E3"}
    assert set(change(cast, MEMBERS).values()) == {"E0"}


def test_what_was_lost_once_does_not_come_back_with_the_old_set(cast):
    change(cast, MEMBERS[:2])
    assert set(change(cast, MEMBERS).values()) == {"E0"}


def test_a_set_that_was_sent_or_logged_is_not_checked_any_more(cast, short):
    row = cast.share(short, held_by(cast, "studio"), checked=False, signed_by=[cast.studio])
    with pytest.raises(ConflictError, match="is sent already; propose anew"):
        cast.check_shares(row)
    cast.publish()
    with pytest.raises(ConflictError, match="is logged already; propose anew"):
        cast.check_shares(row)
    assert not Check.objects.filter(work__urn=cast.works[short]).exists()


def test_a_check_in_the_same_second_as_the_last_signature_counts_or_is_refused(committed_cast):
    cast = committed_cast
    for number in range(6):
        work = f"short_{number}"
        cast.register(work, "film", cast.studio)
        cast.log()
        row = cast.propose(work, held_by(cast, "studio"), by=cast.studio)
        acts = [lambda row=row: cast.check_shares(row), lambda row=row: cast.sign_shares(row, cast.studio)]
        told = together(acts[:: 1 if number % 2 else -1])
        cast.log()
        refused = [one for one in told if isinstance(one, ConflictError)]
        assert levels(cast, work) == {"studio": "E0" if refused else "E3"}


def test_many_proposals_are_checked_at_once_all_of_them_or_none(cast, short):
    rows = [cast.propose(short, held_by(cast, "studio", name), by=cast.studio) for name in MEMBERS[1:]]
    digests = [row.digest for row in rows]
    usual = {"seen": "deeds", "now": cast.now}
    with pytest.raises(NotFoundError, match="no such proposal"):
        check_shares(OPERATOR, [*digests, ZERO], **usual)
    with pytest.raises(MalformedError, match="does not name"):
        check_shares(OPERATOR, digests, holders=[("copyright", cast.broadcaster.party)], **usual)
    with pytest.raises(MalformedError, match="1 to 500"):
        check_shares(OPERATOR, [], **usual)
    with pytest.raises(MalformedError, match="1 to 500"):
        check_shares(OPERATOR, [ZERO] * (MAX_SETS_AT_ONCE + 1), **usual)
    assert not Check.objects.filter(work__urn=cast.works[short]).exists()
    # Twice the same is the same.
    assert len(check_shares(OPERATOR, [*digests, digests[0]], **usual)) == 4


def test_of_a_set_that_names_nobody_nothing_can_be_checked(cast, short):
    row = cast.propose(short, [], complete=False, by=cast.studio)
    with pytest.raises(MalformedError, match="names nobody"):
        cast.check_shares(row)


# What was recorded before checks named a share set


def test_an_old_check_of_a_right_is_history_and_raises_nothing(cast, short):
    studio, work = Party.objects.get(urn=cast.studio.party), Work.objects.get(urn=cast.works[short])
    Check.objects.create(party=studio, work=work, right="copyright", seen="deed", by="clerk", at=cast.now)
    cast.share(short, held_by(cast, "studio"), checked=False, signed_by=[cast.studio])
    cast.log()
    assert levels(cast, short) == {"studio": "E0"}


def test_a_name_is_checked_for_no_share_set(cast, short):
    row = Proposal.objects.get(pk=cast.propose(short, held_by(cast, "studio"), by=cast.studio).pk)
    told = {"party": Party.objects.get(urn=cast.studio.party), "work": row.work, "seen": "x", "by": "x", "at": cast.now}
    with pytest.raises(IntegrityError), transaction.atomic():
        Check.objects.create(name="host:studio.example", share_set=row, **told)


# --- who records, and what


@pytest.mark.parametrize("level", ["E1", "E2"])
def test_other_evidence_is_refused_by_name(cast, short, level):
    row = cast.propose(short, held_by(cast, "studio"), by=cast.studio)
    usual = {"seen": "x", "now": cast.now, "level": level}
    with pytest.raises(NotAvailableError, match=f"{level} .* not available yet"):
        check_shares(OPERATOR, [row.digest], **usual)
    name = {"party": cast.studio.party, "work": cast.works[short], "aliases": ["host:film.example"]}
    with pytest.raises(NotAvailableError, match=f"{level} .* not available yet"):
        check_names(OPERATOR, **name, **usual)


def test_only_an_operator_records_a_check_and_says_what_was_seen(cast, short):
    row = cast.propose(short, held_by(cast, "studio"), by=cast.studio)
    with pytest.raises(NotAllowedError):
        check_shares(cast.studio.actor, [row.digest], seen="my own word", now=cast.now)
    with pytest.raises(MalformedError):
        check_shares(OPERATOR, [row.digest], seen=" ", now=cast.now)
    [check] = check_shares(OPERATOR, [row.digest], seen="deed of 2026-11-02", now=cast.now)
    assert (check.by, check.at, check.seen) == (OPERATOR.label, cast.now, "deed of 2026-11-02")


def test_names_are_checked_by_an_operator_one_at_least(cast):
    name = {"party": cast.studio.party, "work": cast.works["film"], "now": cast.now}
    with pytest.raises(NotAllowedError):
        check_names(cast.studio.actor, aliases=["host:film.example"], seen="my own word", **name)
    with pytest.raises(MalformedError):
        check_names(OPERATOR, aliases=["host:film.example"], seen=" ", **name)
    with pytest.raises(MalformedError, match="one name at least"):
        check_names(OPERATOR, aliases=[], seen="a file", **name)
    [row] = check_names(OPERATOR, aliases=["host:FILM.example"], seen="a file", **name)
    assert (row.name, row.share_set, row.right) == ("host:film.example", None, "")
