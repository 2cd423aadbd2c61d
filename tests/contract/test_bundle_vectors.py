"""What the published bundles say of each instant, for whoever writes a second verifier."""

import json

import pytest

from priorconsent.court import container
from tests import bundle_vectors

ANSWERS = json.loads((bundle_vectors.BUNDLES / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_bundle_answers_at_each_instant_as_the_vectors_say(name):
    assert {at: bundle_vectors.answer(name, at) for at in bundle_vectors.INSTANTS} == ANSWERS[name]


def test_the_vectors_are_those_that_their_script_makes_but_for_random_keys():
    raw, trust = bundle_vectors.make()
    stored = container.unpack((bundle_vectors.BUNDLES / "stamped.zip").read_bytes())
    assert container.unpack(raw).keys() == stored.keys()
    assert set(ANSWERS) == set(bundle_vectors.TRUST)
    told, kept = json.loads(trust), json.loads((bundle_vectors.BUNDLES / "stamped-trust.json").read_bytes())
    assert {**told, "tsa_ca": []} == {**kept, "tsa_ca": []}
