"""A witness over HTTP: few threads, short waits, small bodies. TLS belongs to a proxy in front of it."""

from __future__ import annotations

import io
import logging
import socket
import socketserver
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from priorconsent.witness.protocol import ADD_CHECKPOINT, MAX_REQUEST_BYTES
from priorconsent.witness.witness import TEXT, Answer, Witness

THREADS = 16
# Further ones are closed at once.
MAX_CONNECTIONS = 32
# Whoever connects has something to ask.
FIRST_BYTE_S = 2.0
# A connection may stay open between two checkpoints of a busy log, and no longer.
IDLE_S = 5.0
CONNECTION_S = 60.0

logger = logging.getLogger(__name__)


class WitnessServer(socketserver.TCPServer):
    """Listens from the moment that it is made; ``serve_forever`` answers.

    Args:
        address: host and port; port 0 takes a free one.
    """

    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.witness = witness
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="witness")
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if self.address_family == socket.AF_INET6 else f"http://{host!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Overrides ``TCPServer``: a thread of the pool answers."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._pool.submit(self._process, request, client_address)

    def server_close(self) -> None:
        """Overrides ``TCPServer``: answers what was asked, and reads nothing more."""
        super().server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self._pool.shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Overrides ``TCPServer``: the class of an error is told, and nothing that a stranger wrote."""
        del request, client_address
        logger.error("a request failed: %s", type(sys.exception()).__name__)

    def _process(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        try:
            self.finish_request(request, client_address)
        except (ConnectionError, TimeoutError):
            pass
        except Exception:  # noqa: BLE001 (a request that fails must not end the thread)
            self.handle_error(request, client_address)
        finally:
            self._open.discard(request)
            self.shutdown_request(request)
            self._free.release()


class _Until(io.RawIOBase):
    """Reads from a socket until an instant, however slowly the other side writes."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._patience_s = connection, deadline, FIRST_BYTE_S

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(left, self._patience_s))
        self._patience_s = IDLE_S
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "prior-consent-witness"
    sys_version = ""
    server: WitnessServer

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Until(self.connection, time.monotonic() + CONNECTION_S))

    def do_POST(self) -> None:
        body = self._body()
        if isinstance(body, Answer):
            # What follows on this connection is not known to be a request.
            self.close_connection = True
            self._send(body)
        elif self.path != f"/{ADD_CHECKPOINT}":
            self._send(_told(HTTPStatus.NOT_FOUND))
        else:
            self._send(self._answer(self.server.witness.add_checkpoint, body))

    def do_GET(self) -> None:
        self._send(self._answer(self.server.witness.latest, self.path.removeprefix("/")))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, judge: Any, asked: Any) -> Answer:
        try:
            answer: Answer = judge(asked)
        except Exception:  # noqa: BLE001 (whatever fails, nothing is cosigned, and the log is told so)
            self.server.handle_error(self.request, self.client_address)
            return _told(HTTPStatus.INTERNAL_SERVER_ERROR)
        return answer

    def _body(self) -> bytes | Answer:
        length = self.headers.get("content-length", "")
        if "transfer-encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            return _told(HTTPStatus.LENGTH_REQUIRED)
        # Not int() of any length of digits.
        if len(length) > len(str(MAX_REQUEST_BYTES)) or int(length) > MAX_REQUEST_BYTES:
            return _told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        raw = self.rfile.read(int(length))
        return raw if len(raw) == int(length) else _told(HTTPStatus.BAD_REQUEST)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):
                self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Who asked is nobody's business."""


def _told(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.phrase}\n".encode(), TEXT)
