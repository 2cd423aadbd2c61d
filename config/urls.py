"""Addresses: everything is the API's, until people get pages of their own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("api.urls"))]

handler400 = "api.problems.bad_request"
handler403 = "api.problems.forbidden"
handler404 = "api.problems.not_found"
handler500 = "api.problems.server_error"
