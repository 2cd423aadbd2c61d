"""Addresses: everything is the API's, until people get pages of their own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("api.urls"))]
