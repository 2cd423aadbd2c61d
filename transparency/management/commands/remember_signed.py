"""Make the memory of what was signed anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from priorconsent.errors import PriorConsentError
from transparency import signed
from transparency.restoring import remember_again


class Command(BaseCommand):
    help = "Make the memory of what was signed last anew, after asking the public files and the witnesses."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--newest", action="store_true", help="no newer database exists, and no witness could tell")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            found = remember_again(is_newest=options["newest"])
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{signed.path()}: {found.size} events were signed last")
