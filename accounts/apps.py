"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, memberships of a party with roles, API keys."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
