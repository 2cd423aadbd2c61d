"""Every request over HTTP ends, within so many seconds and bytes, whatever the other side does."""

import time
from contextlib import closing

import httpx2
import pytest

from priorconsent import bounded, client
from priorconsent.bounded import BoundedClient
from priorconsent.client import Registry
from priorconsent.errors import UnreachableError
from priorconsent.witness import asking
from tests.dripping import DRIPPING, HEADERS, server

WITHIN_S = 0.4


@pytest.fixture(params=DRIPPING)
def dripping(request):
    with server(*DRIPPING[request.param]) as url:
        yield url


def read(asked, url, max_bytes=1 << 20):
    with asked.stream("GET", url, WITHIN_S) as response:
        return b"".join(bounded.chunks(response, max_bytes))


def assert_in_time(begun):
    assert time.monotonic() - begun < WITHIN_S + 8


def test_an_answer_that_drips_ends_in_time(dripping):
    begun = time.monotonic()
    with closing(BoundedClient(httpx2.Client(trust_env=False))) as asked, pytest.raises(httpx2.ReadTimeout):
        read(asked, dripping)
    assert_in_time(begun)


def test_a_client_goes_on_after_one_that_dripped():
    with closing(BoundedClient(httpx2.Client(trust_env=False))) as asked:
        with server(*DRIPPING["headers"]) as url, pytest.raises(httpx2.ReadTimeout):
            read(asked, url)
        with server(HEADERS + b"content-length: 2\r\n\r\nok", ()) as url:
            assert read(asked, url) == b"ok"


@pytest.mark.parametrize(
    ("first", "match"),
    [
        (HEADERS + b"\r\n12345", "more than 4 bytes"),
        (HEADERS + b"content-encoding: gzip\r\n\r\n", "encoding that was not asked for"),
    ],
)
def test_a_body_beyond_its_budget_or_in_an_encoding_is_not_read(first, match):
    asked = BoundedClient(httpx2.Client(trust_env=False))
    with closing(asked), server(first, ()) as url, pytest.raises(UnreachableError, match=match):
        read(asked, url, 4)


def test_a_registry_that_drips_did_not_answer(dripping, monkeypatch):
    monkeypatch.setattr(client, "MAX_REQUEST_S", WITHIN_S)
    begun = time.monotonic()
    with Registry(dripping) as registry, pytest.raises(UnreachableError, match="took longer"):
        registry.checkpoint()
    assert_in_time(begun)


def test_a_witness_that_drips_costs_its_own_line_and_a_few_seconds(dripping, monkeypatch):
    monkeypatch.setattr(asking, "REQUEST_S", WITHIN_S)
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match="in time"):
        asking.latest(dripping, "log.example/1")
    asking.close()
    assert_in_time(begun)
