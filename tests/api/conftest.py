"""A published registry: the files of scenario 1, and the clock at the instant that its questions ask about."""

import functools

import pytest
from django.test import Client

from api.access import CLOCK
from priorconsent import canonical
from tests import scenario

NOW = scenario.QUESTION["at"]


@pytest.fixture
def data(tmp_path, settings):
    """The data folder of this test alone."""
    settings.PRIORCONSENT_DATA = tmp_path
    settings.PRIORCONSENT_ORIGIN = scenario.ORIGIN
    return tmp_path


@pytest.fixture
def public(data):
    """Scenario 1 after its grant, published an instant before the clock."""
    publish(data)
    return data / "public"


@pytest.fixture
def client():
    """A stranger at the clock of scenario 1."""
    return client_at(NOW)


def client_at(now: str) -> Client:
    return Client(raise_request_exception=False, **{CLOCK: now})


def publish(data, leaves=None, time=NOW, **changes):
    """Write snapshot, pointer and trust file as the publisher does."""
    folder = data / "public" / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    leaves = scenario.with_shipped_table() if leaves is None else leaves
    head = scenario.publish(leaves, time=time)
    size = head["map_root"]
    size = canonical.parse(size)["size"] + 1
    path = scenario.write_snapshot(folder / f"{size}.sqlite", leaves, **{**head, **changes})
    latest = {"file": path.name, "sha256": canonical.digest(path.read_bytes())[7:], "size": size}
    (folder / "latest.json").write_bytes(canonical.encode(latest))
    (data / "trust.json").write_bytes(scenario.trust().encode())
    return path


ask = functools.partial
