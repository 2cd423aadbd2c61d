"""HTTP as it is spoken to others: no redirect followed unseen, nothing unpacked, and a budget for each answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2

from priorconsent.errors import UnreachableError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Whatever ends a request before it is answered.
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OSError)


def client(*, connect_s: float, read_s: float, local: bool, **more: Any) -> httpx2.Client:
    """A client; closed after use.

    Args:
        connect_s, read_s: how long to wait for a connection, and for the next bytes.
        local: asks this machine alone, by no proxy.
        more: other arguments of the client.
    """
    return httpx2.Client(
        timeout=httpx2.Timeout(read_s, connect=connect_s),
        follow_redirects=False,
        # Unpacking would have to be bounded too.
        headers={"accept-encoding": "identity", "user-agent": "priorconsent"},
        trust_env=not local,
        **more,
    )


def chunks(response: httpx2.Response, url: str, max_bytes: int, deadline: float) -> Iterator[bytes]:
    """The body of an answer, piece by piece.

    Args:
        deadline: by ``time.monotonic``; also against a server that sends a byte a minute.

    Raises:
        UnreachableError: packed, too much, or too slow.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise UnreachableError(f"{url} answered in an encoding that was not asked for")
    received = 0
    for chunk in response.iter_raw():
        received += len(chunk)
        if received > max_bytes:
            raise UnreachableError(f"{url} sent more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise UnreachableError(f"{url} took too long")
        yield chunk
