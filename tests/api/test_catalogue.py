"""What a registrant reads about its catalogue over HTTP: what to sign next, what changed, whom it names."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from priorconsent import canonical, names
from priorconsent.lists import UnsignedLine
from priorconsent.records import convert
from registry.models import Import, ShareSet, SuggestedHolder, SuggestedLink, Work, WorkChange
from registry.verbs.add_work import Description, Title, add_work
from tests.api.conftest import client_at, key_for, post, problem
from tests.api.test_description import check
from tests.api.test_lists import added, hand_in, told

LIST, CHANGES, SUGGESTIONS = "/api/v1/works-to-sign", "/api/v1/work-changes", "/api/v1/suggestions"


@pytest.fixture
def works(cast):
    """Three works of the stranger: one with two names of holders, one with an open source, one with neither."""
    told = Description(kind="film", titles=(Title("ja", "main", "風の町"),))
    rows = [add_work(cast.stranger.actor, cast.stranger.party, told, cast.now) for _ in range(3)]
    for name in ("Studio A", "神\ufa19社"):
        SuggestedHolder.objects.create(work=rows[0], name=name, right="copyright", split="60%")
    SuggestedLink.objects.create(work=rows[1], rel="based_on", said="Manga")
    return [row.urn for row in rows]


@pytest.fixture
def asking(cast):
    def ask(address, given=None, player=cast.stranger, scope="write", **parameters):
        key = key_for(player, scope, now=cast.now)
        client = client_at(cast.now, Authorization=key)
        return client.get(address, parameters) if given is None else post(client, address, given)

    return ask


def listed(response):
    assert response.status_code == 200, response.content
    items = [convert(item, UnsignedLine) for item in response.json()["items"]]
    for item in items:
        item.check()
    return items


def sign(cast, items):
    return [cast.sign(cast.stranger, item.type, item.body) for item in items]


def test_works_are_listed_to_be_claimed_then_shared_and_then_no_more(cast, works, asking):
    given = {"registrant": cast.stranger.party}
    claims = listed(asking(LIST, given))
    assert {item.work for item in claims} == set(works)
    assert {item.type for item in claims} == {"claim"}
    assert claims[0].registry == cast.registry
    assert told(hand_in(cast, sign(cast, claims))) == ["stored"] * 3
    # They wait for the log, and are not to be signed once more.
    assert listed(asking(LIST, given)) == []
    cast.log()
    parties = [{"name": "Studio A", "party": cast.studio.party}, {"name": "神神社", "party": cast.broadcaster.party}]
    shares = {item.work: item for item in listed(asking(LIST, {**given, "parties": parties}))}
    assert {item.type for item in shares.values()} == {"shares"}
    assert [shares[work].body["complete"] for work in works] == [True, False, False]
    again = {item.work: item for item in listed(asking(LIST, {**given, "parties": parties}))}
    assert {work: item.body for work, item in again.items()} == {work: item.body for work, item in shares.items()}
    assert told(hand_in(cast, sign(cast, shares.values()))) == ["stored"] * 3
    before = ShareSet.objects.count()
    assert listed(asking(LIST, given)) == []
    cast.log()
    assert listed(asking(LIST, given)) == []
    assert ShareSet.objects.count() == before
    holders = {holder.party for holder in cast.state(names.work(works[0])).holders}
    assert holders == {cast.studio.party, cast.broadcaster.party}


def test_names_that_stand_for_nobody_are_told_in_a_form_that_can_be_sent_back(cast, works, asking):
    hand_in(cast, sign(cast, listed(asking(LIST, {"registrant": cast.stranger.party}))))
    cast.log()
    first = {item.work: item for item in listed(asking(LIST, {"registrant": cast.stranger.party}))}[works[0]]
    assert first.nobody == ("Studio A", "神神社")
    assert first.body["complete"] is False


def test_a_page_looks_at_a_hundred_works(cast, asking, works):
    registrant = Work.objects.get(urn=works[0]).registrant
    more = [f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(250)]
    Work.objects.bulk_create(Work(urn=urn, kind="film", registrant=registrant, added_at=cast.now) for urn in more)
    given, sizes, found = {"registrant": cast.stranger.party}, [], set()
    after = "0"
    while after:
        response = asking(LIST, {**given, "after": after})
        sizes.append(len(listed(response)))
        found |= {item.work for item in listed(response)}
        after = response.json()["next"]
    assert sizes == [100, 100, 53]
    assert found == {*works, *more}


def test_listing_and_sharing_many_works_takes_few_queries(cast, asking):
    def queries(count):
        named = added(cast, count)
        given = {"registrant": cast.stranger.party, "works": named}
        hand_in(cast, sign(cast, listed(asking(LIST, given))))
        cast.log()
        with CaptureQueriesContext(connection) as listing:
            items = listed(asking(LIST, given))
        with CaptureQueriesContext(connection) as sharing:
            assert told(hand_in(cast, sign(cast, items))) == ["stored"] * count
        return len(listing), len(sharing)

    few, many = queries(2), queries(12)
    assert many[0] == few[0]
    assert (many[1] - few[1]) / 10 <= 8


def test_only_the_works_named_are_listed_and_only_ones_own(cast, works, asking):
    given = {"registrant": cast.stranger.party, "works": [works[1], cast.works["film"]]}
    assert [item.work for item in listed(asking(LIST, given))] == [works[1]]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda cast: {"registrant": cast.studio.party}, "not_allowed"),
        (lambda cast: {"registrant": cast.stranger.party, "after": "x"}, "malformed"),
        (lambda cast: {"registrant": cast.stranger.party, "colour": "red"}, "malformed"),
        (lambda cast: {"registrant": cast.stranger.party, "parties": [["a", "b"]]}, "malformed"),
        (
            lambda cast: {"registrant": cast.stranger.party, "parties": [{"name": "A", "party": cast.works["film"]}]},
            "not_found",
        ),
        (
            lambda cast: {"registrant": cast.stranger.party, "parties": [{"name": "A", "party": cast.committee.party}]},
            "rule",
        ),
        (
            lambda cast: {
                "registrant": cast.stranger.party,
                "parties": [{"name": "A", "party": cast.studio.party}, {"name": "A", "party": cast.vendor.party}],
            },
            "malformed",
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(cast, works, asking, spoil, code):
    assert problem(asking(LIST, spoil(cast))) == code
    assert not ShareSet.objects.filter(work__urn__in=works).exists()


def test_nobody_lists_reads_changes_or_suggestions_without_a_key_for_it(cast, works, asking):
    stranger = client_at(cast.now)
    assert problem(post(stranger, LIST, {"registrant": cast.stranger.party})) == "no_key"
    assert problem(asking(LIST, {"registrant": cast.stranger.party}, scope="read")) == "not_allowed"
    for address in (CHANGES, SUGGESTIONS):
        assert problem(stranger.get(address)) == "no_key"
        assert problem(asking(address, scope="write")) == "not_allowed"


def test_a_registrant_reads_what_catalogues_changed_and_nobody_elses(cast, works, asking):
    row = Work.objects.get(urn=works[0])
    origin = Import.objects.create(
        registrant=row.registrant, by="clerk", file="c.csv", sha256=canonical.digest(b""), started_at=cast.now
    )
    WorkChange.objects.create(work=row, source=origin, member="date", old="2024", new="2024-05")
    WorkChange.objects.create(work=row, source=origin, member="holders", old=[["A", "copyright", ""]], new=[])
    [first, second] = asking(CHANGES, scope="read").json()["items"]
    assert (first["work"], first["member"], first["old"], first["new"]) == (works[0], "date", "2024", "2024-05")
    assert (first["source"]["file"], first["source"]["finished_at"]) == ("c.csv", None)
    assert second["old"] == [["A", "copyright", ""]]
    assert asking(CHANGES, player=cast.studio, scope="read").json()["items"] == []
    assert asking(CHANGES, scope="read", work=works[1]).json()["items"] == []
    operator = client_at(cast.now, Authorization=key_for(None, "read", now=cast.now))
    assert len(operator.get(CHANGES).json()["items"]) == 2


def test_a_registrant_reads_whom_and_what_its_catalogue_names_to_the_character(cast, works, asking):
    items = {item["work"]: item for item in asking(SUGGESTIONS, scope="read").json()["items"]}
    assert items.keys() == set(works[:2])
    assert [holder["name"] for holder in items[works[0]]["holders"]] == ["Studio A", "神\ufa19社"]
    assert items[works[0]]["holders"][0] == {"name": "Studio A", "right": "copyright", "split": "60%"}
    assert items[works[1]]["links"] == [{"rel": "based_on", "said": "Manga"}]
    assert asking(SUGGESTIONS, player=cast.studio, scope="read").json() == {"items": [], "next": None}


def test_the_answers_have_the_form_that_is_described(cast, works, asking):
    described = client_at(cast.now).get("/api/v1/openapi.json").json()
    for item in asking(LIST, {"registrant": cast.stranger.party}).json()["items"]:
        check(described, "UnsignedLine", item)
    for item in asking(SUGGESTIONS, scope="read").json()["items"]:
        check(described, "SuggestionsOut", item)
