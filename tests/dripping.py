"""Servers on loopback that answer byte by byte, and never end."""

import itertools
import socket
import threading
import time
from contextlib import contextmanager, suppress

EVERY_S = 0.05
HEADERS = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "headers": (HEADERS, itertools.repeat(b"a")),
    "a body of known length": (HEADERS + b"content-length: 99999\r\n\r\n", itertools.repeat(b"a")),
    "a body in chunks": (HEADERS + b"transfer-encoding: chunked\r\n\r\n", itertools.repeat(b"1\r\na\r\n")),
    "a body that ends with its connection": (HEADERS + b"\r\n", itertools.repeat(b"a")),
    "nothing": (b"", itertools.repeat(b"")),
}


@contextmanager
def server(first, more):
    """The URL of somebody who answers with ``first``, then with one of ``more`` after the other."""

    def answer(connection):
        with suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(first)
            for some in more:
                time.sleep(EVERY_S)
                connection.sendall(some)

    def accept():
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=listening.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
