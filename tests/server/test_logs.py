"""Logs tell what went wrong, never what was asked (promise 8)."""

import io
import logging
from logging import StreamHandler

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, re_path

from config.logs import QuietFilter, QuietFormatter
from tests.server.tasks import fail_with

CANARY = "canary-7f3a"


def explode(request: HttpRequest) -> HttpResponse:
    raise KeyError(request.GET.get("url", "") + request.body.decode())


urlpatterns = [path("explode", explode), re_path("^buckets/.*$", explode)]


@pytest.fixture
def written():
    """What the server's own handler writes, at the level that writes most."""
    root, output = logging.getLogger(), io.StringIO()
    [handler] = [h for h in root.handlers if isinstance(h, StreamHandler) and isinstance(h.formatter, QuietFormatter)]
    before, level = handler.setStream(output), root.level
    root.setLevel(logging.DEBUG)
    yield output
    root.setLevel(level)
    handler.setStream(before)


@pytest.mark.urls(__name__)
def test_a_failure_is_logged_with_its_place_but_without_the_question(written):
    client = Client(raise_request_exception=False)

    for response in (
        client.get("/explode", {"url": CANARY}),
        client.post("/explode", CANARY, content_type="text/plain"),
        client.get(f"/buckets/{CANARY}"),
    ):
        assert response.status_code == 500

    text = written.getvalue()
    assert "500 GET explode" in text
    assert "500 POST explode" in text
    assert "in explode" in text
    assert "builtins.KeyError" in text
    assert CANARY not in text


@pytest.mark.urls(__name__)
def test_a_wrong_address_or_host_is_not_logged(written):
    client = Client()
    client.get(f"/{CANARY}", {"url": CANARY})
    client.get("/explode", headers={"host": f"{CANARY}.example"})

    assert CANARY not in written.getvalue()


def test_a_failed_task_is_logged_without_its_arguments(written):
    fail_with.delay(CANARY)

    assert "fail_with" in written.getvalue()
    assert "ValueError" in written.getvalue()
    assert CANARY not in written.getvalue()


@pytest.mark.django_db
def test_statements_to_the_database_are_not_logged(written):
    from accounts.models import User

    # Counting makes Django log each statement, as its debug pages do.
    with CaptureQueriesContext(connection) as seen:
        User.objects.filter(email=CANARY).exists()

    assert CANARY in seen.captured_queries[0]["sql"]
    assert CANARY not in written.getvalue()


def test_a_chain_of_exceptions_is_cut():
    error = RuntimeError(CANARY)
    error.__cause__ = ValueError(CANARY)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "it failed", (), (RuntimeError, error, None))

    assert QuietFilter().filter(record)
    assert CANARY not in QuietFormatter().format(record)
