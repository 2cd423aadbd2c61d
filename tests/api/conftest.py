"""A published registry: the files of scenario 1, and the clock at the instant that its questions ask about.

No test on these files may touch the database, unless it says so: answers come from what is published.
"""

import pytest
from django.test import Client

from accounts.keys import create_api_key
from accounts.members import add_member
from accounts.models import Membership
from api.access import CLOCK
from priorconsent import canonical
from tests import scenario
from tests.stage import cast, folder

__all__ = ["cast", "folder"]

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


def client_at(now: str, **headers: str) -> Client:
    return Client(raise_request_exception=False, headers=headers, **{CLOCK: now})


def publish(data, leaves=None, time=NOW, **changes):
    """Write snapshot, pointer and trust file as the publisher does."""
    snapshots = data / "public" / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    leaves = scenario.with_shipped_table() if leaves is None else leaves
    head = scenario.publish(leaves, time=time)
    path = scenario.write_snapshot(snapshots / "2.sqlite", leaves, **{**head, **changes})
    latest = {"file": path.name, "sha256": canonical.digest(path.read_bytes())[7:], "size": 2}
    (snapshots / "latest.json").write_bytes(canonical.encode(latest))
    (data / "trust.json").write_bytes(scenario.trust().encode())
    return path


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
    from uuid import UUID

    party = UUID(player.party) if player else None
    member = add_member("clerk@example.org", Membership.Role(role if player else "operator"), party)
    _, secret = create_api_key(member, label="test", scopes=scopes, at=now)
    return f"Bearer {secret}"
