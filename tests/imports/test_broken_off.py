"""The machine stops in the middle of an import."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from registry.imports.batches import AHEAD_FROM_BYTES
from registry.models import CatalogueEntry, Import, Work, WorkTitle
from tests.imports.conftest import HEADER, MAP, ROOT, Importing

BATCH = 200
SLOWEST_S = 60


@pytest.fixture
def committed(transactional_db, tmp_path):
    return Importing(tmp_path)


def start(importing, path, *options, stderr=subprocess.DEVNULL):
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" if connection.vendor == "postgresql" else "sqlite:///"
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "manage.py", "import_works", path, "--map", path.parent / "map.toml"]
    return subprocess.Popen(
        [*command, "--registrant", importing.party, "--batch", str(BATCH), *options],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url + name},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def wait_until(happens):
    begin = time.monotonic()
    while not happens():
        assert time.monotonic() - begin < SLOWEST_S
        time.sleep(0.01)


def children(process):
    """The processes that it has started, as far as the machine tells."""
    if not Path("/proc").exists():
        pytest.skip("only Linux tells which processes a process has started")
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def is_alive(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("rows", "printed", "processes"), [(20_000, "", 1), (15_000, "©" * 300, 2)])
def test_kill_9_leaves_none_or_whole_batches_and_the_next_run_completes_it(committed, whole, rows, printed, processes):
    lines = [HEADER, *(f"{number},tv,=題{number},,,{printed},A|B,,Manga" for number in range(rows)), ""]
    path = committed.write("catalogue.csv", "\n".join(lines).encode())
    assert (path.stat().st_size >= AHEAD_FROM_BYTES) == (processes > 1)
    report = path.with_suffix(".report")
    (path.parent / "map.toml").write_text(MAP, encoding="utf-8")
    process = start(committed, path, "--all-or-nothing" if whole else "--by-batch", "--report", str(report))

    def has_begun():
        assert process.poll() is None, "it ended before it could be killed"
        # Each row is remarked on, and the report is written out after each batch.
        return report.exists() and report.stat().st_size > 100_000 and (whole or Work.objects.exists())

    wait_until(has_begun)
    readers = children(process)
    assert bool(readers) == (processes > 1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, readers)))
    stored = Work.objects.count()
    assert WorkTitle.objects.count() == CatalogueEntry.objects.count() == stored
    if whole:
        assert (stored, Import.objects.count()) == (0, 0)
    else:
        assert 0 < stored < rows
        assert stored % BATCH == 0
        assert Import.objects.get().finished_at == ""
    summary = committed(path, whole=whole)
    assert (summary.added, summary.unchanged) == (rows - stored, stored)
    assert Work.objects.count() == WorkTitle.objects.count() == rows


def test_a_reader_that_is_killed_leaves_none_of_the_file(committed):
    lines = [HEADER, *(f"{number},tv,=題{number},,,{'©' * 300},A|B,,Manga" for number in range(15_000)), ""]
    path = committed.write("catalogue.csv", "\n".join(lines).encode())
    report = path.with_suffix(".report")
    (path.parent / "map.toml").write_text(MAP, encoding="utf-8")
    process = start(committed, path, "--report", str(report))
    wait_until(lambda: report.exists() and report.stat().st_size > 100_000)
    for reader in children(process):
        os.kill(int(reader), signal.SIGKILL)
    assert process.wait() == 1
    assert (Work.objects.count(), Import.objects.count()) == (0, 0)


@pytest.mark.parametrize("whole", [True, False])
def test_whoever_breaks_off_is_told_what_is_left(committed, whole):
    lines = [HEADER, *(f"{number},tv,=題{number},,,,A|B,,Manga" for number in range(20_000)), ""]
    path = committed.write("catalogue.csv", "\n".join(lines).encode())
    report = path.with_suffix(".report")
    (path.parent / "map.toml").write_text(MAP, encoding="utf-8")
    options = ["--report", str(report), "--all-or-nothing" if whole else "--by-batch"]
    process = start(committed, path, *options, stderr=subprocess.PIPE)
    wait_until(lambda: report.exists() and report.stat().st_size > 100_000)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    left = "nothing was stored" if whole else "whole batches stay: run it again"
    assert said.decode().endswith(f"CommandError: broken off; {left}\n")
    assert (Work.objects.count() == 0) == whole
    assert Work.objects.count() % BATCH == 0
