"""A server on this machine, and the sweep beside it that keeps the log alive."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from django.conf import settings

from licences import tasks
from priorconsent.errors import ConflictError, PriorConsentError, UnreachableError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
SWEEP_EVERY_S = 20
START_LIMIT_S = 30
STOP_LIMIT_S = 10


@contextmanager
def serving(port: int, base_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers, until the end of the block.

    Raises:
        ConflictError: the port is taken.
        UnreachableError: the server does not start.
    """
    _check_free(port)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    # granian says much; on a laptop only what goes wrong is of interest.
    command += ["--no-ws", "--backpressure", "64", "--log-level", "warning", "--blocking-threads", "4"]
    command.append("config.wsgi:application")
    environment = {**os.environ, "PRIORCONSENT_BASE_URL": base_url}
    # A session of its own: Ctrl-C reaches this process alone, which then ends the server in order.
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, start_new_session=True) as server:  # noqa: S603
        try:
            _wait(server, port)
            yield server
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_LIMIT_S)
            server.kill()


def address(port: int | None) -> tuple[int, str]:
    """The port to serve on, by default that of the base URL, and the URL that answers there."""
    port = port or urlsplit(settings.PRIORCONSENT_BASE_URL).port or DEFAULT_PORT
    return port, f"http://{HOST}:{port}"


def end_on_sigterm() -> None:
    """Told to end is as good as Ctrl-C: the server ends with this process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def sweep_while(server: subprocess.Popen[bytes], complain: Callable[[str], None]) -> int:
    """Sweep until the server ends; returns its exit code."""
    while True:
        try:
            return server.wait(SWEEP_EVERY_S)
        except subprocess.TimeoutExpired:
            _sweep(complain)


def _sweep(complain: Callable[[str], None]) -> None:
    try:
        tasks.sweep()
    except PriorConsentError as error:
        # Answers go on from what is published, until that is too old.
        complain(f"the sweep failed: {error}")


def _check_free(port: int) -> None:
    # granian shares a port (SO_REUSEPORT): of two registries on one, either would answer by chance.
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConflictError(f"port {port} cannot be used ({why}); choose another: --port N") from None


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit and server.poll() is None:
        if _answers(port):
            return
        time.sleep(0.1)
    raise UnreachableError("the server does not start; what it said stands above")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
