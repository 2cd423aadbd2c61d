"""Promise 3 where an operator looked: a check is of the share set that lay on the table, and nobody swaps it later.

The studio shows its documents, and they are in order. The registrant alone signs the first share set, so it could
then sign another one than was looked at: without its co-holder, without the manga, or called complete.
"""

from typing import Any

import pytest

from licences.problems import NotGrantableError
from priorconsent import canonical, names
from priorconsent.reasons import Verdict
from tests.promises.asking import Told, ask

FILE = canonical.digest(b"a short film")
SEEN: dict[str, Any] = {"who": ("studio", "broadcaster"), "links": [("based_on", "manga")], "complete": True}
CHEATS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "without the co-holder": (SEEN, {"who": ("studio",)}),
    "without the manga": (SEEN, {"links": []}),
    "called complete": ({**SEEN, "who": ("studio",), "complete": False}, {"complete": True}),
}


@pytest.fixture
def short(cast):
    """A work of the studio, with a file that nobody doubts."""
    cast.register("short", "film", cast.studio)
    cast.log()
    cast.check_names(cast.studio, "short", [FILE])
    cast.claim(cast.studio, FILE, "short")
    return "short"


def proposed(cast, who, links, complete):
    shares = [("copyright", cast.players[name]) for name in who]
    return cast.propose("short", shares, links, complete=complete, by=cast.studio)


def grant(cast):
    """Whatever it takes to come to a grant."""
    offer = cast.offer(works=[cast.works["short"]], bindings=["digest"], locators=[])
    for party in offer.needs:
        cast.approve(offer, next(player for player in cast.players.values() if player.party == party))
    cast.issue(cast.accept(offer))


def answer(cast):
    cast.publish()
    cast.wait(1)
    return ask(cast, sha256=FILE)


def holders(cast):
    return cast.state(names.work(cast.works["short"])).holders


def test_what_was_checked_is_signed_and_becomes_a_yes(cast, short, folder):
    row = proposed(cast, **SEEN)
    cast.check_shares(row)
    cast.sign_shares(row, cast.studio)
    cast.log()
    assert {holder.level for holder in holders(cast)} == {"E3"}
    grant(cast)
    assert answer(cast) == Told("permitted", "granted")


@pytest.mark.parametrize("cheat", CHEATS)
def test_another_set_than_was_checked_never_becomes_a_yes(cast, short, folder, cheat):
    seen, other = CHEATS[cheat]
    cast.check_shares(proposed(cast, **seen))
    row = proposed(cast, **seen | other)
    assert cast.sign_shares(row, cast.studio).state == "sent"
    cast.log()
    assert {holder.level for holder in holders(cast)} == {"E0"}
    with pytest.raises(NotGrantableError, match="on its own word alone"):
        grant(cast)
    assert answer(cast) == Told(Verdict.NOT_PERMITTED.value, "no_grant")
