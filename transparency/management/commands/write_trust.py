"""Write the trust file anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from priorconsent.errors import PriorConsentError
from transparency import keysets, snapshots


class Command(BaseCommand):
    help = "Write the trust file that is handed out anew, after witnesses or time-stamp authorities changed."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        try:
            snapshots.write_for_today()
        except PriorConsentError as error:
            raise CommandError(f"what is published does not count by the new trust file yet: {error}") from error
        keysets.write_trust()
