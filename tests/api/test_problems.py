"""Everything that is no answer is a problem document, whoever finds it first."""

import logging

import pytest
from django.test import Client
from django.urls import path

from api import problems
from config import urls as config_urls
from priorconsent import errors
from tests.api.conftest import NOW, client_at, post, problem


def fail(_request):
    raise RuntimeError("the secret canary")


# Django takes its handlers from the root of the addresses.
handler400, handler403 = config_urls.handler400, config_urls.handler403
handler404, handler500 = config_urls.handler404, config_urls.handler500
urlpatterns = [path("fails", fail)]


def all_errors(kind: type[errors.PriorConsentError] = errors.PriorConsentError):
    yield kind
    for below in kind.__subclasses__():
        yield from all_errors(below)


@pytest.mark.parametrize("kind", sorted(set(all_errors()) - {errors.PriorConsentError}, key=str))
def test_every_error_of_ours_has_a_problem(kind):
    assert problems.code_of(kind.__new__(kind)) != "internal"


def test_an_unknown_error_stays_an_error():
    with pytest.raises(errors.PriorConsentError):
        problems.of_error(errors.PriorConsentError("nobody expected this"))


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("get", "/nowhere", 404, "not_found"),
        ("get", "/api/v1/nowhere", 404, "not_found"),
        ("get", "/api/v1/decisions/", 404, "not_found"),
        ("put", "/api/v1/decisions", 405, "method_not_allowed"),
        ("options", "/api/v1/decisions", 405, "method_not_allowed"),
        ("delete", "/", 405, "method_not_allowed"),
        ("post", "/log/checkpoint", 405, "method_not_allowed"),
        ("post", "/api/v1/decisions", 415, "unsupported_media_type"),
        ("get", "/api/v1/offers", 401, "no_key"),
        ("post", "/api/v1/parties", 401, "no_key"),
        ("post", "/api/v1/checks/names", 401, "no_key"),
        ("post", "/api/v1/checks/share-sets", 401, "no_key"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(public, method, address, status, code):
    response = getattr(client_at(NOW), method)(address)

    assert (response.status_code, problem(response)) == (status, code)
    assert ("Allow" in response.headers) >= (status == 405)


def test_a_failure_of_the_server_tells_nothing(settings, caplog):
    settings.ROOT_URLCONF = __name__
    with caplog.at_level(logging.CRITICAL, "django.request"):
        response = Client(raise_request_exception=False).get("/fails")

    assert (response.status_code, problem(response)) == (500, "internal")
    assert b"canary" not in response.content


def test_a_body_in_chunks_is_a_problem(public, client):
    response = post(client, "/api/v1/decisions", {"queries": []}, **{"Transfer-Encoding": "chunked"})

    assert (response.status_code, problem(response)) == (411, "length_required")


def test_an_unknown_host_is_a_problem(client):
    response = client.get("/healthz", headers={"Host": "evil.example"})

    assert (response.status_code, problem(response)) == (400, "malformed")


def test_a_form_without_its_token_is_a_problem(public):
    response = Client(enforce_csrf_checks=True).post("/", {"key": "https://a.example/"})

    assert (response.status_code, problem(response)) == (403, "bad_form_token")


@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/offers"])
def test_titles_are_in_the_language_asked_for(client, address):
    in_japanese = client.get(address, headers={"Accept-Language": "ja"}).json()["title"]

    assert in_japanese in {kind.ja for kind in problems.KINDS.values()}
    assert client.get(address).json()["title"] in {kind.en for kind in problems.KINDS.values()}


def test_a_problem_never_gives_the_whole_input_back(public, client):
    response = post(client, "/api/v1/decisions", {"queries": [], "x" * 100_000: 1})

    assert problem(response) == "malformed"
    assert len(response.content) < 2000


@pytest.mark.parametrize("secret", ["", "Bearer", "Bearer ", "Basic abc", "Bearer pc_000000000000_" + "0" * 64])
@pytest.mark.django_db
def test_a_key_that_is_none_opens_nothing(client, secret):
    response = client.get("/api/v1/offers", headers={"Authorization": secret})

    assert problem(response) in {"no_key", "not_allowed"}
    assert ("WWW-Authenticate" in response.headers) == (response.status_code == 401)
