"""Make an API key and show its secret, once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.keys import SCOPES, create_api_key
from accounts.members import add_member
from accounts.models import Membership
from priorconsent import times
from priorconsent.errors import PriorConsentError

DAY_S = 86400


class Command(BaseCommand):
    help = "Make an API key for a user, who becomes a member of the party or an operator; print its secret, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", choices=Membership.Role.values, required=True)
        parser.add_argument("--party", type=UUID, help="urn:uuid:… of the party; none for an operator")
        parser.add_argument("--scope", action="append", choices=list(SCOPES), required=True, dest="scopes")
        parser.add_argument("--label", required=True, help="what the key is for")
        parser.add_argument("--days", type=int, default=365, help="how long it lives")

    def handle(self, *_args: Any, **options: Any) -> None:
        at = times.now()
        try:
            _, secret = create_api_key(
                add_member(options["email"], Membership.Role(options["role"]), options["party"]),
                label=options["label"],
                scopes=options["scopes"],
                at=at,
                expires_at=times.plus(at, options["days"] * DAY_S),
            )
        except PriorConsentError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(secret)
