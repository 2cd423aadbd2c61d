"""May this be used? Asked over HTTP, of what is published; the database is out of reach in all of these."""

import contextlib
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.views.decisions import MAX_QUERIES
from api.wire import MAX_BODY_BYTES
from priorconsent import bucket, canonical, decision, merkle_map, query, times
from priorconsent.states import read_state
from tests import scenario
from tests.api.conftest import NOW, client_at, post, problem, publish, step

ADDRESS = "/api/v1/decisions"
ELSEWHERE_FILE = "sha256:" + "1" * 64
ELSEWHERE = "https://elsewhere.example/film.mp4"


def ask(client, **members):
    return client.get(ADDRESS, {**scenario.QUESTION, **members})


def withdrawn_grant():
    """The state of the grant after its end."""
    leaves = scenario.with_shipped_table()
    life = [
        *canonical.parse(leaves[f"grant:{scenario.GRANT}"])["life"],
        {"s": "withdrawn", "pos": 3, "time": NOW, "ends_at": NOW, "cause": None},
    ]
    return canonical.encode({**canonical.parse(leaves[f"grant:{scenario.GRANT}"]), "life": life, "pos": 3})


def test_a_recorded_permission_is_a_yes(public, client):
    told = ask(client).json()

    assert (told["verdict"], told["reason"], told["grants"]) == ("permitted", "granted", [scenario.GRANT])
    assert told["checkpoint"]["time"] == NOW


def test_what_is_not_recorded_is_a_no(public, client):
    told = ask(client, sha256="0" * 64).json()

    assert (told["verdict"], told["reason"], told["grants"]) == ("not_permitted", "no_record", [])


def test_the_batch_answers_as_the_single_question_does(public, client):
    asked = [
        {},
        {"use": "generate.expression"},
        {"vendor": scenario.STRANGER},
        {"territory": "FR"},
        {"territory": "Atlantis"},
        {"sha256": "0" * 64},
        {"sha256": "zz"},
        {"at": times.plus(NOW, 1)},
    ]
    queries = [{**scenario.QUESTION, **members} for members in asked]
    batch = post(client, ADDRESS, {"queries": [{"ref": str(n), **one} for n, one in enumerate(queries)]}).json()

    for number, (one, answer) in enumerate(zip(queries, batch["decisions"], strict=True)):
        single = client.get(ADDRESS, one).json()
        assert answer.pop("ref") == str(number)
        assert {**answer, "checkpoint": batch["checkpoint"]} == single


def test_answers_come_in_the_order_of_the_questions_also_under_one_ref(public, client):
    keys = [scenario.FILM_FILE, "0" * 64, scenario.FILM_FILE]
    queries = [{"ref": "same", "sha256": key} for key in keys]
    defaults = {name: value for name, value in scenario.QUESTION.items() if name != "sha256"}
    told = post(client, ADDRESS, {"queries": queries, "defaults": defaults}).json()["decisions"]

    assert [one["reason"] for one in told] == ["granted", "no_record", "granted"]
    assert {one["ref"] for one in told} == {"same"}


def test_a_query_overrides_the_defaults(public, client):
    told = post(client, ADDRESS, {"queries": [{"ref": "a", "use": "search"}], "defaults": scenario.QUESTION}).json()

    assert told["decisions"][0]["reason"] == "use_not_granted"


@pytest.mark.parametrize(
    "asked",
    [{}, {"use": "search"}, {"url": 7}, {"work": scenario.FILM, "url": "http://a.example/"}, {"bogus": "1"}],
)
def test_a_malformed_query_answers_under_its_own_ref(public, client, asked):
    fine = {"ref": "fine", **scenario.QUESTION}
    told = post(client, ADDRESS, {"queries": [{"ref": "bad", **asked}, fine]}).json()["decisions"]

    assert [(one["ref"], one["reason"]) for one in told] == [("bad", "invalid_query"), ("fine", "granted")]
    assert told[0]["verdict"] == "not_permitted"
    assert told[0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{", ""),
        (b'{"queries":[],"queries":[]}', ""),
        (b'{"queries":[{"ref":"a","at":1.5}]}', ""),
        (b'{"queries":[{"ref":"a","url":"\\ud800"}]}', "/queries/0/url"),
        (b'{"queries":[NaN]}', ""),
        (b'{"queries":{}}', "/queries"),
        (b'{"queries":[1]}', "/queries/0"),
        (b'{"queries":[{"ref":"a"},{}]}', "/queries/1/ref"),
        (b'{"queries":[{"ref":7}]}', "/queries/0/ref"),
        (b'{"queries":[],"defaults":{"ref":"a"}}', "/defaults/ref"),
        (b'{"queries":[],"more":1}', ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_malformed_envelope_is_a_problem_with_a_pointer(public, client, body, pointer):
    response = post(client, ADDRESS, body)

    assert (response.status_code, problem(response)) == (400, "malformed")
    assert response.json().get("pointer", "").startswith(pointer)


def test_a_parameter_given_twice_is_a_problem(public, client):
    response = client.get(f"{ADDRESS}?sha256={scenario.FILM_FILE}&use=search&use=train.generative")

    assert (response.status_code, problem(response), response.json()["pointer"]) == (400, "malformed", "/use")


def test_more_questions_than_the_limit_are_too_large(public, client):
    batch = {"queries": [{"ref": "a"}] * MAX_QUERIES}
    assert len(post(client, ADDRESS, batch).json()["decisions"]) == MAX_QUERIES

    response = post(client, ADDRESS, {"queries": [{"ref": "a"}] * (MAX_QUERIES + 1)})
    assert (response.status_code, problem(response)) == (413, "too_large")


def test_a_body_beyond_the_limit_is_too_large_before_it_is_read(public, client):
    response = post(client, ADDRESS, b" " * (MAX_BODY_BYTES + 1))

    assert (response.status_code, problem(response)) == (413, "too_large")


def test_nobody_may_keep_an_answer(public, client):
    for response in (ask(client), post(client, ADDRESS, {"queries": []}), ask(client, use="")):
        assert response.headers["Cache-Control"] == "no-store"


def test_the_server_decides_as_the_library_does(public, client):
    leaves = scenario.with_shipped_table()

    class States:
        def state(self, name):
            return read_state(name, leaves[name]) if name in leaves else None

    for use in ("train.generative", "train.generative.finetune", "search", "nothing.known"):
        asked = {**scenario.QUESTION, "use": use}
        expected = decision.decide(query.parse(asked, now=NOW), States()).to_json()
        told = client.get(ADDRESS, asked).json()
        assert {name: told[name] for name in expected} == canonical.parse(canonical.encode(expected))


# No snapshot that can be relied on, no answer


def test_without_a_snapshot_nothing_is_answered(data, client):
    response = ask(client)

    assert (response.status_code, problem(response)) == (503, "unverified_snapshot")


def test_a_stale_snapshot_answers_nothing(public):
    fresh, stale = client_at(times.plus(NOW, 86_399)), client_at(times.plus(NOW, 86_400))

    assert ask(fresh).json()["verdict"] == "permitted"
    assert (ask(stale).status_code, problem(ask(stale))) == (503, "stale_snapshot")


def test_a_changed_state_is_found_before_anything_is_answered(data, client):
    leaves = scenario.with_shipped_table()
    name = f"grant:{scenario.GRANT}"
    path = publish(data, leaves)
    with sqlite3.connect(path) as connection:
        state = leaves[name].replace(b'"JP"', b'"FR"')
        connection.execute("UPDATE leaves SET state = ? WHERE name = ?", (state, name))
    connection.close()

    response = ask(client, territory="FR")
    assert (response.status_code, problem(response)) == (503, "unverified_snapshot")


def test_a_snapshot_written_to_after_it_was_verified_answers_nothing_more(data, client):
    path = publish(data)
    assert ask(client).json()["verdict"] == "permitted"
    with path.open("r+b") as file:
        file.write(path.read_bytes().replace(b'"JP"', b'"FR"'))

    response = ask(client)
    assert (response.status_code, problem(response)) == (503, "unverified_snapshot")


def test_another_logs_snapshot_is_refused(data, client):
    publish(data)
    (data / "trust.json").write_bytes(scenario.trust(registry="sha256:" + "0" * 64).encode())

    response = ask(client)
    assert (response.status_code, problem(response)) == (503, "unverified_snapshot")


def test_a_newer_snapshot_is_taken_up_at_once(data, client):
    publish(data)
    assert ask(client).json()["verdict"] == "permitted"
    publish(data, scenario.scenario().leaves("A"))

    assert ask(client).json()["verdict"] == "not_permitted"


def test_what_changed_is_taken_up_step_by_step_without_a_new_snapshot(data, client):
    before = publish(data)
    assert ask(client).json()["verdict"] == "permitted"
    ended = step(data, {f"grant:{scenario.GRANT}": withdrawn_grant()}, padding=1)
    assert (ask(client).json()["reason"], ask(client).json()["checkpoint"]["size"]) == ("withdrawn", 3)
    step(data, {ELSEWHERE_FILE: ended[f"sha256:{scenario.FILM_FILE}"]}, ended, padding=2)
    assert ask(client, sha256=ELSEWHERE_FILE[7:]).json()["reason"] == "withdrawn"

    assert list((data / "public" / "snapshots").glob("*.sqlite")) == [before]
    fetched = client.get(f"/api/v1/buckets/{merkle_map.map_key(ELSEWHERE_FILE).hex()}").content
    opened = bucket.open_bucket(fetched, merkle_map.map_key(ELSEWHERE_FILE).hex(), scenario.trust())
    assert (opened.head.checkpoint.size, list(opened.states)) == (4, [ELSEWHERE_FILE])


def remove(path):
    path.unlink()


def overwrite(path):
    path.write_bytes(b"no database")


def withhold(path):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM leaves")


@pytest.mark.parametrize("damage", [remove, overwrite, withhold])
def test_where_the_way_to_the_newest_checkpoint_is_broken_the_older_map_answers_nothing(data, client, damage):
    publish(data)
    assert ask(client).json()["verdict"] == "permitted"
    ended = step(data, {f"grant:{scenario.GRANT}": withdrawn_grant()}, padding=1)
    path = next((data / "changes").iterdir())
    sound = path.read_bytes()
    damage(path)
    for _ in range(2):
        response = ask(client)
        assert (response.status_code, problem(response)) == (503, "unverified_snapshot")

    path.write_bytes(sound)
    assert ask(client).json()["reason"] == "withdrawn"
    overwrite(path)
    publish(data, ended, padding=2)
    assert ask(client).json()["reason"] == "withdrawn"


def test_a_second_checkpoint_of_one_size_stops_all_answers(data, client):
    publish(data, padding=1)
    assert ask(client).json()["verdict"] == "permitted"
    publish(data, scenario.scenario().leaves("A"), padding=1)

    response = ask(client)
    assert (response.status_code, problem(response)) == (503, "unverified_snapshot")


def test_an_older_checkpoint_put_back_changes_no_answer(data, client):
    publish(data)
    older = shutil.copytree(data / "public", data / "older")
    publish(data, {**scenario.with_shipped_table(), f"grant:{scenario.GRANT}": withdrawn_grant()})
    assert ask(client).json()["reason"] == "withdrawn"
    shutil.rmtree(data / "public")
    shutil.copytree(older, data / "public")

    assert ask(client).json().get("reason") == "withdrawn"


def test_many_ask_at_once(public):
    def ask_often(number):
        client = client_at(NOW)
        asked = [{}, {"use": "search"}, {"sha256": f"{number:064x}"}]
        return [ask(client, **members).json()["reason"] for members in asked for _ in range(5)]

    expected = ["granted"] * 5 + ["use_not_granted"] * 5 + ["no_record"] * 5
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask_often, range(16))) == [expected] * 16


def test_answers_go_on_while_new_snapshots_are_published(data):
    publish(data)
    done = threading.Event()

    def ask_until_done():
        client, found = client_at(NOW), set()
        while not done.is_set():
            response = ask(client)
            found.add((response.status_code, response.json().get("reason")))
        return found

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_until_done) for _ in range(4)]
        for number in range(1, 30):
            publish(data, padding=number)
        done.set()

    assert set().union(*(one.result() for one in asking)) == {(200, "granted")}


# Buckets


def test_a_bucket_proves_what_lies_under_a_prefix(public, client):
    fetched = []

    def fetch(prefix):
        fetched.append(prefix)
        return client.get(f"/api/v1/buckets/{prefix}").content

    parsed = query.parse(scenario.QUESTION, now=NOW)
    answer = bucket.ask(fetch, scenario.trust(), lambda states: decision.decide(parsed, states))
    assert answer.reason == "granted"
    assert len(fetched) > 3


@pytest.mark.parametrize("prefix", ["a", "zz", "AB", "0" * 65, "ab%0a"])
def test_what_is_no_prefix_is_a_problem(public, client, prefix):
    response = client.get(f"/api/v1/buckets/{prefix}")

    assert (response.status_code, problem(response)) == (400, "malformed")
