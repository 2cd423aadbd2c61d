"""Keys of the registry come and go by keysets; what was logged is judged by the keyset in force at its position."""

import msgspec
import pytest

from priorconsent import times
from priorconsent.errors import FraudError
from priorconsent.keys import RegistryKey
from tests.unit.test_replay_cheats import HOLDERS
from tests.world import PUBLISHER, STUDIO, World, key


def end(world, use, until, *, begins=None):
    """Keyset n+1: the key of a use ends, another one follows it. Both instants are set apart from the log's time."""
    following = RegistryKey(jwk=key(f"next {use}").jwk, use=use, from_=begins or world.clock, until=None)
    kept = [msgspec.structs.replace(one, until=until) if one.use == use else one for one in world.keyset.keys]
    after = msgspec.structs.replace(
        world.keyset,
        registry=world.registry,
        version=2,
        previous=world.keyset.digest,
        keys=tuple(sorted((*kept, following), key=lambda one: one.encode())),
    )
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(after)})
    assert world.last.alarm is None


def test_a_grant_stays_a_yes_after_the_key_that_signed_it_has_ended():
    world = World.granted()
    assert world.reason() == "granted"
    end(world, "grant", until=world.clock)
    world.close_batch().wait(days=30)
    assert world.reason() == "granted"


@pytest.mark.parametrize(("seconds", "taken"), [(1, True), (0, False)])
def test_a_grant_key_counts_up_to_the_second_before_it_ends(seconds, taken):
    world = World.with_film()
    end(world, "grant", until=times.plus(world.clock, seconds))
    world.issue(world.offer())
    assert (world.last.alarm is None) is taken
    assert (world.reason() == "granted") is taken


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (1, False)])
def test_a_grant_key_counts_from_the_second_in_which_it_begins(seconds, taken):
    world = World.with_film()
    end(world, "grant", until=None, begins=times.plus(world.clock, seconds))
    world.issue(world.offer(), signer=key("next grant"))
    assert (world.last.alarm is None) is taken


def test_while_two_grant_keys_overlap_either_signs():
    for signer in ("grant", "next grant"):
        world = World.with_film()
        end(world, "grant", until=times.plus(world.clock, 60))
        world.issue(world.offer(), signer=key(signer))
        assert world.reason() == "granted"


def test_the_roots_end_a_stolen_key_before_the_time_at_which_they_say_so():
    """Their word reaches back to no event: the grant was logged while the key was good by the keyset of that day."""
    world = World.granted()
    end(world, "grant", until=times.plus(world.clock, -20 * 86400))
    assert world.reason() == "granted"
    world.issue(world.offer(label="late"))
    assert world.last.alarm


def test_a_token_signed_in_time_and_logged_late_is_nothing():
    made = World.with_film()
    mark = made.mark()
    made.issue(made.offer())
    token = next(raw for raw in reversed(made.blobs.values()) if raw.count(b".") == 2)
    made.back(mark)
    end(made, "grant", until=made.clock)
    made.issue(made.offer(), token=token)
    assert made.last.alarm
    assert made.reason() == "no_grant"


def by_account(world):
    """The publisher approves through an account: the registry's word, under its account key."""
    world.end_key(PUBLISHER)
    world.bind_key(PUBLISHER, "account", method="account")
    return world


def test_what_an_account_said_stays_after_the_account_key_has_ended():
    world = by_account(World.with_film())
    offer = world.offer()
    world.issue(offer, method="account")
    assert world.last.alarm is None
    end(world, "account", until=world.clock)
    world.close_batch().wait(days=1)
    assert world.reason(min_method="account") == "granted"


def test_what_an_account_approved_can_be_withdrawn_after_the_account_key_has_ended():
    """The approval was judged when the grant was logged; judged again now, an honest withdrawal was proof of fraud."""
    world = by_account(World.with_film())
    offer = world.offer()
    world.issue(offer, method="account")
    end(world, "account", until=world.clock)
    world.wait(days=1).withdraw(offer, STUDIO)
    assert world.last.alarm is None
    assert world.reason(min_method="account") == "withdrawn"


def test_an_account_key_whose_time_is_over_approves_nothing():
    world = by_account(World.with_film())
    end(world, "account", until=world.clock)
    offer = world.offer()
    approvals = [world.approve(offer, party) for party in HOLDERS]
    with pytest.raises(FraudError, match="account key"):
        world.issue(offer, approvals=approvals, method="account")
