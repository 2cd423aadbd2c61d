"""Proofs for the newest map, and for every map before it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorconsent import bucket, merkle_map, names
from priorconsent.errors import NotFoundError, QuorumError, SignatureError
from priorconsent.log import proof as log_proof
from priorconsent.log.note import assemble_note, split_note
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.tree import check_consistency
from priorconsent.states import GrantState
from tests.transparency.audit import check_log
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, DAY_4, FILM, FILM_FILE, GRANT, STUDIO
from transparency import proofs, sequencer
from transparency.models import Checkpoint, Event, MapLeaf, MapLeafVersion
from transparency.store import own_trust


@pytest.fixture
def history(cast):
    """Four maps: founded, offered, granted, withdrawn."""
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    grant = cast.grant(DAY_2)
    for now, unit in ((DAY_2, grant), (DAY_4, cast.withdrawal(grant.drafts[0]["digest"], DAY_3))):
        unit.append()
        sequencer.run(now)
    return list(Checkpoint.objects.order_by("size"))


def test_every_event_is_proved_into_every_checkpoint_that_includes_it(history):
    policy = own_trust().policy
    for checkpoint in history:
        for pos in range(checkpoint.size):
            raw, proof = proofs.event(pos, checkpoint)
            opened = log_proof.check(log_proof.LogProof.parse(proof), raw, policy, index=pos).checkpoint
            assert opened.size == checkpoint.size
        with pytest.raises(NotFoundError):
            proofs.event(checkpoint.size, checkpoint)


def test_every_checkpoint_is_consistent_with_those_before_it(history):
    for old in history:
        for new in history:
            if old.size <= new.size:
                path = proofs.consistency(old, new)
                check_consistency(old.size, new.size, bytes(old.root), bytes(new.root), path)


def test_the_map_of_every_checkpoint_is_still_proved(history):
    trust = own_trust()
    check_log()
    life = []
    for checkpoint in history:
        name = names.grant(GRANT)
        opened = bucket.open_bucket(proofs.state_at(name, checkpoint), merkle_map.map_key(name).hex(), trust)
        assert opened.head.checkpoint.size == checkpoint.size
        grant = opened.states.get(name)
        life.append([entry.s for entry in grant.life] if isinstance(grant, GrantState) else None)
    assert life == [None, None, ["active"], ["active", "withdrawn"]]


def test_absence_is_proved_in_every_map(history):
    for checkpoint in history:
        raw = proofs.state_at("work:nobody", checkpoint)
        assert not bucket.open_bucket(raw, merkle_map.map_key("work:nobody").hex(), own_trust()).states


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.text("0123456789abcdef", min_size=2, max_size=6), which=st.integers(0, 3))
def test_any_bucket_of_any_map_shows_exactly_its_names(history, prefix, which):
    checkpoint = history[which]
    opened = bucket.open_bucket(proofs.bucket_at(prefix, checkpoint), prefix, own_trust())
    current = MapLeaf.objects.filter(pos__lt=checkpoint.size).values_list("name", flat=True)
    earlier = MapLeafVersion.objects.filter(pos__lt=checkpoint.size).values_list("name", flat=True)
    expected = {name for name in {*current, *earlier} if merkle_map.map_key(name).hex().startswith(prefix)}
    assert set(opened.states) == expected


def test_checkpoints_are_found_by_event_and_by_size(history):
    first, _, granted, withdrawn = (checkpoint.size for checkpoint in history)
    pos = Event.objects.get(t="grant").pos
    assert proofs.first_with(pos).size == granted
    assert proofs.first_with(0).size == first
    assert proofs.published().size == withdrawn
    with pytest.raises(NotFoundError):
        proofs.first_with(withdrawn)
    with pytest.raises(NotFoundError):
        proofs.published(first + 1)


def test_a_checkpoint_that_is_not_published_is_not_proved_against(history, cast):
    cast.alias("sha256:" + "1" * 64).append()
    sequencer.sequence(DAY_4)
    assert proofs.published().size == history[-1].size
    # The database has moved on, so these come from the earlier map.
    for name in (names.work(FILM), names.party(STUDIO), FILM_FILE):
        raw = proofs.state_at(name, proofs.published())
        assert name in bucket.open_bucket(raw, merkle_map.map_key(name).hex(), own_trust()).states


def test_the_checkpoint_is_a_note_by_the_log(history):
    opened = open_checkpoint(bytes(history[-1].note), own_trust().policy).checkpoint
    assert opened.size == history[-1].size


def test_both_keys_of_the_log_sign_and_one_of_them_is_not_enough(history):
    policy = own_trust().policy
    text, lines = split_note(bytes(history[-1].note))
    assert [len(line.signature) for line in lines] == [64, 8 + 2420]
    for missing, error in ((0, SignatureError), (1, QuorumError)):
        with pytest.raises(error):
            open_checkpoint(assemble_note(text, [line for line in lines if line is not lines[missing]]), policy)
