"""Works, their names in the map, their shares, and what the operator saw."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from priorconsent import canonical, names
from priorconsent.errors import (
    ConflictError,
    MalformedError,
    NotAllowedError,
    NotFoundError,
    RuleError,
)
from registry import queries
from registry.models import SharesStatement, Work
from registry.share_sets import body_to_sign, document_of
from registry.verbs.add_work import Description, File, Title, add_work
from registry.verbs.register_work import register_work
from registry.verbs.sign_shares import sign_shares
from tests.cast import DAY_S, FILM_FILE, FILM_PREFIX, OPERATOR
from transparency.models import Alarm, EvidenceItem, Pending

PRINTED = "©青山剛昌/小学館・読売テレビ\u30fb神\ufa19社"


def told(**other) -> Description:
    return Description(**{"kind": "film", "titles": (Title("ja", "main", "風の町"),)} | other)


def test_a_work_keeps_its_titles_by_language_and_form_and_what_is_printed_on_it_to_the_character(cast):
    titles = (
        Title("ja", "main", "名探偵コナン カ\u3099ンダム"),
        Title("ja", "kana", "メイタンテイ"),
        Title("ja-latn", "romaji", "Meitantei"),
        Title("en", "translated", "Great Detective"),
    )
    work = add_work(
        cast.studio.actor,
        cast.studio.party,
        told(titles=titles, date="2024-05", rights_statement=PRINTED, identifiers=(("isbn", "4-08-872509-3"),)),
        cast.now,
    )
    work.refresh_from_db()
    assert work.rights_statement == PRINTED
    assert (work.title("ja"), work.title("en"), work.date) == ("名探偵コナン ガンダム", "Great Detective", "2024-05")
    assert work.identifiers.get().name == "id:isbn:9784088725093"


def test_a_place_is_stored_in_its_one_spelling(cast):
    work = add_work(
        cast.studio.actor, cast.studio.party, told(locators=("prefix:HTTP://Studio.example:80/%7Ea/",)), cast.now
    )
    assert work.locators.get().name == "prefix:http://studio.example/~a/"


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "sculpture"},
        {"titles": ()},
        {"titles": (Title("ja", "subtitle", "x"),)},
        {"titles": (Title("ja", "main", " "),)},
        {"date": "2024-13"},
        {"identifiers": (("isbn", "9784088725094"),)},
        {"files": (File("sha256:12", 1, "video/mp4"),)},
        {"files": (File(FILM_FILE, -1, "video/mp4"),)},
        {"files": (File(FILM_FILE, 1, "video"),)},
        {"locators": ("prefix:https://u:p@studio.example/",)},
        {"locators": (FILM_FILE,)},
        {"rights_statement": "©\x00"},
    ],
)
def test_a_malformed_description_leaves_nothing_behind(cast, other):
    before = Work.objects.count()
    with pytest.raises(MalformedError):
        add_work(cast.studio.actor, cast.studio.party, told(**other), cast.now)
    assert Work.objects.count() == before


def test_a_work_is_added_for_oneself_and_not_by_a_committee(cast):
    with pytest.raises(NotAllowedError):
        add_work(cast.stranger.actor, cast.studio.party, told(), cast.now)
    with pytest.raises(RuleError, match="a member of it"):
        add_work(OPERATOR, cast.committee.party, told(), cast.now)


def test_a_work_is_registered_once_and_by_its_registrant(cast):
    film = Work.objects.get(urn=cast.works["film"])
    body = {"work": film.urn, "kind": "film", "party": cast.studio.party}
    with pytest.raises(ConflictError):
        register_work(cast.studio.actor, cast.sign(cast.studio, "claim", body), cast.now)
    other = body | {"party": cast.stranger.party}
    with pytest.raises(MalformedError):
        register_work(cast.stranger.actor, cast.sign(cast.stranger, "claim", other), cast.now)
    unknown = body | {"work": "urn:uuid:00000000-0000-7000-8000-000000000000"}
    with pytest.raises(NotFoundError):
        register_work(cast.studio.actor, cast.sign(cast.studio, "claim", unknown), cast.now)


# --- names


def test_a_claim_has_the_level_of_the_operators_check_or_none(cast):
    claims = {name: cast.state(name).claims[0].level for name in (FILM_FILE, FILM_PREFIX, "host:studio.example")}
    assert set(claims.values()) == {"E3"}
    cast.claim(cast.broadcaster, FILM_FILE, "film")
    cast.log()
    assert {claim.party: claim.level for claim in cast.state(FILM_FILE).claims} == {
        cast.studio.party: "E3",
        cast.broadcaster.party: "E0",
    }


@pytest.mark.parametrize("who", ["stranger", "vendor", "publisher"])
def test_nobody_claims_a_file_or_place_for_a_work_that_is_not_theirs(cast, who):
    with pytest.raises(NotAllowedError, match="claimed by holders"):
        cast.claim(getattr(cast, who), "host:evil.example", "film")


def test_a_claim_ends_and_only_if_it_was_made(cast):
    with pytest.raises(NotFoundError, match="no such claim"):
        cast.claim(cast.broadcaster, FILM_FILE, "film", ended=True)
    cast.claim(cast.studio, FILM_FILE, "film", ended=True)
    cast.log()
    assert cast.state(FILM_FILE).claims == ()


@pytest.mark.parametrize(
    "name",
    [
        "prefix:https://STUDIO.example/film/",
        "url:https://studio.example/#x",
        "host:studio.example:8080",
        "sha256:ABC",
        "id:isbn:4088725093",
        "id:isbn:9784088725094",
        "title:Film",
    ],
)
def test_a_name_in_another_spelling_is_refused_since_it_is_signed(cast, name):
    with pytest.raises(MalformedError):
        cast.claim(cast.studio, name, "film")
    assert not Pending.objects.filter(state="pending").exists()


# --- share sets


def members(cast):
    return [("copyright", player) for player in (cast.studio, cast.broadcaster, cast.toy_maker)]


def test_a_committee_never_stands_as_holder_and_its_members_are_suggested(cast):
    with pytest.raises(RuleError, match=cast.toy_maker.party):
        cast.propose("film", [("copyright", cast.committee)], by=cast.studio)


def test_only_those_who_hold_propose(cast):
    with pytest.raises(NotAllowedError):
        cast.propose("film", [("copyright", cast.stranger)], by=cast.stranger)


@pytest.mark.parametrize(
    ("shares", "links"),
    [
        ([("crown", "studio")], []),
        ([("copyright", "studio")], [("copied_from", "manga")]),
        ([], [("contains", "film")]),
    ],
)
def test_unknown_rights_and_links_and_a_work_within_itself_are_refused(cast, shares, links):
    with pytest.raises(MalformedError):
        cast.propose("film", [(right, getattr(cast, who)) for right, who in shares], links, by=cast.studio)


def test_a_set_with_an_unregistered_source_is_not_complete(cast):
    with pytest.raises(MalformedError, match="not complete"):
        cast.propose("film", members(cast), [("based_on", None)], by=cast.studio)


def test_a_later_set_waits_for_every_holder_before_and_after(cast):
    shares = [*members(cast)[:2], ("copyright", cast.stranger)]
    row = cast.propose("film", shares, [("based_on", "manga")], by=cast.studio)
    before = cast.state(names.work(cast.works["film"])).share_set
    for player in (cast.studio, cast.broadcaster, cast.stranger):
        assert cast.sign_shares(row, player).state == "proposed"
    cast.log()
    assert cast.state(names.work(cast.works["film"])).share_set == before

    # The toy maker is dropped, so it must agree too.
    assert cast.sign_shares(row, cast.toy_maker).state == "sent"
    cast.publish()
    row.refresh_from_db()
    assert row.state == "logged"
    assert cast.state(names.work(cast.works["film"])).share_set == row.digest


def test_dropping_the_link_to_the_manga_takes_the_publisher(cast):
    row = cast.propose("film", members(cast), [], by=cast.studio)
    for _, player in members(cast):
        assert cast.sign_shares(row, player).state == "proposed"
    assert cast.sign_shares(row, cast.publisher).state == "sent"


def test_a_stranger_does_not_sign(cast):
    row = cast.propose("film", members(cast), [("based_on", "manga")], by=cast.studio)
    with pytest.raises(NotAllowedError, match="every holder before and after"):
        cast.sign_shares(row, cast.stranger)
    assert not SharesStatement.objects.filter(share_set=row).exists()


def test_of_two_proposals_the_one_that_comes_later_has_to_be_made_anew(cast):
    first, second = (
        cast.propose("film", members(cast), [("based_on", "manga")], complete=complete, by=cast.studio)
        for complete in (True, False)
    )
    for _, player in members(cast):
        cast.sign_shares(first, player)
    cast.log()
    with pytest.raises(ConflictError, match="propose anew"):
        cast.sign_shares(second, cast.studio)


def test_a_set_that_the_log_refuses_says_why(cast):
    first, second = (
        cast.propose("film", members(cast), [("based_on", "manga")], complete=complete, by=cast.studio)
        for complete in (True, False)
    )
    for row in (first, second):
        for _, player in members(cast):
            cast.sign_shares(row, player)
    cast.publish()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("logged", "refused")
    assert "share set" in second.reason


def test_a_body_other_than_the_proposals_is_refused(cast):
    row = cast.propose("film", members(cast), [("based_on", "manga")], by=cast.studio)
    body = body_to_sign(document_of(row)) | {"complete": False}
    with pytest.raises(MalformedError, match="not that of the proposal"):
        sign_shares(cast.studio.actor, cast.sign(cast.studio, "shares", body), cast.now)
    body["digest"] = canonical.digest(b"another")
    with pytest.raises(NotFoundError):
        sign_shares(cast.studio.actor, cast.sign(cast.studio, "shares", body), cast.now)


def test_evidence_reaches_the_log_only_with_the_act_that_it_supports(cast):
    row = cast.propose("film", members(cast), [("based_on", "manga")], by=cast.studio)
    cast.sign_shares(row, cast.studio)
    digest = row.statements.get().digest
    assert not EvidenceItem.objects.filter(digest__in=[digest, row.digest]).exists()
    for _, player in members(cast)[1:]:
        cast.sign_shares(row, player)
    assert EvidenceItem.objects.filter(digest__in=[digest, row.digest]).count() == 2


# --- lists


def test_lists_of_works_and_parties_take_as_many_queries_as_one(cast):
    def listed():
        works = [
            (row.title("ja"), row.registrant.urn, len(row.assets.all()), len(row.locators.all()), row.identifiers.all())
            for row in queries.works()
        ]
        parties = [(row.name("ja"), len(row.members.all()), len(row.identifiers.all())) for row in queries.parties()]
        return works, parties, queries.names_of([cast.studio.party, cast.vendor.party], "en")

    with CaptureQueriesContext(connection) as few:
        listed()
    for number in range(5):
        cast.register(f"episode_{number}", "episode", cast.studio, identifiers=(("madb", f"C{number}"),))
        cast.enter(f"party_{number}")
    with CaptureQueriesContext(connection) as many:
        works, parties, _ = listed()
    assert (len(works), len(parties)) == (7, 13)
    assert len(many) == len(few)


def claimed(cast):
    """A work that was added, and two claims of it signed one after the other."""
    work = add_work(cast.studio.actor, cast.studio.party, told(), cast.now)
    body = {"work": work.urn, "kind": "film", "party": cast.studio.party}
    return work, [cast.sign(cast.studio, "claim", body) for _ in range(2)]


def test_of_two_claims_of_a_work_one_waits_for_the_log_and_nothing_alarms(cast):
    work, (first, second) = claimed(cast)
    register_work(cast.studio.actor, first, cast.now)
    with pytest.raises(ConflictError, match="another claim"):
        register_work(cast.studio.actor, second, cast.now)
    with pytest.raises(ConflictError, match=r"statement sha256:\w+ waits for its place"):
        register_work(cast.studio.actor, first, cast.now)
    cast.log()
    with pytest.raises(ConflictError, match="registered already"):
        register_work(cast.studio.actor, second, cast.now)
    assert not Alarm.objects.exists()
    assert cast.state(names.work(work.urn)).party == cast.studio.party


def test_a_claim_that_the_log_refused_can_be_handed_in_again(cast):
    work, (first, _) = claimed(cast)
    register_work(cast.studio.actor, first, cast.now)
    # Waits until it has lapsed.
    cast.wait(40 * DAY_S)
    cast.publish()
    assert Alarm.objects.count() == 1
    work.refresh_from_db()
    assert work.claim == ""
    again = cast.sign(cast.studio, "claim", {"work": work.urn, "kind": "film", "party": cast.studio.party})
    register_work(cast.studio.actor, again, cast.now)
    cast.log()
    assert cast.state(names.work(work.urn)) is not None
