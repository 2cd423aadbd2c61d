"""``manage.py serve``: one registry to a port, and little said."""

import signal
import subprocess
import sys
import time

import httpx2
import pytest

from tests.end_to_end.conftest import ROOT, environment
from tests.realservers import free_port, listens


@pytest.fixture
def start(tmp_path, other_maker):
    """Starts a server of the registry that is there; what it says goes to a file."""
    started = []

    def starting(port):
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        with (tmp_path / "server.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment(other_maker), stdout=log, stderr=log)
        started.append(process)
        while not listens(port) and process.poll() is None:
            time.sleep(0.05)
        return process

    yield starting
    for process in started:
        process.terminate()
        process.wait(30)


def test_it_serves_until_it_is_told_to_end_and_says_little(start, tmp_path):
    port = free_port()
    server = start(port)
    assert httpx2.get(f"http://127.0.0.1:{port}/").status_code == 200

    server.send_signal(signal.SIGTERM)

    assert server.wait(30) == 0
    assert not listens(port)
    warned, *said = (tmp_path / "server.log").read_text().splitlines()
    assert warned == "warning: SECRET_KEY is not set; a random one is used until this process ends"
    # The server is a process of its own, and warns of its own.
    assert [line for line in said if line != warned] == [
        f"Serving on http://127.0.0.1:{port}/ until Ctrl-C.",
        "The server has ended.",
    ]


def test_a_port_that_there_is_not_is_named(start, tmp_path):
    assert start(99999).wait(30) == 1
    assert "port 99999 cannot be used" in (tmp_path / "server.log").read_text().splitlines()[-1]


def test_it_never_shares_a_port_with_another_registry(demo, other_maker):
    command = [sys.executable, "manage.py", "serve", "--port", str(demo.running.port)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(other_maker), capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert f"port {demo.running.port} cannot be used" in done.stderr
    assert "Serving" not in done.stdout
