"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    """The log: events, sequencer, checkpoints, map, snapshots, registry keys."""

    name = "transparency"
    default_auto_field = "django.db.models.BigAutoField"
