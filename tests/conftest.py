"""Fixtures for every test: how tasks run, and the worker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.realservers import SERVERS
from tests.softhsm import make_softhsm

# A property does not fail because the machine is busy; the rest stays as Hypothesis has it, on CI too.
settings.register_profile("house", settings(), deadline=None)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def tasks_in_process(request):
    """Tasks run at once, on both engines, unless the test asks for the worker."""
    if "worker" in request.fixturenames:
        yield
        return
    from config.celery import app

    before = app.conf.task_always_eager
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = before


@pytest.fixture(scope="session")
def worker_process(pytestconfig, django_db_setup) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker on the test database; it ends before that database does."""
    from django.db import connection

    from config.celery import app

    servers = pytestconfig.stash[SERVERS]
    database_url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" + connection.settings_dict["NAME"]
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=prefork", "--concurrency=1"]
    process = servers.start(
        [*command, "--include=tests.server.tasks", "--without-gossip", "--without-mingle"],
        lambda: app.control.ping(timeout=0.5),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
    )
    yield process
    servers.end(process)


@pytest.fixture
def worker(worker_process, transactional_db) -> Iterator[subprocess.Popen[bytes]]:
    """Tasks go through Redis to another process; mark the test ``postgresql``."""
    from config.celery import app

    app.conf.task_always_eager = False
    yield worker_process
    app.control.purge()


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory):
    """Tokens in software, for keys that never leave them."""
    return make_softhsm(tmp_path_factory.mktemp("softhsm"))
