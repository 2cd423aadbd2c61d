"""The public files, and nothing beside them."""

import pytest

from api.views.files import ANEW, FOR_EVER
from tests import scenario
from tests.api.conftest import problem
from transparency.alarms import raise_alarm

HEX = "ab" * 32


@pytest.fixture
def files(public):
    for path in (
        "log/checkpoint",
        "log/tile/0/000",
        "log/tile/0/x001/234.p/7",
        "log/tile/entries/000.p/18",
        f"blob/sha256/{HEX}",
        f"evidence/sha256/{HEX}",
        "log/.lock",
        f"blob/sha256/.{HEX}",
    ):
        (public / path).parent.mkdir(parents=True, exist_ok=True)
        (public / path).write_bytes(path.encode())
    (public.parent / "keys").mkdir()
    (public.parent / "keys" / "log.pem").write_text("secret")
    return public


@pytest.mark.parametrize(
    ("address", "media_type", "caching"),
    [
        ("log/checkpoint", "text/plain; charset=utf-8", ANEW),
        ("log/tile/0/000", "application/octet-stream", FOR_EVER),
        ("log/tile/0/x001/234.p/7", "application/octet-stream", FOR_EVER),
        ("log/tile/entries/000.p/18", "application/octet-stream", FOR_EVER),
        (f"blob/sha256/{HEX}", "application/octet-stream", FOR_EVER),
        # Evidence can be erased.
        (f"evidence/sha256/{HEX}", "application/octet-stream", ANEW),
    ],
)
def test_a_public_file_is_served_as_it_is(files, client, address, media_type, caching):
    response = client.get(f"/{address}")

    assert b"".join(response) == address.encode()
    assert (response.headers["Content-Type"], response.headers["Cache-Control"]) == (media_type, caching)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_snapshot_is_a_file(files, client):
    assert b"".join(client.get("/snapshots/2.sqlite")) == (files / "snapshots" / "2.sqlite").read_bytes()
    pointer = client.get("/snapshots/latest.json")
    assert (b"".join(pointer)[:8], pointer.headers["Cache-Control"]) == (b'{"file":', ANEW)


@pytest.mark.parametrize(
    "address",
    [
        "log/.lock",
        "log/",
        "log/tile",
        "log/tile/0/001",
        "log/tile/0/../../checkpoint",
        "log/tile/0/%2e%2e/%2e%2e/checkpoint",
        "log/../../keys/log.pem",
        "log/%2e%2e/%2e%2e/keys/log.pem",
        "blob/sha256/../../../keys/log.pem",
        f"blob/sha256/.{HEX}",
        f"blob/sha256/{HEX}%0a",
        f"blob/sha256/{HEX.upper()}",
        f"blob/sha256/{'cd' * 32}",
        "snapshots/3.sqlite",
        "snapshots/..",
        "trust.json",
        "static/../var/db.sqlite3",
    ],
)
def test_nothing_else_is_served(files, client, address):
    response = client.get(f"/{address}")

    assert (response.status_code, problem(response)) == (404, "not_found")


def test_discovery_says_which_registry_this_is(public, client):
    told = client.get("/.well-known/prior-consent.json").json()

    assert (told["registry"], told["origin"]) == (scenario.REGISTRY, scenario.ORIGIN)
    assert told["log_policy"] == scenario.trust().log_policy
    assert told["checkpoint"]["size"] == 2
    assert told["api"].endswith("/api/v1/")


def test_the_did_document_shows_the_keys_that_the_map_names(public, client):
    blob = public / "blob" / "sha256" / scenario.REGISTRY.removeprefix("sha256:")
    blob.parent.mkdir(parents=True)
    blob.write_bytes(scenario.scenario().blobs[scenario.REGISTRY])
    told = client.get("/.well-known/did.json").json()

    assert told["id"] == "did:web:127.0.0.1%3A8000"
    assert [key.rpartition("#")[2] for key in told["assertionMethod"]] == [scenario.GRANT_KEY.jwk.thumbprint]
    assert len(told["verificationMethod"]) == 3


def test_a_keyset_that_the_map_does_not_name_is_not_shown(public, client):
    blob = public / "blob" / "sha256" / scenario.REGISTRY.removeprefix("sha256:")
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"{}")

    assert problem(client.get("/.well-known/did.json")) == "unverified_snapshot"


def test_the_process_answers(client):
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
def test_ready_means_database_and_checkpoint(public, client):
    told = client.get("/readyz").json()

    assert (told["database"], told["alarms"], told["checkpoint"]["size"]) == ("up", {}, 2)


@pytest.mark.django_db
def test_without_a_checkpoint_it_is_not_ready(data, client):
    response = client.get("/readyz")

    assert (response.status_code, problem(response)) == (503, "not_ready")


@pytest.mark.django_db
def test_an_alarm_is_told_and_stops_no_answer(public, client):
    raise_alarm("2026-12-11T00:00:00Z", "unit_refused", "the canary stays here")
    response = client.get("/readyz")

    assert (response.status_code, response.json()["alarms"]) == (200, {"unit_refused": 1})
    assert b"canary" not in response.content
