"""Many rows in one statement, by the way that suits each database, without objects in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

Row = tuple[Any, ...]


def put(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Store rows in place of those with the same primary key.

    Args:
        columns: the primary key first.
    """
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns))
    setting = ", ".join(f"{quote(column)} = excluded.{quote(column)}" for column in columns[1:])
    run_for_each(
        model,
        columns,
        # Names of tables and columns only; values go beside.
        f"INSERT INTO {quote(_table(model))} ({names}) SELECT * FROM {{given}} WHERE true "  # noqa: S608
        f"ON CONFLICT ({quote(columns[0])}) DO UPDATE SET {setting}",
        rows,
    )


def run_for_each(model: type[models.Model], columns: Sequence[str], statement: str, rows: Iterable[Row]) -> int:
    """Run a statement over rows, and tell how many it wrote.

    Args:
        columns: of the model, whose types the values have.
        statement: ``{given}`` stands for a table of the rows whose columns have these names.
    """
    taken = list(rows)
    if not taken:
        return 0
    given, values = _as_arrays(model, columns, taken) if connection.vendor == "postgresql" else _one_by_one(columns)
    with connection.cursor() as cursor:
        if values is None:
            cursor.executemany(statement.format(given=given), taken)
        else:
            cursor.execute(statement.format(given=given), values)
        return int(cursor.rowcount)


def _as_arrays(model: type[models.Model], columns: Sequence[str], rows: list[Row]) -> tuple[str, list[list[Any]]]:
    fields = model._meta.get_field  # noqa: SLF001 - documented by Django
    arrays = ", ".join(f"%s::{fields(column).db_type(connection)}[]" for column in columns)
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"unnest({arrays}) AS given({names})", [list(values) for values in zip(*rows, strict=True)]


def _one_by_one(columns: Sequence[str]) -> tuple[str, None]:
    marks = ", ".join(f"%s AS {connection.ops.quote_name(column)}" for column in columns)
    return f"(SELECT {marks}) AS given", None


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - documented by Django
