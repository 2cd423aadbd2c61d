"""Promise 8: questions stay private, people stay safe.

A hundred questions with a canary, through every door, and a party with a canary name; then everything that the
registry published or logged is searched, and of the database everything that the questions could have reached.
"""

import logging
import sqlite3

import pytest
from django.apps import apps
from django.db import connection

from api.access import CLOCK, now
from config.logs import QuietFilter, QuietFormatter
from licences.states import State
from priorconsent import canonical
from registry.verbs.add_party import add_party
from tests.api.conftest import client_at, post
from tests.cast import OPERATOR
from transparency import receipts

QUESTION = "canary-question-7f3a"
NAME = "Canary Name 9b2e"
PLACE = f"https://studio.example/film/{QUESTION}.mp4"
PREFIX = "ca4a27"


@pytest.fixture
def written(caplog):
    """Everything that was logged at any level, as it is written."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler = Keep()
    handler.setFormatter(QuietFormatter())
    handler.addFilter(QuietFilter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def questions(client):
    """A hundred questions, well formed and not, through every door."""
    for number in range(20):
        client.get("/api/v1/decisions", {"url": PLACE, "use": "search", "vendor": f"urn:uuid:{QUESTION}-{number}"})
        client.get("/api/v1/decisions", {"url": PLACE, "use": "train.generative", "model": f"{QUESTION}-{number}"})
        client.post("/", {"key": PLACE, "use": "search", "model": f"{QUESTION}-{number}"})
        client.post("/", {"key": f"{QUESTION} {number}"})
        client.get(f"/{QUESTION}/{number}")
    one = {"ref": QUESTION, "url": PLACE, "use": "search"}
    post(client, "/api/v1/decisions", {"queries": [one] * 100})
    post(client, "/api/v1/decisions", {"queries": [one], QUESTION: 1})
    client.get(f"/api/v1/buckets/{PREFIX}")
    client.get("/api/v1/decisions", {"url": PLACE, "use": QUESTION})
    client.put("/api/v1/decisions", QUESTION)
    client.get("/api/v1/decisions", {QUESTION: "x"}, headers={"Host": f"{QUESTION}.example"})


def everything_published(folder):
    for path in sorted((folder / "public").rglob("*")):
        if path.is_file():
            yield path.relative_to(folder), path.read_bytes()


def everything_stored():
    """Each row of each table as text; bytes too."""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')  # noqa: S608 (our own tables)
            for row in cursor:
                yield (
                    model,
                    b" ".join(bytes(one) if isinstance(one, (bytes, memoryview)) else str(one).encode() for one in row),
                )


def test_neither_questions_nor_names_get_anywhere(cast, folder, written):
    named = add_party(OPERATOR, kind="person", names={"en": NAME, "ja": NAME}, now=cast.now)
    cast.grant_at(State.ACTIVE)
    cast.publish()
    before = {raw for _, raw in everything_stored()}
    questions(client_at(cast.now))

    published = list(everything_published(folder))
    assert {path.parts[1] for path, _ in published} == {"log", "blob", "evidence", "snapshots"}
    assert any(named.urn.encode() in raw for _, raw in published)
    for path, raw in published:
        assert QUESTION.encode() not in raw, path
        assert NAME.encode() not in raw, path
    assert {raw for _, raw in everything_stored()} == before
    assert not any(NAME in line or QUESTION in line or PREFIX in line for line in written)


def test_of_a_question_with_a_receipt_nothing_gets_anywhere_but_a_digest_and_a_time(cast, folder, written):
    cast.grant_at(State.ACTIVE)
    cast.publish()
    before = {raw for _, raw in everything_stored()}
    client = client_at(cast.now)
    wish = {"url": PLACE, "use": "search", "model": QUESTION, "receipt": "true"}
    replies = [client.get("/api/v1/decisions", wish)]
    batch = {"queries": [{"ref": QUESTION, "url": PLACE, "use": "search"}] * 5, "receipt": True}
    replies.append(post(client, "/api/v1/decisions", batch))
    digests = {canonical.digest(reply.json()["receipt"].encode()) for reply in replies}
    new = {raw for _, raw in everything_stored()} - before

    assert new == {f"{digest} {cast.now} None".encode() for digest in digests}
    cast.wait()
    receipts.anchor_due(cast.now)
    cast.publish()
    for path, raw in everything_published(folder):
        assert QUESTION.encode() not in raw, path
    assert not any(QUESTION.encode() in raw for _, raw in everything_stored())
    assert not any(QUESTION in line for line in written)


def test_the_canaries_would_be_found(cast, folder, written):
    """The search itself works: where something is put, it finds it."""
    cast.publish()
    add_party(OPERATOR, kind="person", names={"en": NAME}, now=cast.now)
    logging.getLogger("somewhere").warning("asked about %s", QUESTION)
    (folder / "public" / "log" / "stray").write_text(NAME)

    assert any(NAME.encode() in raw for _, raw in everything_stored())
    assert any(QUESTION in line for line in written)
    assert any(NAME.encode() in raw for _, raw in everything_published(folder))


def test_a_name_in_the_snapshot_would_be_found_in_its_file(tmp_path):
    """SQLite stores text as it is, so that searching the bytes of the file is enough."""
    with sqlite3.connect(tmp_path / "x.sqlite") as snapshot:
        snapshot.execute("CREATE TABLE leaves(key BLOB PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID")
        snapshot.execute("INSERT INTO leaves VALUES (?, ?)", (b"k", NAME))
    snapshot.close()

    assert NAME.encode() in (tmp_path / "x.sqlite").read_bytes()


def test_the_clock_of_a_request_cannot_be_set_from_outside(client):
    request = client.get("/healthz", headers={"priorconsent.now": "1999-01-01T00:00:00Z"}).wsgi_request
    assert CLOCK not in {name for name in request.META if name.startswith("HTTP_")}
    assert now(request) != "1999-01-01T00:00:00Z"
