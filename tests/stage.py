"""Fixtures for whoever plays with the cast: import them into a ``conftest.py``.

The opening is the same for every test, so it is played once; later tests get its rows and files back.
"""

import shutil
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from tests.cast import Cast, open_stage
from transparency.append import sequenced_by_caller

APPS = frozenset({"transparency", "registry", "licences"})


class Opening:
    """What the opening left behind: the cast, the rows of every table, the files."""

    def __init__(self, cast: Cast, folder: Path, files: Path) -> None:
        self.cast = twin(cast)
        self.rows = {model: list(model._base_manager.values()) for model in tables()}
        self.files = shutil.copytree(folder, files)

    def again(self, folder: Path) -> Cast:
        with transaction.atomic():
            for model, rows in self.rows.items():
                model._base_manager.bulk_create(model(**row) for row in rows)
        with connection.cursor() as cursor:
            # PostgreSQL counts on its own, and does not see the ids that came with the rows.
            for statement in connection.ops.sequence_reset_sql(no_style(), list(self.rows)):
                cursor.execute(statement)
        shutil.copytree(self.files, folder, dirs_exist_ok=True)
        return twin(self.cast)


def tables() -> list[type[Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in APPS]


@pytest.fixture(scope="session")
def openings() -> dict[str, Opening]:
    """The one opening, once it has been played."""
    return {}


@pytest.fixture
def folder(settings, tmp_path):
    """Where this test's registry keeps its keys and files; the delay of first keys is three days."""
    settings.PRIORCONSENT_DATA = tmp_path / "data"
    settings.PRIORCONSENT_KEY_DIR = tmp_path / "data" / "keys"
    settings.PRIORCONSENT_KEY_DELAY_S = 259_200
    settings.PRIORCONSENT_DATA.mkdir()
    return settings.PRIORCONSENT_DATA


def play(openings: dict[str, Opening], folder: Path, files: Path) -> Cast:
    if "one" in openings:
        return openings["one"].again(folder)
    cast = open_stage()
    openings["one"] = Opening(cast, folder, files)
    return cast


def twin(cast: Cast) -> Cast:
    other = copy(cast)
    other.players, other.works = dict(cast.players), dict(cast.works)
    return other


@pytest.fixture
def cast(folder, db, openings, tmp_path_factory) -> Iterator[Cast]:
    """Everybody is there; tests sequence by the cast's clock."""
    with sequenced_by_caller():
        yield play(openings, folder, tmp_path_factory.mktemp("opening") / "files")


@pytest.fixture
def committed_cast(folder, transactional_db, openings, tmp_path_factory) -> Iterator[Cast]:
    """The same for tests with several connections: everything is committed."""
    with sequenced_by_caller():
        yield play(openings, folder, tmp_path_factory.mktemp("opening") / "files")
