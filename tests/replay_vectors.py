"""Makes ``tests/vectors/replay.json``: ``python -m tests.replay_vectors``.

One story with what a replay by the formats most easily gets wrong: what moves ``since``, what spends evidence, what an
end of a key leaves standing, which events have no effect.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from priorconsent.keys import RegistryKey
from tests.world import (
    AYA,
    FILM,
    OTHER_FILM,
    PUBLISHER,
    STRANGER,
    STUDIO,
    VENDOR,
    World,
    file,
    key,
    uid,
)

PATH = Path(__file__).parent / "vectors" / "replay.json"


def story() -> World:
    """Everybody acts; where a comment says so, to no effect."""
    world = World.with_film().close_batch()
    names_and_levels(world)
    grants(world)
    keys_that_end(world)
    share_sets_and_refusals(world)
    return world


def names_and_levels(world: World) -> None:
    world.register(OTHER_FILM, STRANGER)
    place = "url:https://studio.example/watch?v=1"
    for level in ("E3", "E3", "E0", "E0"):
        # The second one moves ``since`` though it changes no claim, the fourth one does not.
        world.wait(days=1).claim(place, FILM, STUDIO, level=level)
    world.claim(file("cut"), OTHER_FILM, STRANGER, level="E0")
    world.close_batch().wait(days=1)
    world.claim(place, FILM, STUDIO, level="E0", ended=True)
    world.claim("url:https://studio.example/a%5Eb", FILM, STUDIO)
    world.claim("url:https://studio.example/%%341", FILM, STUDIO)
    # No effect: unknown level, other spellings, a stranger to the work, nothing to end.
    world.claim(file("cut"), FILM, STUDIO, level="E9")
    world.claim("url:https://studio.example/a^b", FILM, STUDIO)
    world.claim("url:https://studio.example/a%21b", FILM, STUDIO)
    world.claim("prefix:https://studio.example/a;b/", FILM, STUDIO)
    world.claim("host:studio.example.", FILM, STUDIO)
    world.claim(file("cut"), FILM, STRANGER)
    world.claim(file("reel"), FILM, STUDIO, ended=True)
    world.close_batch().wait(days=1)


def grants(world: World) -> None:
    first = world.offer(label="first")
    approvals = [world.approve(first, party) for party in world.needed(first).parties]
    # No effect, and no evidence is spent: no grant key signed the token.
    world.issue(first, approvals=approvals, signer=key("log"))
    world.issue(first, approvals=approvals)
    # No effect: the grant exists; an approval too few; an unknown method.
    world.issue(first, approvals=approvals)
    second = world.offer(label="second", supersedes=[first.grant])
    world.issue(second, approved_by=[STUDIO])
    world.issue(second, method="voice")
    # The statements of both are spent, the new ones are not.
    world.issue(second)
    world.supersede(first, second)
    world.close_batch().wait(days=1)
    dispute = world.suspend(second)
    court = world.suspend(second, "dispute")
    world.wait(days=1).withdraw(second, STUDIO)
    # No effect: withdrawn before.
    world.withdraw(second, PUBLISHER)
    world.wait(days=1).resume(second, dispute)
    world.resume(second, court)
    # No effect: no suspension is open there; the grant has ended.
    world.resume(second, court)
    world.suspend(second)
    world.close_batch().wait(days=1)


def keys_that_end(world: World) -> None:
    world.end_key(PUBLISHER)
    world.bind_key(PUBLISHER, "account", method="account")
    third = world.offer(label="third", withdrawal={"by": "any", "notice_s": 86400})
    world.issue(third)
    following = RegistryKey(jwk=key("next account").jwk, use="account", from_=world.clock, until=None)
    ended = [
        msgspec.structs.replace(one, until=world.clock) if one.use == "account" else one for one in world.keyset.keys
    ]
    keyset = msgspec.structs.replace(
        world.keyset,
        registry=world.registry,
        version=2,
        previous=world.keyset.digest,
        keys=tuple(sorted((*ended, following), key=lambda one: one.encode())),
    )
    world.log({"t": "keyset", "version": 2, "digest": world.publish_keyset(keyset)})
    # The approval of the publisher's account is not judged again.
    world.wait(days=1).withdraw(third, STUDIO)
    bound = world.key_of(STUDIO)
    world.bind_key(STUDIO, "second", bound_by=bound)
    world.end_key(STUDIO, bound, suspect_from=world.clock, reason="stolen")
    # No effect: bound before, ended before.
    world.bind_key(STUDIO, "second", bound_by=world.key_of(STUDIO))
    world.end_key(STUDIO, bound)
    world.close_batch().wait(days=1)


def share_sets_and_refusals(world: World) -> None:
    world.bind_key(PUBLISHER, "again")
    # Counted unchecked.
    world.secretive = True
    world.register(uid("song"), STRANGER, kind="music")
    world.secretive = False
    # The film no longer links to the manga, so the manga's holder signs that too.
    world.share(FILM, [STUDIO, AYA], [("contains", uid("song"))])
    world.share(uid("song"), [STRANGER])
    refusal = world.refuse(AYA, vendors=[VENDOR], works=[FILM], uses=["train"])
    # No effect: refused.
    world.issue(world.offer(label="fourth"))
    world.end_refusal(refusal, AYA)
    # No effect: it has ended; time goes back.
    world.end_refusal(refusal, AYA)
    world.log({"t": "party", "time": "2026-11-01T00:00:00Z", "party": uid("late"), "kind": "person", "members": None})
    world.close_batch()
    world.log({"t": "log-close", "reason": "moved", "next": None})
    world.add_party(uid("later"))
    world.close_batch()


def vectors() -> dict[str, Any]:
    """The whole file."""
    world = story()
    return {
        "registry": world.registry,
        "blobs": {digest: raw.decode() for digest, raw in sorted(world.blobs.items())},
        "evidence": {digest: raw.decode() for digest, raw in sorted(world.proofs.items())},
        "events": [event.encode().decode() for event in world.ledger.events],
        "without_effect": [pos for pos, effect in enumerate(world.effects) if effect.alarm is not None],
        "unchecked": sorted(set(world.unchecked)),
        "states": {name: json.loads(state.encode()) for name, state in sorted(world.ledger.states.items())},
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
