"""Any published map can be asked for, however long ago; each answer is proved to its own checkpoint."""

import json

import pytest

from licences.states import State
from priorconsent import bucket, merkle_map, names
from priorconsent.states import GrantState
from priorconsent.trust import read_trust
from tests.api.conftest import client_at, problem
from transparency import past_maps
from transparency.models import Checkpoint


@pytest.fixture
def granted(cast):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    return offer


@pytest.fixture
def history(cast, granted):
    """The sizes before, with, and after the grant's withdrawal."""
    with_it = Checkpoint.objects.latest("size").size
    before = Checkpoint.objects.filter(published=True, size__lt=with_it).latest("size").size
    cast.wait(86_400)
    cast.withdraw(granted, cast.publisher)
    cast.publish()
    return before, with_it, Checkpoint.objects.latest("size").size


def get(cast, key, size):
    return client_at(cast.now).get(f"/api/v1/buckets/{key}", {"size": size})


def test_the_life_of_a_grant_at_each_published_size(cast, granted, history, folder):
    trust, name = read_trust((folder / "trust.json").read_bytes()), names.grant(granted.grant)
    lives = []
    for size in history:
        response = get(cast, merkle_map.map_key(name).hex(), size)
        opened = bucket.open_bucket(response.content, merkle_map.map_key(name).hex(), trust)
        assert opened.head.checkpoint.size == size
        grant = opened.states.get(name)
        lives.append([entry.s for entry in grant.life] if isinstance(grant, GrantState) else None)
    assert lives == [None, ["active"], ["active", "withdrawn"]]


def test_a_size_is_computed_once(cast, history):
    get(cast, "ab", history[0])
    made = past_maps._path(history[0]).stat().st_ino
    get(cast, "cd", history[0])
    assert past_maps._path(history[0]).stat().st_ino == made


def test_while_a_map_is_computed_elsewhere_the_asker_is_told_to_come_back(cast, history, monkeypatch):
    monkeypatch.setattr("api.views.buckets.rebuild_past.delay", lambda _: None)
    response = get(cast, "ab", history[0])
    assert (response.status_code, problem(response)) == (503, "not_ready")
    assert int(response.headers["Retry-After"]) > 0


def test_changed_files_of_the_past_change_no_answer(cast, history):
    get(cast, "ab", history[0])
    other = past_maps._path(history[1])
    past_maps.rebuild(history[1])
    other.replace(past_maps._path(history[0]))
    assert problem(get(cast, "ab", history[0])) == "not_trusted"


@pytest.mark.parametrize("size", ["", "-1", "01", "1e3", "９", "x", "999999999999999999999"])
def test_what_is_no_size_is_malformed(cast, history, size):
    assert problem(get(cast, "ab", size)) == "malformed"


def test_a_size_that_was_never_published_is_not_found(cast, history):
    for size in (0, history[0] + 1 if history[0] + 1 not in history else 0, history[-1] + 1):
        assert problem(get(cast, "ab", size)) == "not_found"


def test_only_so_many_maps_are_kept(cast, history, monkeypatch):
    monkeypatch.setattr(past_maps, "FILES_KEPT", 1)
    for size in history[:2]:
        past_maps.rebuild(size)
    assert [past_maps.is_ready(size) for size in history[:2]] == [False, True]


def test_the_newest_map_needs_no_computing(cast, history):
    assert json.loads(get(cast, "ab", history[-1]).content)["map_root"]["size"] == history[-1] - 1
    assert not past_maps.is_ready(history[-1])
