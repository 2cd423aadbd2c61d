"""Requests over HTTP that end, within so many seconds and bytes, whatever the other side does.

The library waits so long for the *next* bytes. Whoever sends one byte at a time, in the headers to begin with, could
keep a caller for days, and with it whatever waits for the answer.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

from priorconsent.errors import UnreachableError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Whatever ends a request before it is answered.
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OSError)


class BoundedClient:
    """A client whose requests end in time.

    For one server: what is late there ends every request that is under way.

    Args:
        client: closed with this object.
    """

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    @contextmanager
    def stream(self, method: str, url: str, within_s: float, **options: Any) -> Iterator[httpx2.Response]:
        """An answer, whose body is read within the block.

        Args:
            within_s: from now until the end of the block.
            options: as of ``httpx2.Client.stream``.

        Raises:
            httpx2.ReadTimeout: it took longer. Whatever else the library raises passes through.
        """
        late = threading.Event()
        timer = threading.Timer(within_s, self._end, (late,))
        timer.daemon = True
        timer.start()
        try:
            with self._client.stream(method, url, extensions={"trace": self._note}, **options) as response:
                yield response
        except httpx2.HTTPError as error:
            if late.is_set():
                raise _took_too_long(within_s) from error
            raise
        finally:
            timer.cancel()
        # A body that ends with its connection would look whole.
        if late.is_set():
            raise _took_too_long(within_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _note(self, _: str, told: dict[str, Any]) -> None:
        """Learn of each connection that is opened."""
        stream: Any = told.get("return_value")
        if hasattr(stream, "get_extra_info"):
            with self._lock:
                self._sockets.add(stream.get_extra_info("socket"))

    def _end(self, late: threading.Event) -> None:
        late.set()
        with self._lock:
            opened = list(self._sockets)
        for one in opened:
            # Not closed: its number could be another one's before the thread that reads from it wakes up.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def client(
    *, connect_s: float, read_s: float, local: bool, transport: httpx2.BaseTransport | None = None
) -> BoundedClient:
    """A client for one server; closed after use.

    Args:
        connect_s, read_s: how long to wait for a connection, and for the next bytes.
        local: the server is on this machine, and no proxy is asked.
    """
    return BoundedClient(
        httpx2.Client(
            timeout=httpx2.Timeout(read_s, connect=connect_s),
            follow_redirects=False,
            # Unpacking would have to be bounded too.
            headers={"accept-encoding": "identity", "user-agent": "priorconsent"},
            trust_env=not local,
            transport=transport,
        )
    )


def chunks(response: httpx2.Response, max_bytes: int) -> Iterator[bytes]:
    """The body as it comes.

    Raises:
        UnreachableError: longer, or in an encoding, which could unpack to anything.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise UnreachableError(f"{response.url} answered in an encoding that was not asked for")
    received = 0
    for chunk in response.iter_raw():
        received += len(chunk)
        if received > max_bytes:
            raise UnreachableError(f"{response.url} sent more than {max_bytes} bytes")
        yield chunk


def _took_too_long(within_s: float) -> httpx2.ReadTimeout:
    return httpx2.ReadTimeout(f"the answer took longer than {within_s:g} s")
