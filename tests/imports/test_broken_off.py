"""The machine stops in the middle of an import."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from registry.models import Import, Work, WorkTitle
from tests.imports.conftest import HEADER, MAP, ROOT, Importing

ROWS, BATCH = 30_000, 200
SLOWEST_S = 60


@pytest.fixture
def committed(transactional_db, tmp_path):
    return Importing(tmp_path)


def start(importing, path, *options):
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" if connection.vendor == "postgresql" else "sqlite:///"
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "manage.py", "import_works", path, "--map", path.parent / "map.toml"]
    return subprocess.Popen(
        [*command, "--registrant", importing.party, "--batch", str(BATCH), *options],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url + name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(process, happens):
    begin = time.monotonic()
    while not happens():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() - begin < SLOWEST_S
        time.sleep(0.01)


@pytest.mark.parametrize("whole", [True, False])
def test_kill_9_leaves_none_or_whole_batches_and_the_next_run_completes_it(committed, whole):
    lines = [HEADER, *(f"{number},tv,=題{number},,,,A|B,,Manga" for number in range(ROWS)), ""]
    path = committed.write("catalogue.csv", "\n".join(lines).encode())
    report = path.with_suffix(".jsonl")
    (path.parent / "map.toml").write_text(MAP, encoding="utf-8")
    process = start(committed, path, "--all-or-nothing" if whole else "--by-batch", "--report", str(report))
    # Each row is remarked on, and the report is written out after each batch.
    wait_for(process, lambda: report.exists() and report.stat().st_size > 100_000 and (whole or Work.objects.exists()))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    stored = Work.objects.count()
    assert WorkTitle.objects.count() == stored
    if whole:
        assert (stored, Import.objects.count()) == (0, 0)
    else:
        assert 0 < stored < ROWS
        assert stored % BATCH == 0
        assert Import.objects.get().finished_at == ""
    summary = committed(path, whole=whole)
    assert (summary.added, summary.unchanged) == (ROWS - stored, stored)
    assert Work.objects.count() == WorkTitle.objects.count() == ROWS
