"""Every way by which titles come into the database leads through here, in the same transaction."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

from django.db import connection, transaction

from registry.models import SearchEntry, Work, WorkTitle
from registry.search_keys import Entry, entry_of
from transparency.bulk import any_key, chunks, insert

BATCH_WORKS: Final = 2000
# In an entry's id: the length of the main title, then the work's own key. It fits into 53 bits.
WORK_BITS: Final = 40
MAX_LENGTH: Final = 4095
# Four values each; of more than 999 some builds of SQLite take no statement.
ROWS_AT_ONCE: Final = 200
_COLUMNS: Final = ("id", "work_id", "keys", "grams")


def add(entries: Iterable[tuple[int, Entry]]) -> None:
    """Let works be found that were not found before.

    Args:
        entries: the work's primary key, and what ``entry_of`` its titles gives.
    """
    if connection.vendor == "postgresql":
        insert(SearchEntry, _COLUMNS, _rows(entries, _numbers))
        return
    # FTS5 gathers what comes in ascending order and in one statement; the rest it writes bit by bit.
    rows = sorted(_rows(entries, str))
    with connection.cursor() as cursor:
        for some in chunks(rows, ROWS_AT_ONCE):
            marks = ", ".join(["(%s, %s, %s, %s)"] * len(some))
            columns = ", ".join(_COLUMNS)
            # Names and marks only; values go beside.
            cursor.execute(
                f"INSERT INTO registry_searchentry ({columns}) VALUES {marks}",  # noqa: S608
                [value for row in some for value in row],
            )


def renew(works: Sequence[int]) -> None:
    """Let works be found by the titles that they have now.

    Args:
        works: primary keys.
    """
    if works:
        SearchEntry.objects.filter(work__in=any_key(works)).delete()
        add(_entries(works))


def rebuild(progress: Callable[[int], None] = lambda _done: None) -> int:
    """Make all entries anew, in one transaction; the old ones are found until then.

    Args:
        progress: takes how many works are done.

    Returns:
        How many works there are.
    """
    done = 0
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # Who adds works meanwhile waits; who searches does not.
                cursor.execute("LOCK TABLE registry_searchentry IN SHARE ROW EXCLUSIVE MODE")
        SearchEntry.objects.all().delete()
        works = Work.objects.order_by("pk").values_list("pk", flat=True).iterator(BATCH_WORKS)
        for some in chunks(works, BATCH_WORKS):
            add(_entries(some))
            done += len(some)
            progress(done)
        settle()
    return done


def settle() -> None:
    """To be called once after many works: what is new joins the index, so that searches need not read it by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT gin_clean_pending_list(inhrelid::regclass) FROM pg_inherits"
                " WHERE inhparent = 'registry_searchentry_grams'::regclass"
            )


def place(work: int, length: int) -> int:
    """An entry's id."""
    return min(length, MAX_LENGTH) << WORK_BITS | work


def _entries(works: Sequence[int]) -> Iterator[tuple[int, Entry]]:
    titles = WorkTitle.objects.filter(work__in=any_key(works)).order_by("work_id", "pk")
    rows = titles.values_list("work_id", "lang", "form", "text").iterator()
    for work, of_work in groupby(rows, key=itemgetter(0)):
        yield work, entry_of((form, text) for _, _lang, form, text in of_work)


def _rows(entries: Iterable[tuple[int, Entry]], stored: Callable[[str], str]) -> Iterator[tuple[int, int, str, str]]:
    for work, entry in entries:
        yield place(work, entry.length), work, entry.keys, stored(entry.grams)


def _numbers(grams: str) -> str:
    """As PostgreSQL reads an array. Two grams with one number do no harm: what is found is compared again."""
    return "{" + ",".join(map(number, grams.split(" "))) + "}"


@lru_cache(1 << 16)
def number(gram: str) -> str:
    """A gram as a number of 32 bits with sign."""
    unsigned = zlib.crc32(gram.encode())
    return str(unsigned - (1 << 32) if unsigned >> 31 else unsigned)
