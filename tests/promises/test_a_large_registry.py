"""The promises where the map is so large that its snapshot comes later: nothing that has ended is a yes meanwhile."""

import shutil

import pytest

from api import published
from licences.states import State
from priorconsent import home
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from tests.promises.asking import Told, ask, question
from transparency import snapshots
from transparency.store import own_trust

YES = Told("permitted", "granted")


@pytest.fixture(autouse=True)
def large(cast, monkeypatch):
    """From the first snapshot on, each name counts as a million."""
    cast.publish()
    monkeypatch.setattr(snapshots, "PAUSE_S_PER_MILLION_NAMES", 10**12)


@pytest.fixture
def restart():
    """The server's process ends and begins again."""

    def again():
        for name in ("_opened", "_largest"):
            getattr(published, name).clear()

    return again


def test_a_yes_and_its_end_are_told_as_soon_as_their_checkpoints_are_public(cast, folder, restart):
    snapshots_before = files(folder)
    offer = cast.grant_at(State.ACTIVE)
    assert ask(cast).reason == "no_grant"
    cast.publish()
    assert ask(cast) == YES
    cast.wait(60)
    cast.withdraw(offer, cast.studio)
    assert ask(cast) == YES
    cast.publish()

    assert ask(cast) == Told("not_permitted", "withdrawn")
    restart()
    assert ask(cast) == Told("not_permitted", "withdrawn")
    assert files(folder) == snapshots_before


def files(folder):
    return set((folder / "public" / "snapshots").iterdir())


def test_a_server_that_cannot_follow_says_nothing(cast, folder, restart):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    assert ask(cast) == YES
    cast.withdraw(offer, cast.studio)
    cast.publish()
    shutil.rmtree(folder / "changes")
    assert ask(cast) == Told("", "unverified_snapshot")
    restart()
    assert ask(cast) == Told("", "unverified_snapshot")

    snapshots.write()
    assert ask(cast) == Told("not_permitted", "withdrawn")


def test_whoever_fetched_the_older_snapshot_is_told_which_checkpoint_it_is_of(cast, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    snapshots.write()
    size = own_size(cast)
    cast.withdraw(offer, cast.studio)
    cast.publish()
    newest = max((folder / "public" / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))

    answer = home.ask(question(cast), newest, own_trust(), now=cast.now)
    assert answer.decision.reason == "granted"
    assert answer.checkpoint is not None
    assert answer.checkpoint["size"] == size < own_size(cast)
    assert Told(*tell(home.ask(question(cast), newest, own_trust(), now=answer.checkpoint["fresh_until"]))) == Told(
        "not_permitted", "stale_snapshot"
    )


def tell(answer):
    return answer.decision.verdict, answer.decision.reason


def own_size(cast):
    with published.reading(cast.now) as current:
        return current.size


def test_whoever_saw_the_newest_checkpoint_does_not_go_back_to_an_older_snapshot(cast, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    snapshots.write()
    cast.withdraw(offer, cast.studio)
    cast.publish()
    with published.reading(cast.now) as current:
        home.admit(current.map.head, own_trust(), cast.now)
    newest = max((folder / "public" / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))

    assert home.ask(question(cast), newest, own_trust(), now=cast.now).decision.reason == "stale_snapshot"


def test_an_auditor_finds_the_older_snapshot_in_order(cast, folder):
    cast.grant_at(State.ACTIVE)
    cast.publish()
    assert fsck(Folder(folder / "public"), own_trust()).exit_code == Exit.PERMITTED
