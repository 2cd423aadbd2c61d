"""The quick check of a state accepts what the slow reader accepts, and nothing else."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorconsent import canonical
from priorconsent.errors import MalformedError
from priorconsent.leaf_file import check_state
from priorconsent.states import read_state
from tests.scenario import scenario

LEAVES = [(name, state) for batch in "ABC" for name, state in scenario().leaves(batch).items()]
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def verdict(check, name, raw):
    try:
        check(name, raw)
    except MalformedError:
        return False
    return True


def paths(value, path=()):
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield from paths(item, (*path, key))


@st.composite
def edited(draw):
    """A state of the scenario, changed in one place."""
    name, state = draw(st.sampled_from(LEAVES))
    value = json.loads(state)
    path = draw(st.sampled_from(list(paths(value))[1:]))
    target = value
    for key in path[:-1]:
        target = target[key]
    change = draw(st.sampled_from(["replace", "remove", "twice", "reverse", "add"]))
    if change == "replace":
        target[path[-1]] = draw(JSON)
    elif change == "remove":
        del target[path[-1]]
    elif change == "twice" and isinstance(target[path[-1]], list):
        target[path[-1]] *= 2
    elif change == "reverse" and isinstance(target[path[-1]], list):
        target[path[-1]].reverse()
    elif change == "add" and isinstance(target, dict):
        target[draw(st.text(max_size=5))] = draw(JSON)
    return name, value


@settings(max_examples=400)
@given(edited())
def test_an_edited_state_is_judged_alike(case):
    name, value = case
    try:
        raw = msgspec.json.encode(value, order="sorted")
    except (UnicodeEncodeError, msgspec.EncodeError, OverflowError):
        return
    assert verdict(check_state, name, raw) == verdict(read_state, name, raw)


@settings(max_examples=400)
@given(st.sampled_from(LEAVES), st.integers(0), st.binary(max_size=3), st.booleans())
def test_a_state_with_other_bytes_is_judged_alike(leaf, at, inserted, cut):
    name, state = leaf
    at %= len(state)
    raw = state[:at] + inserted + state[at + (len(inserted) if cut else 0) :]
    assert verdict(check_state, name, raw) == verdict(read_state, name, raw)


@pytest.mark.parametrize(("name", "state"), LEAVES)
def test_every_state_of_the_scenario_is_accepted(name, state):
    check_state(name, state)


@pytest.mark.parametrize("change", ["claims_reversed", "claims_twice", "spaces", "members_unsorted", "escaped"])
def test_one_spelling_of_each_state(change):
    name = "host:studio.example"
    value = json.loads(scenario().leaves()[name])
    other = {**value["claims"][0], "level": "E0"}
    value["claims"] = canonical.sorted_set([*value["claims"], other])
    check_state(name, canonical.encode(value))
    match change:
        case "claims_reversed":
            value["claims"].reverse()
        case "claims_twice":
            value["claims"] *= 2
    raw = canonical.encode(value)
    raw = {
        "spaces": json.dumps(value, sort_keys=True).encode(),
        "members_unsorted": json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode(),
        "escaped": raw.replace(b"E3", b"\\u0045\\u0033"),
    }.get(change, raw)
    with pytest.raises(MalformedError):
        check_state(name, raw)
