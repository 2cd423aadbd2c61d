"""Go on signing after the memory of what was signed last was lost."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from priorconsent.errors import PriorConsentError
from transparency.resuming import resume


class Command(BaseCommand):
    help = "Make the store of what was signed last anew, if nobody has seen more of the log than this database holds."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        try:
            done = resume()
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        before = "nothing" if done.before is None else f"{done.before} events"
        self.stdout.write(
            f"signing goes on from {done.size} events; remembered until now: {before}; witnesses heard: {done.heard}"
        )
