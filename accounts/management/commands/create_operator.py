"""Make somebody an operator of the registry."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.members import add_member
from accounts.models import Membership
from priorconsent.errors import PriorConsentError


class Command(BaseCommand):
    help = "Make somebody an operator of the registry; doing it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            add_member(options["email"], Membership.Role.OPERATOR, None)
        except PriorConsentError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['email']} is an operator")
