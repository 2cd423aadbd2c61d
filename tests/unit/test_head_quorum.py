"""A head that witnesses dated: they and the registry must agree about when."""

import pytest

from priorconsent import freshness, times
from priorconsent.errors import NotTrustedError, QuorumError, StaleError
from priorconsent.head import NO_QUORUM, open_head
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.policy import Group
from priorconsent.log.proof import LogProof
from tests import scenario as cast
from tests.scenario import BATCH_C, scenario, trust
from tests.witnesses import cosigned, policy

ENTRIES = scenario().events
ASKS = policy("both", Group("both", 2, ("own", "w1")))


def head(entries=ENTRIES, asks=ASKS, **at):
    nodes = tree.Appended([tree.leaf_hash(entry) for entry in entries])
    size = len(entries)
    raw = cosigned(Checkpoint(cast.ORIGIN, size, tree.tree_root(size, nodes)), **at)
    proof = LogProof(size - 1, tuple(tree.inclusion_proof(size - 1, size, nodes)), raw).to_bytes()
    return open_head(raw, entries[-1], proof, trust(log_policy=asks.text()))


def later(seconds):
    return times.plus(BATCH_C, seconds)


def test_a_head_counts_from_when_its_witnesses_saw_it():
    found = head(own=BATCH_C, w1=later(7))
    assert found.quorum_time == later(7)
    assert found.assumption == "the time of the checkpoint is the word of these witnesses: w1"
    assert freshness.fresh_until(found, trust(max_age_s=60)) == later(67)


def test_that_the_time_is_the_registrys_word_is_said_where_it_is_and_only_there():
    for asks in (policy(None), policy("own")):
        found = head(asks=asks, own=later(9), w1=later(7))
        assert (found.quorum_time, found.assumption) == (BATCH_C, NO_QUORUM)


def test_without_its_witness_a_head_is_not_used():
    with pytest.raises(QuorumError):
        head(own=BATCH_C)


def test_an_old_checkpoint_that_is_countersigned_anew_is_refused():
    assert head(own=BATCH_C, w1=later(120)).quorum_time == later(120)
    with pytest.raises(NotTrustedError, match="more than 120 s later"):
        head(own=BATCH_C, w1=later(121))


def test_a_registry_ahead_of_its_witnesses_is_refused():
    assert head(own=BATCH_C, w1=later(-300)).quorum_time == later(-300)
    with pytest.raises(NotTrustedError, match="more than 300 s earlier"):
        head(own=BATCH_C, w1=later(-301))


def test_a_clock_must_not_be_behind_registry_or_witnesses():
    seen_early = head(own=BATCH_C, w1=later(-200))
    freshness.check_fresh(seen_early, trust(), later(-300))
    with pytest.raises(StaleError, match="set the clock"):
        freshness.check_fresh(seen_early, trust(), later(-301))
    seen_late = head(own=BATCH_C, w1=later(100))
    with pytest.raises(StaleError, match="set the clock"):
        freshness.check_fresh(seen_late, trust(), later(-201))
