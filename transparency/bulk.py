"""Many rows at once, by the fastest way that each database has, without objects in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from django.db import connection, models
from django.db.models.expressions import RawSQL

# SQLite takes 32,766 parameters in one statement; no list of ours comes near it.
ROWS_PER_QUERY = 1000
ROWS_IN_MEMORY = 1000

Values = tuple[Any, ...]
T = TypeVar("T")


def chunks(items: Iterable[T], size: int = ROWS_PER_QUERY) -> Iterator[list[T]]:
    """The items in lists that fit into one statement."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def any_key(keys: Sequence[int]) -> RawSQL:
    """For ``pk__in``: one parameter however many values there are, where Django would make one of each."""
    return _any(keys, "SELECT unnest(%s::bigint[])")


def any_text(texts: Sequence[str]) -> RawSQL:
    """The same for a column of text."""
    return _any(texts, "SELECT unnest(%s::text[])")


def _any(values: Sequence[int] | Sequence[str], of_array: str) -> RawSQL:
    # No word of either statement comes from outside.
    if connection.vendor == "postgresql":
        return RawSQL(of_array, [list(values)])  # noqa: S611
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(values)])


def prepare() -> None:
    """To be called first in a transaction that inserts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Put off until the end, one look at a foreign key for every row would wait in memory.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def take_stock(tables: Iterable[type[models.Model]]) -> None:
    """Tell PostgreSQL how many rows of which kind there are.

    Its planner takes tables that were filled in the same transaction for nearly empty: each look-up would read all of
    one.
    """
    if connection.vendor == "postgresql":
        names = ", ".join(_table(model) for model in tables)
        with connection.cursor() as cursor:
            # Whoever does the same at this moment need not be waited for.
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {names}")


def new_keys(model: type[models.Model], count: int) -> list[int]:
    """Primary keys for rows to come, so that nobody has to ask which they became; within a transaction."""
    table = model._meta.db_table  # noqa: SLF001 - documented by Django
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [key for (key,) in cursor.fetchall()]
        # Its transactions begin with the only lock for writing, so nobody else takes these.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return list(range(last + 1, last + 1 + count))


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Insert rows with values for these columns."""
    names, table = _names(columns), _table(model)
    # All of them before the first goes out: while a connection copies, it waits for ever for any other answer.
    made = list(rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cast("Any", cursor).copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in made:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            # Names of tables and columns only; values go beside.
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", made)  # noqa: S608


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Set these columns.

    Args:
        rows: values for the columns, then the primary key.
    """
    setting = ", ".join(f"{connection.ops.quote_name(column)} = %s" for column in columns)
    table = _table(model)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {setting} WHERE id = %s", list(rows))  # noqa: S608 - as above


def put(model: type[models.Model], columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Store rows in place of those with the same primary key.

    Args:
        columns: the primary key first.
    """
    quote = connection.ops.quote_name
    setting = ", ".join(f"{quote(column)} = excluded.{quote(column)}" for column in columns[1:])
    run_for_each(
        model,
        columns,
        # Names of tables and columns only; values go beside.
        f"INSERT INTO {_table(model)} ({_names(columns)}) SELECT * FROM {{given}} WHERE true "  # noqa: S608
        f"ON CONFLICT ({quote(columns[0])}) DO UPDATE SET {setting}",
        rows,
    )


def run_for_each(model: type[models.Model], columns: Sequence[str], statement: str, rows: Iterable[Values]) -> int:
    """Run a statement over rows, and tell how many it wrote.

    Args:
        columns: of the model, whose types the values have.
        statement: ``{given}`` stands for a table of the rows whose columns have these names.
    """
    taken = list(rows)
    if not taken:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = [list(values) for values in zip(*taken, strict=True)]
            cursor.execute(statement.format(given=_unnested(model, columns)), arrays)
        else:
            cursor.executemany(statement.format(given=_one_row(columns)), taken)
        return int(cursor.rowcount)


def _unnested(model: type[models.Model], columns: Sequence[str]) -> str:
    types = [model._meta.get_field(column).db_type(connection) for column in columns]  # noqa: SLF001 - as below
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in types)}) AS given({_names(columns)})"


def _one_row(columns: Sequence[str]) -> str:
    marks = ", ".join(f"%s AS {connection.ops.quote_name(column)}" for column in columns)
    return f"(SELECT {marks}) AS given"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(connection.ops.quote_name, columns))


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - documented by Django
