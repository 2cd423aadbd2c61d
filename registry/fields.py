"""Columns that each database keeps in its own way."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class Grams(models.TextField):  # type: ignore[type-arg]  # none when it runs
    """Pieces of text to look up: numbers in an array on PostgreSQL, words with blanks between them on SQLite."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type."""
        return "integer[]" if connection.vendor == "postgresql" else "text"

    def get_internal_type(self) -> str:
        """Of a kind of its own, so that Django puts no two arrays into one."""
        return type(self).__name__

    def get_prep_value(self, value: Any) -> Any:
        """As it was read."""
        return value
