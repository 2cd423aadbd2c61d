"""Fixtures for whoever plays with the cast: import them into a ``conftest.py``."""

import pytest

from tests.cast import Cast, open_stage
from transparency.append import sequenced_by_caller


@pytest.fixture
def folder(settings, tmp_path):
    """Where this test's registry keeps its keys and files; the delay of first keys is three days."""
    settings.PRIORCONSENT_DATA = tmp_path
    settings.PRIORCONSENT_KEY_DIR = tmp_path / "keys"
    settings.PRIORCONSENT_KEY_DELAY_S = 259_200
    return tmp_path


@pytest.fixture
def cast(folder, db) -> Cast:
    """Everybody is there; tests sequence by the cast's clock."""
    with sequenced_by_caller():
        yield open_stage()


@pytest.fixture
def committed_cast(folder, transactional_db) -> Cast:
    """The same for tests with several connections: everything is committed."""
    with sequenced_by_caller():
        yield open_stage()
