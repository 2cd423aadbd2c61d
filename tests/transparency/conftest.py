"""A founded registry in a folder of its own; tests sequence by their own clock."""

import pytest

from tests.transparency.cast import DAY_1, Cast
from transparency.append import sequenced_by_caller
from transparency.keys import found_registry


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
