"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Parties, their keys, works, names, share sets, refusals."""

    name = "registry"

    def ready(self) -> None:
        """Follow what becomes of this app's drafts."""
        from registry.follower import follow
        from transparency.followers import register

        register(self.name, follow)
