"""What places are called in the map, and what may be claimed, as the published vectors have it."""

import json

import pytest

from tests import name_vectors

VECTORS = json.loads(name_vectors.PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("one", VECTORS["urls"], ids=lambda one: one["url"][:60])
def test_a_url_is_called_what_the_vector_says(one):
    assert name_vectors.names_of(one["url"]) == one["names"]


@pytest.mark.parametrize("one", VECTORS["claims"], ids=lambda one: one["name"][:60])
def test_a_name_may_be_claimed_if_the_vector_says_so(one):
    assert name_vectors.may_be_claimed(one["name"]) is one["may_be_claimed"]


def test_the_vectors_are_those_that_their_script_makes():
    assert name_vectors.vectors() == VECTORS
