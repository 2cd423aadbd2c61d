"""What holds for the server as a whole: headers, stand-ins, views that say nothing."""

import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.checks import STAND_INS


class Silent(APIView):
    """Names neither who may ask nor in which form."""

    def get(self, _request: Request) -> Response:
        return Response({"secret": True})


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


urlpatterns = [path("page", page), path("silent", Silent.as_view())]


@pytest.mark.urls(__name__)
def test_every_answer_carries_the_headers_that_keep_it_to_itself():
    for address in ("/page", "/nothing"):
        headers = Client().get(address).headers

        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.urls(__name__)
def test_a_view_that_names_nobody_answers_nobody():
    assert Client().get("/silent").status_code == 403


@pytest.mark.parametrize(("setting", "code", "_message"), STAND_INS)
def test_each_stand_in_is_an_error_in_production(settings, setting, code, _message):
    def found() -> bool:
        return code in {message.id for message in run_checks(tags=["security"], include_deployment_checks=True)}

    setattr(settings, setting, True)
    assert found()
    setattr(settings, setting, False)
    assert not found()
