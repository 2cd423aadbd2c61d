"""A published registry: the files of scenario 1, and the clock at the instant that its questions ask about.

No test on these files may touch the database, unless it says so: answers come from what is published.
"""

import copy
import shutil
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client, override_settings

from accounts.keys import create_api_key
from accounts.members import add_member
from accounts.models import Membership
from api.access import CLOCK
from priorconsent import canonical
from tests import scenario
from tests.cast import open_stage
from tests.stage import folder
from transparency.append import sequenced_by_caller
from transparency.files import write_file
from transparency.steps import step_path

__all__ = ["folder"]

NOW = scenario.QUESTION["at"]


@pytest.fixture
def data(tmp_path, settings):
    """The data folder of this test alone."""
    settings.PRIORCONSENT_DATA = tmp_path
    return tmp_path


@pytest.fixture
def public(data):
    """Scenario 1 after its grant, published at the clock."""
    publish(data)
    return data / "public"


@pytest.fixture
def client():
    """A stranger at the clock of scenario 1."""
    return client_at(NOW)


@pytest.fixture(scope="module")
def opened(django_db_setup, django_db_blocker, tmp_path_factory):
    """The opened stage and its files, once for all tests of a file: nothing that a test does to it stays."""
    files = tmp_path_factory.mktemp("stage")
    atomic = transaction.atomic()
    # The sequencer insists on being outermost; inside a test it takes a test's word that it is.
    atomic._from_testcase = True  # type: ignore[attr-defined]
    settings = {"PRIORCONSENT_DATA": files, "PRIORCONSENT_KEY_DIR": files / "keys"}
    with django_db_blocker.unblock(), sequenced_by_caller(), override_settings(**settings):
        atomic.__enter__()
        cast = open_stage()
    yield cast, files
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture
def cast(opened, folder, db):
    """Everybody is there, for this test alone; it sequences by the cast's clock."""
    original, files = opened
    shutil.copytree(files, folder, dirs_exist_ok=True)
    copied = copy.copy(original)
    copied.players, copied.works = dict(original.players), dict(original.works)
    with sequenced_by_caller():
        yield copied


def client_at(now: str, **headers: str) -> Client:
    environment: dict[str, Any] = {CLOCK: now}
    return Client(raise_request_exception=False, headers=headers, **environment)


def publish(data, leaves=None, time=NOW, padding=None, **changes):
    """Write snapshot, pointer, checkpoint and trust file as the publisher does, without the steps between.

    Args:
        padding: events before the map-root; ``None``: one more than the last time.
    """
    snapshots = data / "public" / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    leaves = scenario.with_shipped_table() if leaves is None else leaves
    if padding is None:
        padding = len(list(snapshots.glob("*.sqlite")))
    head = scenario.publish(leaves, time=time, padding=padding)
    size = padding + 2
    path = scenario.write_snapshot(snapshots / f"{size}.sqlite", leaves, **{**head, **changes})
    latest = {"file": path.name, "sha256": canonical.digest(path.read_bytes())[7:], "size": size}
    write_file(data / "trust.json", scenario.trust().encode())
    write_file(snapshots / "latest.json", canonical.encode(latest))
    checkpoint = data / "public" / "log" / "checkpoint"
    checkpoint.parent.mkdir(exist_ok=True)
    write_file(checkpoint, head["checkpoint"])
    return path


def step(data, changed, leaves=None, padding=1):
    """Publish the next checkpoint as the publisher does for a large map: by what changed, without a snapshot.

    Returns:
        All leaves of the new map.
    """
    leaves = {**(scenario.with_shipped_table() if leaves is None else leaves), **changed}
    head = scenario.publish(leaves, time=NOW, padding=padding)
    path = step_path(padding + 1, padding + 2)
    path.parent.mkdir(exist_ok=True)
    scenario.write_snapshot(path, changed, **head)
    write_file(data / "public" / "log" / "checkpoint", head["checkpoint"])
    return leaves


def post(client, address, body, **headers):
    """Post JSON."""
    raw = body if isinstance(body, bytes) else canonical.encode(body)
    return client.post(address, raw, content_type="application/json", headers=headers)


def problem(response):
    """The problem that a response is, by code."""
    assert response.headers["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == response.status_code
    assert told["title"]
    return told["type"].removeprefix("urn:prior-consent:problem:")


def key_for(player, *scopes, role="signer", now):
    """An API key of a player, or of an operator where there is none, as a header."""
    party = UUID(player.party) if player else None
    member = add_member("clerk@example.org", Membership.Role(role if player else "operator"), party)
    _, secret = create_api_key(member, label="test", scopes=scopes, at=now)
    return f"Bearer {secret}"
