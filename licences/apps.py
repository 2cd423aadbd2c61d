"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class LicencesConfig(AppConfig):
    """Offers, approvals, grants, and their life."""

    name = "licences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Follow what becomes of this app's drafts."""
        from licences.follower import follow
        from transparency.followers import register

        register(self.name, follow)
