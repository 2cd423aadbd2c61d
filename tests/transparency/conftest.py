"""A founded registry in a folder of its own; tests sequence by their own clock."""

import pytest

from priorconsent import times
from priorconsent.log.countersigners import Countersigners
from priorconsent.witness import asking
from tests.transparency.cast import DAY_1, Cast
from tests.witnessing import RunningWitness
from transparency.append import sequenced_by_caller
from transparency.keysets import found_registry
from transparency.policies import verifiers
from transparency.signers import make_keys
from transparency.witnesses import forget


@pytest.fixture
def folder(settings, tmp_path):
    """Where this test's registry keeps its files."""
    settings.PRIORCONSENT_DATA = tmp_path
    settings.PRIORCONSENT_KEY_DIR = tmp_path / "keys"
    settings.PRIORCONSENT_KEY_DELAY_S = 0
    return tmp_path


@pytest.fixture
def registry(folder, db):
    with sequenced_by_caller():
        yield found_registry(DAY_1)


@pytest.fixture
def committed_registry(folder, transactional_db):
    """The same for tests with several connections: everything is committed."""
    with sequenced_by_caller():
        yield found_registry(DAY_1)


@pytest.fixture
def cast(registry):
    return Cast(registry)


@pytest.fixture(scope="session")
def three_witnesses(tmp_path_factory):
    """Programs of their own; they know no log yet."""
    folder = tmp_path_factory.mktemp("witnesses")
    started = [RunningWitness(folder / f"w{number}", f"witness.example/{number}") for number in (1, 2, 3)]
    yield started
    for one in started:
        one.stop()
    asking.close()


@pytest.fixture
def witnesses(three_witnesses, folder, settings, tmp_path_factory):
    """Three of them, two of which have to countersign; the log, whose keys are there, has a name of its own."""
    settings.PRIORCONSENT_ORIGIN = f"localhost/{tmp_path_factory.mktemp('log').name}/1"
    make_keys(root=True)
    [verifier] = verifiers()
    for one in three_witnesses:
        one.add(verifier.vkey())
        if one.process is None:
            one.start()
    settings.PRIORCONSENT_WITNESS_POLICY = asks(three_witnesses)
    forget()
    return three_witnesses


def asks(witnesses, how_many=2):
    lines = [f"witness {number} {one.keys[0].vkey()} {one.url}" for number, one in enumerate(witnesses, 1)]
    members = " ".join(str(number) for number in range(1, len(witnesses) + 1))
    return Countersigners.parse("\n".join([*lines, f"group enough {how_many} {members}", "quorum enough", ""]))


@pytest.fixture
def witnessed(witnesses, db):
    """A registry that was founded a moment ago and publishes only what two of three witnesses countersigned."""
    with sequenced_by_caller():
        registry = found_registry(times.now())
        yield Cast(registry)
