"""The library, given the inputs of scenario 1, makes the bytes that the vector holds."""

import pytest

from priorconsent import canonical, merkle_map
from tests import scenario as cast
from tests.scenario import VECTOR, scenario


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
