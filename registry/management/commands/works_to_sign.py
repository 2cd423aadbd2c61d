"""List what a registrant signs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from priorconsent import times
from priorconsent.errors import PriorConsentError
from registry.actor import Actor
from registry.imports.signing import to_sign
from registry.models import Work


class Command(BaseCommand):
    help = "Print, as JSON Lines, the bodies that a registrant signs next for its works: claims, then shares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("works", nargs="*", help="urn:uuid:… of works; all of the registrant's if none is given")
        parser.add_argument("--registrant", required=True)
        parser.add_argument("--parties", type=Path, help='a TOML file with lines "Name as written" = "urn:uuid:…"')

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        actor = Actor(party=None, role="operator", proof="operator", label="manage.py")
        works = options["works"] or Work.objects.filter(registrant__urn=options["registrant"]).values_list(
            "urn", flat=True
        )
        try:
            parties = tomllib.loads(options["parties"].read_text(encoding="utf-8")) if options["parties"] else {}
            for one in to_sign(actor, options["registrant"], works, parties, times.now()):
                self.stdout.write(msgspec.json.encode(one).decode())
        except (PriorConsentError, ValueError, OSError) as error:
            raise CommandError(str(error)) from None
