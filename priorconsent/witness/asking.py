"""The side of the log: ask a witness for its cosignature, or for what it has seen last.

Whatever goes wrong is one of our errors, and then there is no cosignature. Nothing is believed here: lines are
verified by who knows the witness's key, checkpoints by who knows the log's.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import httpx2

from priorconsent import bounded
from priorconsent.bounded import BoundedClient
from priorconsent.errors import MalformedError, NotTrustedError, UnreachableError
from priorconsent.log.note import SignatureLine
from priorconsent.witness.protocol import (
    ADD_CHECKPOINT,
    MAX_ANSWER_BYTES,
    SIZE_TYPE,
    Submission,
    monitoring_path,
    read_lines,
    read_size,
)

# A publication waits for them, so a witness is quick, or late.
CONNECT_TIMEOUT_S = 1.5
READ_TIMEOUT_S = 3.0
# Also against one that answers a byte a second; twice this, if the connection broke and is tried once more.
REQUEST_S = 4.0
TRIES = 2

_REFUSALS = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)

_lock = threading.Lock()
_clients: dict[str, BoundedClient] = {}


class WitnessRefusedError(NotTrustedError):
    """A witness that could be reached does not cosign."""

    code = "witness_refused"


@dataclass(frozen=True, slots=True)
class Held:
    """The witness says that it has cosigned another size last."""

    size: int


def add_checkpoint(url: str, submission: Submission) -> tuple[SignatureLine, ...] | Held:
    """Ask for a cosignature.

    Returns:
        Signature lines, unverified; or the size that the witness wants a proof from.

    Raises:
        UnreachableError: no answer, or none that counts.
        WitnessRefusedError: it refuses.
    """
    status, media_type, body = _request("POST", _below(url, ADD_CHECKPOINT), submission.to_bytes())
    try:
        if status == HTTPStatus.OK:
            return read_lines(body)
        if status == HTTPStatus.CONFLICT and media_type.partition(";")[0].strip() == SIZE_TYPE:
            return Held(read_size(body))
    except MalformedError as error:
        raise UnreachableError(f"the witness at {url} answered nonsense: {error}") from error
    if status in _REFUSALS or status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        raise WitnessRefusedError(f"the witness at {url} refuses ({status}): {_quoted(body)}")
    raise UnreachableError(f"the witness at {url} answered {status}")


def latest(url: str, origin: str) -> bytes | None:
    """The last checkpoint of a log that a witness cosigned, unverified.

    Returns:
        ``None`` if it says that it has cosigned none.

    Raises:
        UnreachableError: no answer, or none that counts.
    """
    status, _, body = _request("GET", _below(url, monitoring_path(origin)), None)
    if status == HTTPStatus.OK:
        return body
    if status == HTTPStatus.NOT_FOUND:
        return None
    raise UnreachableError(f"the witness at {url} answered {status}")


def close() -> None:
    """Close the connections that are kept open between requests."""
    with _lock:
        while _clients:
            _clients.popitem()[1].close()


def _request(method: str, url: str, content: bytes | None) -> tuple[int, str, bytes]:
    for _ in range(TRIES):
        try:
            return _once(method, url, content)
        except httpx2.TimeoutException as error:
            raise UnreachableError(f"{url} did not answer in time") from error
        except bounded.FAILURES as error:
            # A connection that was kept open may be closed by the other side just now. Asking twice does no harm.
            last = error
    raise UnreachableError(f"{url} did not answer: {type(last).__name__}") from last


def _once(method: str, url: str, content: bytes | None) -> tuple[int, str, bytes]:
    with _client(urlsplit(url)).stream(method, url, REQUEST_S, content=content) as response:
        body = b"".join(bounded.chunks(response, MAX_ANSWER_BYTES))
        return response.status_code, response.headers.get("content-type", ""), body


def _client(url: SplitResult) -> BoundedClient:
    """One for each witness: connections are kept open between checkpoints, and none fills the room of others."""
    with _lock:
        if url.netloc not in _clients:
            local = url.hostname in bounded.LOOPBACK
            _clients[url.netloc] = bounded.client(connect_s=CONNECT_TIMEOUT_S, read_s=READ_TIMEOUT_S, local=local)
        return _clients[url.netloc]


def _begin_anew() -> None:
    """In a forked child: a connection that two processes write to serves neither."""
    global _lock  # noqa: PLW0603 (a lock that another thread held at the fork stays held for ever)
    _lock = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_begin_anew)


def _below(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}"


def _quoted(body: bytes) -> str:
    return repr(body[:200].decode(errors="replace").strip())
