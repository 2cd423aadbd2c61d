"""End API keys at once: one of which the beginning is known, or all of a user."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.keys import keys_named, revoke_api_key
from priorconsent import times


class Command(BaseCommand):
    help = "End API keys for good: the one that begins so, or all keys of a user who has left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "key", help="pc_ and twelve digits, with which the secret begins; or the user's e-mail address"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        found = keys_named(options["key"])
        if not found:
            raise CommandError(f"no API key begins with {options['key'][:15]}, and no user of that address has one")
        for key in found:
            revoke_api_key(key, times.now())
            self.stdout.write(f"ended: {key.label}, of {key.membership.user.email}")
