"""The demo as a newcomer sees it: started by its command, in a folder of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.demo.remains import Folder, Note
from priorconsent.trust import Trust, read_trust
from tests.realservers import SETTINGS, free_port

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 150
PRINTED = re.compile(r"# (?P<says>.*) \(exit (?P<code>[0-9])\)\n(?P<line>.+)\n")


def environment(data: Path, **more: str) -> dict[str, str]:
    """A newcomer's: nothing is set but where the data goes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    settings = {"PRIORCONSENT_DATA": str(data), "XDG_STATE_HOME": str(data / "seen"), "LANG": "C.UTF-8"}
    return {**kept, **settings, **more}


def run_demo(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A run that ends by itself."""
    command = [sys.executable, "manage.py", "demo", *options]
    return subprocess.run(command, cwd=ROOT, env=environment(data), capture_output=True, text=True, check=False)


class Running:
    """A demo that serves.

    Args:
        printed: everything it said, from its start until it served.
    """

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.url = f"http://127.0.0.1:{port}"
        self.log = data.parent / f"{data.name}-{port}.log"
        self._errors = self.log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "demo", "--port", str(port)],
            cwd=ROOT,
            env=environment(data),
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self.printed = ""

    def lines(self) -> Iterator[str]:
        """What it prints, line by line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            yield line

    def wait(self) -> Running:
        """Read until it serves."""
        watchdog = threading.Timer(START_LIMIT_S, self.process.kill)
        watchdog.start()
        for line in self.lines():
            if line.startswith("Serving on"):
                watchdog.cancel()
                return self
        raise AssertionError(f"the demo did not serve: {self.printed}{self.log.read_text()}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it as a service manager or Ctrl-C does; its exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self._errors.close()


@dataclass(frozen=True)
class Demo:
    """The one demo that most tests look at.

    Args:
        printed: as of ``Running``.
    """

    running: Running
    folder: Folder
    note: Note
    trust: Trust

    @property
    def data(self) -> Path:
        return self.running.data

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def trust_file(self) -> Path:
        return self.data / "trust.json"

    def commands(self) -> list[tuple[str, int, str]]:
        """What it says, exit code and line of each command printed."""
        found = PRINTED.finditer(self.running.printed)
        return [(one["says"], int(one["code"]), one["line"]) for one in found]

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """A line pasted into another terminal, after the ``cd`` that was printed first."""
        [first] = re.findall(r"^cd .+$", self.running.printed, re.MULTILINE)
        return subprocess.run(
            ["sh", "-c", f"{first}\n{line}"], env=environment(self.data), capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Demo]:
    data = tmp_path_factory.mktemp("demo") / "var"
    running = Running(data, free_port())
    try:
        running.wait()
        folder = Folder(data)
        note = folder.read_note()
        assert note is not None
        yield Demo(running, folder, note, read_trust((data / "trust.json").read_bytes()))
    finally:
        running.end()


@pytest.fixture(scope="session")
def other_maker(tmp_path_factory):
    """A folder that holds a registry of somebody else's."""
    data = tmp_path_factory.mktemp("other") / "var"
    for command in ("migrate", "found_registry"):
        subprocess.run(
            [sys.executable, "manage.py", command], cwd=ROOT, env=environment(data), check=True, capture_output=True
        )
    return data
