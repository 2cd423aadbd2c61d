"""A registrant, small invented catalogues, and the real ones where they lie beside the checkout."""

from pathlib import Path

import pytest

from priorconsent.errors import PriorConsentError
from registry import ids
from registry.imports.importing import Options, import_works
from registry.imports.mapping import read_map
from registry.imports.problems import Problem
from registry.models import (
    CatalogueEntry,
    Identifier,
    Import,
    Locator,
    Party,
    SearchEntry,
    SuggestedHolder,
    SuggestedLink,
    Work,
    WorkChange,
    WorkTitle,
)
from tests.cast import OPERATOR
from tests.stage import cast, folder, openings

__all__ = ["cast", "folder", "openings"]

NOW, LATER = "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"
ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT.parent / "shared" / "data" / "works"
MAPS = ROOT / "registry" / "imports" / "maps"

MAP = """
catalogue = "ours"
kind = { column = "kind", values = { tv = "series", movie = "film" } }
date = { column = "date" }
rights_statement = "printed"
[[identifiers]]
scheme = "ours"
column = "no"
[[titles]]
column = "title"
lang = "ja"
[[titles]]
column = "kana"
lang = "ja-Kana"
form = "kana"
[[holders]]
column = "holders"
separator = "|"
split = "parts"
[[links]]
column = "source"
none = ["Original"]
"""
TOUCHED = (
    *(Work, WorkTitle, Identifier, Locator, SuggestedHolder, SuggestedLink),
    *(CatalogueEntry, WorkChange, Import, SearchEntry),
)
HEADER = "no,kind,title,kana,date,printed,holders,parts,source"
ROWS = (
    "1,tv,風の町,カゼノマチ,2024-05,©風の町製作委員会,Studio A|Studio B,60%|40%,Original",
    "2,movie,風の町,,1999,,Studio A,100%,Manga",
    "3,movie,海の声,,,,,,Original",
)


class Importing:
    """Imports for one registrant, and what was remarked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.party = Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=NOW).urn
        self.problems: list[Problem] = []

    def __call__(self, source, chart=MAP, now=NOW, registrant=None, progress=lambda _done, _total: None, **options):
        """Import a path or bytes."""
        self.problems = []
        if isinstance(chart, str):
            (self.folder / "map.toml").write_text(chart, encoding="utf-8")
            chart = self.folder / "map.toml"
        if isinstance(source, bytes):
            source = self.write("catalogue.csv", source)
        return import_works(
            OPERATOR,
            registrant or self.party,
            source,
            read_map(chart),
            Options(**options),
            self.problems.append,
            progress,
            now,
        )

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def refused(self, *args, **options) -> str:
        with pytest.raises(PriorConsentError) as caught:
            self(*args, **options)
        return caught.value.detail

    @property
    def places(self) -> list[tuple[str, int, str]]:
        return [(problem.level, problem.line, problem.column) for problem in self.problems]


@pytest.fixture
def importing(db, tmp_path):
    return Importing(tmp_path)


def catalogue(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *(rows or ROWS), ""]).encode()


def everything():
    """All rows that an import could touch."""
    return {model: sorted(model.objects.values_list(), key=repr) for model in TOUCHED}


def numbered(value, scheme="ours"):
    return Work.objects.get(identifiers__scheme=scheme, identifiers__value=value)


def real(name: str) -> Path:
    if not CATALOGUES.exists():
        pytest.skip("the real catalogues do not lie beside this checkout")
    return CATALOGUES / name
