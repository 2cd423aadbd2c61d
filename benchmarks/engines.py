"""An empty database of either engine, migrated, with a folder for its registry's files. In a process of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENGINES = ("sqlite", "postgresql")


@contextmanager
def database(engine: str, *, durable: bool = False) -> Iterator[Path]:
    """Set Django up for a fresh database; gives the data folder.

    Args:
        durable: PostgreSQL tells the disk, as in production; SQLite does so always.
    """
    from tests.realservers import Servers

    servers = Servers()
    try:
        with tempfile.TemporaryDirectory() as folder:
            if engine == "postgresql":
                os.environ["DATABASE_URL"] = servers.start_postgresql(durable=durable)
            os.environ |= {"PRIORCONSENT_DATA": folder, "SECRET_KEY": "of a benchmark" * 4}
            # That the keys of a benchmark are not encrypted is known.
            os.environ["PRIORCONSENT_LOG_LEVEL"] = "error"
            set_up()
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0, interactive=False)
            yield Path(folder)
            connection.close()
    finally:
        servers.stop()


def set_up() -> None:
    """Set Django up by the environment, as ``manage.py`` does."""
    import django

    from config.env import use_settings

    use_settings()
    django.setup()
