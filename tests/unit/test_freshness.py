"""What was seen is remembered, and nothing older is used after it."""

import json

import pytest

from priorconsent import freshness
from priorconsent.errors import FraudError, NotTrustedError, StaleError
from priorconsent.freshness import Memory
from priorconsent.head import open_head
from tests import scenario as cast
from tests.scenario import BATCH_B, BATCH_C, scenario, trust

NOW = "2027-03-01T10:00:00Z"


def head(batch):
    parts = scenario().head(batch)
    return open_head(parts["checkpoint"], parts["map_root"], parts["proof"], trust())


def head_of(leaves, **options):
    parts = cast.publish(leaves, **options)
    return open_head(parts["checkpoint"], parts["map_root"], parts["proof"], trust())


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path / "state")


def test_a_larger_checkpoint_takes_the_place_of_a_smaller(memory):
    for batch in "ABC":
        memory.remember(head(batch), trust(), NOW)
    record = json.loads(memory.path(head("A"), trust()).read_bytes())
    assert (record["size"], record["time"]) == (22, BATCH_C)


def test_a_smaller_checkpoint_is_not_used_and_not_remembered(memory):
    memory.remember(head("C"), trust(), NOW)
    with pytest.raises(StaleError, match="size 22 was seen"):
        memory.remember(head("B"), trust(), NOW)
    memory.remember(head("C"), trust(), NOW)


def test_a_clock_behind_what_was_seen_is_no_clock(memory):
    memory.remember(head("C"), trust(), NOW)
    memory.remember(head("C"), trust(), "2027-02-28T23:55:00Z")
    with pytest.raises(StaleError, match="set the clock"):
        memory.remember(head("C"), trust(), "2027-02-28T23:54:59Z")


def test_a_fork_is_kept_with_both_sides_and_never_forgotten(memory):
    ours, theirs = head_of(scenario().leaves("B")), head_of(scenario().leaves("C"))
    memory.remember(ours, trust(), NOW)
    for side in (theirs, ours, theirs):
        with pytest.raises(FraudError) as found:
            memory.remember(side, trust(), NOW)
        assert found.value.evidence == (ours.note, theirs.note)
    with pytest.raises(FraudError):
        memory.remember(head("C"), trust(), NOW)


def test_another_registry_is_another_memory(memory):
    memory.remember(head("C"), trust(), NOW)
    staging = trust(registry="sha256:" + "0" * 64)
    memory.remember(head("B"), staging, NOW)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"v":1}', b"\xff"])
def test_a_damaged_memory_is_no_memory(memory, damage):
    memory.remember(head("B"), trust(), NOW)
    memory.path(head("B"), trust()).write_bytes(damage)
    with pytest.raises(NotTrustedError, match="damaged"):
        memory.remember(head("C"), trust(), NOW)


def test_what_cannot_be_remembered_is_not_used(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotTrustedError, match="XDG_STATE_HOME"):
        Memory(tmp_path / "file" / "state").remember(head("C"), trust(), NOW)


def test_a_known_checkpoint_needs_no_writing(memory, monkeypatch):
    memory.remember(head("C"), trust(), NOW)
    monkeypatch.setattr(freshness, "_write", None)
    memory.remember(head("C"), trust(), NOW)


def test_files_of_a_person_lie_where_the_desktop_says(tmp_path):
    assert freshness.state_directory({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "priorconsent"
    assert freshness.state_directory({}) == freshness.state_directory({"XDG_STATE_HOME": "relative"})


def test_without_witnesses_the_map_roots_time_is_the_quorum_time():
    assert head("B").quorum_time == BATCH_B
    assert freshness.fresh_until(head("B"), trust()) == "2026-12-11T12:00:00Z"
    assert freshness.fresh_until(head("B"), trust(max_age_s=60)) == "2026-12-10T12:01:00Z"
