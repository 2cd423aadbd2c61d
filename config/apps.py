"""The server as a Django app: its checks."""

from __future__ import annotations

from django.apps import AppConfig


class ServerConfig(AppConfig):
    """Settings, addresses, start."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401 (importing registers)
