"""Take over a registry from its published files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from licences import adopting as grants
from priorconsent.court.report import counted
from priorconsent.errors import PriorConsentError
from priorconsent.trust import read_trust_file
from registry import adopting as parties
from transparency import signers
from transparency.adopting import adopt
from transparency.store import keyset

NEXT = """the registry goes on here: {registry}
Entries from now on are signed by the keys of this installation. {keys}"""
SAME_KEYS = "They are those of the keyset in force: run ./run manage sweep."
NEW_KEYS = "The keyset in force does not know these, so hold a ceremony first (docs/guides/rehost.md): {uses}."


class Command(BaseCommand):
    help = "Take over a registry from its published files into an empty database, after checking all of them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the published files: log/, blob/, evidence/, snapshots/")
        parser.add_argument("--trust", type=Path, required=True, help="trust.json of the registry as it was")
        parser.add_argument("--erased", type=Path, help="digests of evidence that was erased by law, one a line")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        erased = options["erased"].read_text(encoding="utf-8").split() if options["erased"] else ()
        try:
            adopted = adopt(options["folder"], read_trust_file(options["trust"]), _make_rows, erased)
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{counted(adopted.size, 'entry', 'entries')}, {counted(adopted.states, 'state')} taken over")
        for alarm in adopted.alarms:
            self.stdout.write(f"without effect: {alarm}")
        for digest in sorted(adopted.missing):
            self.stdout.write(f"erased: {digest}")
        unknown = _unknown_uses()
        keys = NEW_KEYS.format(uses=", ".join(unknown)) if unknown else SAME_KEYS
        self.stdout.write(NEXT.format(registry=adopted.registry, keys=keys))


def _make_rows() -> None:
    parties.make_rows()
    grants.make_rows()


def _unknown_uses() -> list[str]:
    """Uses for which the keyset in force has no key that signs here."""
    known = {(key.use, key.jwk) for key in keyset().keys}
    return [use for use in signers.ONLINE_USES if not any((use, one.jwk) in known for one in signers.signers(use))]
