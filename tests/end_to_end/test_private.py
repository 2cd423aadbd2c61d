"""Promise 8 at the demo as it runs: a hundred questions leave no trace, and no name leaves the database."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

CANARY = "canary-4e1d77"
PREFIX = "c4a41e"
PLACE = f"https://questions.example/{CANARY}/film.mp4"


def send(url: str, body: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (our own server)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def questions(base: str) -> list[int]:
    """A hundred of them by every door, also such as cannot be answered."""
    told = []
    for number in range(20):
        asked = {"url": PLACE, "use": "search", "model": f"{CANARY} {number}"}
        one = {"ref": f"{CANARY}-{number}", "url": PLACE, "use": CANARY}
        batch = json.dumps({"queries": [one, {**one, "vendor": CANARY}]}).encode()
        told += [
            send(f"{base}/api/v1/decisions?{urllib.parse.urlencode(asked)}"),
            send(f"{base}/api/v1/decisions", batch, **{"Content-Type": "application/json"}),
            send(f"{base}/api/v1/decisions", batch[:-3], **{"Content-Type": "application/json"}),
            send(f"{base}/api/v1/buckets/{PREFIX}{number:02}"),
            send(f"{base}/{CANARY}/{number}?url={PLACE}"),
        ]
    return told


def what_it_said(process) -> str:
    """What the server wrote to its standard output since the start was read."""
    os.set_blocking(process.stdout.fileno(), False)
    try:
        with contextlib.suppress(BlockingIOError):
            return os.read(process.stdout.fileno(), 1 << 20).decode()
        return ""
    finally:
        os.set_blocking(process.stdout.fileno(), True)


def test_a_hundred_questions_are_found_neither_in_files_nor_in_the_database_nor_in_what_the_server_says(demo):
    told = questions(demo.url)
    assert len(told) == 100
    assert set(told) == {200, 400, 404}

    said = demo.running.log.read_text() + what_it_said(demo.running.process)
    assert CANARY not in said
    assert PREFIX not in said
    files = [path for path in demo.data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite3" for path in files)
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path


def test_no_partys_name_is_in_any_public_file(demo):
    database = demo.data / "db.sqlite3"
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        names = {text for (text,) in connection.execute("SELECT text FROM registry_partyname")}
    assert len(names) > 5

    files = [path for path in (demo.data / "public").rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        raw = path.read_bytes()
        found = [name for name in names if name.encode() in raw]
        assert not found, path
