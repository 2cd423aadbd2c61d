"""Record what an operator saw for the share sets of a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from priorconsent import times
from priorconsent.errors import PriorConsentError
from registry.actor import Actor
from registry.imports.checking import check_list


class Command(BaseCommand):
    help = "Record which documents stand behind the share sets of a list (of works_to_sign), before they are signed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("list", type=Path, help="JSON Lines, as works_to_sign or priorconsent to-sign wrote it")
        parser.add_argument("--seen", required=True, help="which documents; they stand behind every set of the list")
        parser.add_argument("--by", default="manage.py", help="who looked at them, for the history")
        parser.add_argument(
            "--holder",
            action="append",
            metavar="RIGHT=PARTY",
            help="documents were seen for this holder alone, which every set names; may be given again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        actor = Actor(party=None, role="operator", proof="operator", label=options["by"])
        try:
            holders = None if options["holder"] is None else [_holder(one) for one in options["holder"]]
            with options["list"].open("rb") as source:
                told = check_list(actor, source, holders=holders, seen=options["seen"], now=times.now())
        except (PriorConsentError, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"checked: {told.share_sets} share sets, {told.holders} holders")
        if told.nameless:
            self.stdout.write(f"not checked, since they name nobody: {told.nameless}")


def _holder(text: str) -> tuple[str, str]:
    right, _, party = text.partition("=")
    return right, party
