"""A head is a checkpoint with the map of all that was logged before it."""

import pytest

from priorconsent.errors import MalformedError, NotTrustedError, ProofError, SignatureError
from priorconsent.head import open_head
from tests import scenario as cast
from tests.scenario import BATCH_C, SIZES, scenario, trust

EVENTS = scenario().events


def opened(entries, index, *, map_root=None, checkpoint=None, proof=None):
    return open_head(
        checkpoint or cast.sign_log(entries),
        map_root or entries[index],
        proof or cast.prove(entries, index),
        trust(),
    )


def test_the_last_leaf_speaks_for_all_before_it():
    head = opened(EVENTS, 21)
    assert (head.checkpoint.size, head.map_root.size, head.quorum_time) == (22, 21, BATCH_C)


def test_a_map_root_that_stands_elsewhere_than_it_says_is_refused():
    # Leaf 20 of 22 claims to be leaf 21.
    with pytest.raises(ProofError, match="index"):
        opened([*EVENTS[:20], EVENTS[21], EVENTS[20]], 20)


def test_an_event_logged_after_the_map_root_is_not_left_out():
    with pytest.raises(ProofError, match="not the last"):
        opened([*EVENTS, EVENTS[20]], 21)


def test_another_event_than_a_map_root_is_refused():
    with pytest.raises(MalformedError, match="map-root"):
        opened(EVENTS[:21], 20)


def test_the_proof_is_for_the_checkpoint_given():
    with pytest.raises(ProofError, match="another checkpoint"):
        opened(EVENTS, 21, proof=cast.prove(EVENTS[: SIZES["B"]], 19))


def test_another_log_is_not_trusted():
    other = "log.registry.example/2"
    with pytest.raises(SignatureError):
        opened(EVENTS, 21, checkpoint=cast.sign_log(EVENTS, other), proof=cast.prove(EVENTS, 21, other))


def test_a_changed_event_is_refused():
    changed = EVENTS[21].replace(b'"n":12', b'"n":11')
    with pytest.raises(NotTrustedError):
        opened(EVENTS, 21, map_root=changed)
