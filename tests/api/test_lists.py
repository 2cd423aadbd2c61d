"""Lists of statements over HTTP: each line as if it had come by itself, and told what became of it."""

import json
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api import advice, handing_in
from api.problems import KINDS
from api.wire import Line
from api.words import RECORDED
from priorconsent import canonical, lists, names
from priorconsent.errors import ConflictError
from registry.models import ShareSet, Work
from registry.share_sets import body_to_sign, document_of
from registry.verbs.add_work import Description, Title, add_work
from registry.verbs.register_work import register_work
from tests.api.conftest import client_at, key_for, problem
from transparency.models import Alarm, EvidenceItem, MapLeaf, Pending
from transparency.store import MovedOnError, current_states

ADDRESS = "/api/v1/statements"


def added(cast, count, player=None):
    """Works that the registry knows and the log does not."""
    player = player or cast.stranger
    told = Description(kind="film", titles=(Title("ja", "main", "風の町"),))
    return [add_work(player.actor, player.party, told, cast.now).urn for _ in range(count)]


def claim(cast, work, player=None, **other):
    player = player or cast.stranger
    return cast.sign(player, "claim", {"work": work, "kind": "film", "party": player.party}, **other)


def hand_in(cast, raws, *, media_type="application/jsonl", language="en", key=None):
    lines = [raw if raw[:1] in {b"{", b"!", b""} else canonical.encode({"statement": raw.decode()}) for raw in raws]
    body = b"\n".join([*lines, b""])
    headers = {"Accept-Language": language} | ({"Authorization": key} if key else {})
    return client_at(cast.now, **headers).post(ADDRESS, body, content_type=media_type)


def given(raws):
    return [Line(number, {"statement": raw.decode()}) for number, raw in enumerate(raws, 1)]


def told(response):
    """What became of each line, in short."""
    assert response.status_code == 200, response.content
    outcomes = lists.read_outcomes(response.content)
    assert [one.line for one in outcomes.outcomes] == sorted(one.line for one in outcomes.outcomes)
    return [one.code or one.outcome for one in outcomes.outcomes]


def test_a_list_of_claims_brings_its_works_into_the_log(cast):
    works = added(cast, 3)
    raws = [claim(cast, work) for work in works]
    response = hand_in(cast, raws)
    assert told(response) == ["stored"] * 3
    first = response.json()["outcomes"][0]
    assert (first["evidence"], first["type"]) == (canonical.digest(raws[0]), "claim")
    assert first["says"] == "Recorded; in force from the next checkpoint."
    cast.log()
    assert all(cast.state(names.work(work)).party == cast.stranger.party for work in works)


@pytest.mark.parametrize("media_type", ["application/jsonl", "application/x-ndjson"])
def test_empty_lines_and_line_ends_of_any_kind_are_passed_over_and_counted(cast, media_type):
    [work] = added(cast, 1)
    raw = b"\r\n\n" + canonical.encode({"statement": claim(cast, work).decode()}) + b"\r\n\n"
    response = client_at(cast.now).post(ADDRESS, raw, content_type=media_type)
    assert [one["line"] for one in response.json()["outcomes"]] == [3]


def test_a_list_may_come_as_an_array(cast):
    raws = [claim(cast, work) for work in added(cast, 2)]
    body = canonical.encode([{"statement": raw.decode()} for raw in raws])
    response = client_at(cast.now).post(ADDRESS, body, content_type="application/json")
    assert told(response) == ["stored", "stored"]
    assert response.json()["stored"] == 2


def test_handed_in_again_a_list_completes_what_was_missing_and_changes_nothing_else(cast):
    raws = [claim(cast, work) for work in added(cast, 4)]
    assert told(hand_in(cast, raws[:2])) == ["stored"] * 2
    assert told(hand_in(cast, raws)) == ["there", "there", "stored", "stored"]
    cast.log()
    before = (Pending.objects.count(), EvidenceItem.objects.count(), current_states().size)
    assert told(hand_in(cast, raws)) == ["there"] * 4
    cast.log()
    assert (Pending.objects.count(), EvidenceItem.objects.count(), current_states().size) == before
    assert not Alarm.objects.exists()


def test_shares_that_wait_for_other_signers_are_there_too(cast):
    row = cast.propose("film", [("copyright", cast.studio), ("copyright", cast.broadcaster)], by=cast.studio)
    body = body_to_sign(document_of(row))
    raws = [cast.sign(player, "shares", body) for player in (cast.studio, cast.broadcaster)]
    first = hand_in(cast, raws)
    assert told(first) == ["stored", "stored"]
    assert first.json()["outcomes"][0]["says"].startswith("Taken; it waits")
    assert told(hand_in(cast, raws)) == ["there", "there"]
    others = [cast.sign(player, "shares", body) for player in (cast.toy_maker, cast.publisher)]
    assert told(hand_in(cast, [*raws, *others])) == ["there", "there", "stored", "stored"]
    cast.log()
    assert cast.state(names.work(cast.works["film"])).share_set == row.digest


def test_a_line_that_is_refused_says_why_and_what_to_do_and_keeps_no_other_out(cast):
    works = added(cast, 6)
    spoilt = claim(cast, works[1])
    lines = [
        claim(cast, works[0]),
        spoilt[:-40] + b"A" * 38 + spoilt[-2:],
        b"{",
        b'{"statement":"x","more":1}',
        cast.sign(cast.stranger, "refusal", {"refusal": works[0]}),
        claim(cast, works[2], at="2030-01-01T00:00:00Z", not_after="2030-02-01T00:00:00Z"),
        claim(cast, works[3], cast.vendor),
        claim(cast, "urn:uuid:00000000-0000-4000-8000-0000000000ff"),
        claim(cast, cast.works["film"], cast.studio),
        claim(cast, works[4]),
    ]
    response = hand_in(cast, lines)
    assert told(response) == [
        *("stored", "bad_signature", "malformed", "malformed", "malformed"),
        *("rule", "malformed", "not_found", "conflict", "stored"),
    ]
    outcomes = response.json()["outcomes"]
    assert outcomes[5]["pointer"] == "/at"
    assert "by itself" in outcomes[4]["detail"]
    assert all(one["says"] in advice.TO_DO[one["code"]].values() for one in outcomes if one["outcome"] == "refused")
    assert {name: response.json()[name] for name in ("stored", "there", "refused")} == {
        "stored": 2,
        "there": 0,
        "refused": 8,
    }
    cast.log()
    assert [cast.state(names.work(work)) is not None for work in works] == [True, False, False, False, True, False]
    assert not Alarm.objects.exists()


def test_twice_in_one_list_is_once_and_two_claims_of_a_work_are_one(cast):
    [work] = added(cast, 1)
    raw, other = claim(cast, work), claim(cast, work)
    assert told(hand_in(cast, [raw, raw, other])) == ["stored", "there", "conflict"]
    cast.log()
    assert not Alarm.objects.exists()


def test_a_line_is_refused_for_what_the_same_statement_is_refused_for_by_itself(cast):
    works = added(cast, 3)
    raws = [
        claim(cast, cast.works["film"], cast.studio),
        claim(cast, works[0], cast.vendor),
        claim(cast, works[1], at="2030-01-01T00:00:00Z", not_after="2030-02-01T00:00:00Z"),
        cast.sign(
            cast.stranger, "claim", {"name": "sha256:12", "work": works[2], "party": cast.stranger.party, "ended": 1}
        ),
        cast.sign(cast.stranger, "shares", {}),
        claim(cast, works[2], key=cast.vendor.key_id),
    ]
    alone = [client_at(cast.now).post(ADDRESS, raw, content_type="application/jose") for raw in raws]
    together = hand_in(cast, raws).json()["outcomes"]
    assert [(one["code"], one["detail"], one["pointer"]) for one in together] == [
        (problem(one), one.json()["detail"], one.json().get("pointer")) for one in alone
    ]


@pytest.mark.parametrize("language", ["en", "ja", "fr", "nl"])
def test_what_to_do_comes_in_the_language_asked_for(cast, language):
    [outcome] = hand_in(cast, [b"{"], language=language).json()["outcomes"]
    assert outcome["says"] == advice.TO_DO["malformed"][language]


def test_every_piece_of_advice_is_for_a_kind_of_problem_and_in_all_languages():
    assert advice.TO_DO.keys() <= KINDS.keys()
    assert all(sentences.keys() == advice.THERE.keys() for sentences in advice.TO_DO.values())


def test_a_list_is_bounded_in_lines_and_bytes(cast):
    line = canonical.encode({"statement": "x"})
    too_many = hand_in(cast, [line] * (lists.MAX_LINES_AT_ONCE + 1))
    assert problem(too_many) == "too_large"
    assert told(hand_in(cast, [line] * lists.MAX_LINES_AT_ONCE)) == ["malformed"] * lists.MAX_LINES_AT_ONCE
    assert problem(hand_in(cast, [b"!" + b" " * (4 << 20)])) == "too_large"
    array = b"[" + b"1," * lists.MAX_LINES_AT_ONCE + b"1]"
    assert problem(client_at(cast.now).post(ADDRESS, array, content_type="application/json")) == "too_large"


def test_a_body_of_nothing_but_small_lines_is_refused_without_being_read_to_its_end(cast):
    begin = time.process_time()
    assert problem(hand_in(cast, [b"{}\n" * 1_000_000])) == "too_large"
    assert time.process_time() - begin < 1


def test_an_empty_list_does_nothing(cast):
    assert told(hand_in(cast, [b""])) == []


def test_with_another_partys_api_key_no_line_is_taken(cast):
    raws = [claim(cast, work) for work in added(cast, 2)]
    key = key_for(cast.vendor, "write", now=cast.now)
    assert told(hand_in(cast, raws, key=key)) == ["not_allowed"] * 2
    assert told(hand_in(cast, raws, key=key_for(cast.stranger, "write", now=cast.now))) == ["stored"] * 2


def test_a_row_changed_by_hand_stops_the_whole_list(cast):
    raws = [claim(cast, work) for work in added(cast, 2)]
    name = names.party(cast.stranger.party)
    state = bytes(MapLeaf.objects.get(name=name).state)
    MapLeaf.objects.filter(name=name).update(state=state.replace(b"organisation", b"association_"))
    response = hand_in(cast, raws)
    assert response.status_code == 503
    assert not EvidenceItem.objects.filter(digest__in=[canonical.digest(raw) for raw in raws]).exists()


def test_a_verb_that_fails_halfway_leaves_nothing_of_its_line_and_all_of_the_others(cast):
    works = added(cast, 3)
    raws = [claim(cast, work) for work in works]

    def take(signed):
        register_work(cast.stranger.actor, signed.raw, cast.now)
        if signed.raw == raws[1]:
            raise ConflictError("after all")
        return RECORDED

    outcomes = handing_in.hand_in(given(raws), take).outcomes
    assert [one.outcome for one in outcomes] == ["stored", "refused", "stored"]
    assert [bool(Work.objects.get(urn=work).claim) for work in works] == [True, False, True]
    cast.log()
    assert [cast.state(names.work(work)) is not None for work in works] == [True, False, True]


def test_a_list_whose_reading_is_overtaken_by_the_log_is_not_taken_at_all(cast):
    raws = [claim(cast, work) for work in added(cast, 2)]
    taken: list[Work] = []

    def take(signed):
        if taken:
            raise MovedOnError("the log moved on meanwhile; begin again")
        taken.append(register_work(cast.stranger.actor, signed.raw, cast.now))
        return RECORDED

    with pytest.raises(MovedOnError):
        handing_in.hand_in(given(raws), take)
    assert not Work.objects.filter(claim=canonical.digest(raws[0])).exists()
    assert not EvidenceItem.objects.filter(digest=canonical.digest(raws[0])).exists()


def test_a_line_costs_few_queries_and_the_list_hardly_more_than_its_lines(cast):
    def queries(count):
        raws = [claim(cast, work) for work in added(cast, count)]
        with CaptureQueriesContext(connection) as captured:
            assert told(hand_in(cast, raws)) == ["stored"] * count
        return len(captured)

    few, many = queries(2), queries(12)
    assert (many - few) / 10 <= 6
    assert few < 60


def test_a_share_set_that_the_log_refused_is_not_there(cast):
    [work] = added(cast, 1)
    hand_in(cast, [claim(cast, work)])
    cast.log()
    cast.works["it"] = work
    row = cast.propose("it", [("copyright", cast.stranger)], by=cast.stranger)
    raw = cast.sign(cast.stranger, "shares", body_to_sign(document_of(row)))
    assert told(hand_in(cast, [raw])) == ["stored"]
    cast.wait(40 * 86400)
    cast.publish()
    assert ShareSet.objects.get(pk=row.pk).state == ShareSet.State.REFUSED
    assert told(hand_in(cast, [raw])) == ["rule"]


def test_the_answer_has_the_form_that_is_described(cast):
    from tests.api.test_description import check

    [work] = added(cast, 1)
    response = hand_in(cast, [claim(cast, work), b"{"])
    described = client_at(cast.now).get("/api/v1/openapi.json").json()
    check(described, "Outcomes", json.loads(response.content))
