"""The library, given the inputs of scenario 1, makes the bytes that the vector holds."""

import hashlib
import json

import pytest

from priorconsent import canonical, events, merkle_map, query, replay, rights
from priorconsent.decision import decide, refuse
from priorconsent.errors import MalformedError
from tests import scenario as cast
from tests.scenario import FILM, MANGA, QUESTION, STRANGER, VECTOR, scenario

TABLES = {cast.OFFER.rights_table: rights.LATEST}


class Archive(replay.Archive):
    """What the vector holds; its rights table is named there by a digest that stands for its meaning."""

    def blob(self, digest):
        return scenario().blobs.get(digest)

    def evidence(self, digest):
        return scenario().evidence.get(digest)

    def rights_table(self, digest):
        return TABLES[digest]


def replayed(size):
    ledger = replay.MemoryLedger()
    for raw in VECTOR["events"][:size]:
        effect = replay.apply(events.read_event(raw.encode()), ledger, Archive())
        assert (effect.alarm, effect.unchecked) == (None, ())
    return ledger


def test_registry_keys_and_documents_are_those_of_the_vector():
    assert VECTOR["registry"] == cast.REGISTRY
    for party, name in cast.NAMES.items():
        assert cast.KEY_RECORDS[party].encode().decode() == VECTOR["key_records"][name]
        assert cast.KEY_RECORDS[party].key_id == VECTOR["key_ids"][name]
    assert cast.SHARE_SETS[cast.MANGA].encode().decode() == VECTOR["share_set_docs"]["manga"]
    assert cast.SHARE_SETS[cast.FILM].encode().decode() == VECTOR["share_set_docs"]["film"]


def test_offer_and_grant_token_are_those_of_the_vector():
    assert cast.OFFER.encode().decode() == VECTOR["offer"]
    assert cast.OFFER.digest == VECTOR["offer_digest"]
    assert scenario().token.decode() == VECTOR["grant_token"]
    assert canonical.digest(scenario().token) == VECTOR["grant_digest"]


def test_every_statement_is_that_of_the_vector_to_the_signature():
    made = [(pos, digest) for pos, digests in scenario().statements.items() for digest in digests]
    assert made == [(one["pos"], one["digest"]) for one in VECTOR["statements"]]
    assert [scenario().evidence[digest].decode() for _, digest in made] == [one["jws"] for one in VECTOR["statements"]]


def test_every_event_is_that_of_the_vector():
    assert [event.decode() for event in scenario().events] == VECTOR["events"]


@pytest.mark.parametrize("batch", "ABC")
def test_the_map_of_each_batch_has_the_root_of_the_vector(batch):
    items = sorted(
        (merkle_map.map_key(name), merkle_map.value_hash(state)) for name, state in scenario().leaves(batch).items()
    )
    assert "sha256:" + merkle_map.root(items).hex() == VECTOR["maps"][batch]["root"]


@pytest.mark.parametrize("batch", "ABC")
def test_replaying_the_events_gives_the_map_of_the_vector(batch):
    # The map-root itself is the last leaf of a checkpoint, and changes nothing.
    ledger = replayed(cast.SIZES[batch])
    assert {name: state.encode().decode() for name, state in ledger.states.items()} == VECTOR["maps"][batch]["leaves"]
    root = json.loads(VECTOR["events"][cast.SIZES[batch] - 1])
    assert (root["root"], root["n"]) == (VECTOR["maps"][batch]["root"], len(ledger.states))


def url(text):
    return {"sha256": None, "url": text}


def work(which):
    return {"sha256": None, "work": which}


# scenario-1.md: how each query differs from the first one.
QUERIES = [
    {},
    {"vendor": STRANGER},
    {"vendor": None},
    {"use": "generate.character"},
    {"territory": "FR"},
    {"at": "2026-12-10T11:00:00Z"},
    {"acquired_at": "2026-12-05T00:00:00Z"},
    {"at": "2027-03-01T00:00:00Z"},
    {"at": "2027-02-28T23:59:59Z"},
    url("https://studio.example/film/ep1.mp4?x=1#t=3"),
    url("https://studio.example/other.mp4"),
    url("http://studio.example/film/ep1.mp4"),
    url("https://www.studio.example/film/ep1.mp4"),
    {"sha256": hashlib.sha256(b"unknown").hexdigest()},
    work(FILM),
    {"territory": None},
    {"use": "specialise"},
    {"min_level": "E9"},
    url("https://studio.example/film/%zz"),
    work(MANGA),
    url("HTTPS://STUDIO.example:443/film/%65p1.mp4"),
    url("https://studio.example/film/a%2Fb.mp4"),
    url("https://u:p@studio.example/film/ep1.mp4"),
    {"distribution": "open_weights"},
    {"model": "B-Video"},
    {"use": "train"},
    {"at": "2026-11-30T00:00:00Z"},
    {"modality": "audio"},
]


@pytest.mark.parametrize("number", range(1, 29))
def test_every_decision_is_that_of_the_vector(number):
    asked = {name: value for name, value in {**QUESTION, **QUERIES[number - 1]}.items() if value is not None}
    try:
        decision = decide(query.parse(asked, now="2027-03-02T00:00:00Z"), replayed(22), TABLES)
    except MalformedError:
        decision = refuse("invalid_query")
    expected = VECTOR["decisions"][str(number)]
    assert {name: decision.to_json()[name] for name in expected} == expected


def test_the_vector_has_no_other_decisions():
    assert len(VECTOR["decisions"]) == len(QUERIES)
