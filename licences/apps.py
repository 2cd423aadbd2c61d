"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class LicencesConfig(AppConfig):
    """Offers, approvals, grants, and their life."""

    name = "licences"
    default_auto_field = "django.db.models.BigAutoField"
