"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """HTTP for machines, and nothing else."""

    name = "api"
    default_auto_field = "django.db.models.BigAutoField"
