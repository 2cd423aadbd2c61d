"""The real anime catalogue as any spreadsheet shows it, without the code that imports it."""

import csv
from dataclasses import dataclass

from tests.imports.conftest import real

NAME = "anime_works.csv"


@dataclass(frozen=True)
class Row:
    """A work of the catalogue; producers in the order of the file."""

    number: str
    title: str
    japanese: str
    source: str
    producers: tuple[str, ...]


def path():
    return real(NAME)


def rows() -> list[Row]:
    with path().open(encoding="utf-8", newline="") as file:
        return [
            Row(
                number=one["mal_id"],
                title=one["title"],
                japanese=one["title_japanese"],
                source=one["source"],
                producers=tuple(name for name in one["producers"].split("|") if name),
            )
            for one in csv.DictReader(file)
        ]


def titled(title: str) -> Row:
    [found] = [row for row in rows() if row.title == title]
    return found
