"""List what a registrant signs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from priorconsent import canonical, times
from priorconsent.errors import PriorConsentError
from priorconsent.files import whole_file
from registry.actor import Actor
from registry.imports.signing import to_sign


class Command(BaseCommand):
    help = "List, as JSON Lines, what a registrant signs next for its works: claims, then shares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("works", nargs="*", help="urn:uuid:… of works; all of the registrant's if none is given")
        parser.add_argument("--registrant", required=True)
        parser.add_argument("--parties", type=Path, help='a TOML file with lines "Name as written" = "urn:uuid:…"')
        parser.add_argument("--out", type=Path, help="write the list to this file, whole or not at all")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        actor = Actor(party=None, role="operator", proof="operator", label="manage.py")
        try:
            parties = tomllib.loads(options["parties"].read_text(encoding="utf-8")) if options["parties"] else {}
            with self._output(options["out"]) as output:
                for one in to_sign(actor, options["registrant"], options["works"] or None, parties, times.now()):
                    output.write(canonical.encode(one) + b"\n")
        except (PriorConsentError, ValueError, OSError) as error:
            raise CommandError(str(error)) from None

    @contextmanager
    def _output(self, path: Path | None) -> Iterator[IO[bytes] | _Printed]:
        if path is None:
            yield _Printed(self)
            return
        with whole_file(path) as file:
            yield file


class _Printed:
    """Lines that go to standard output."""

    def __init__(self, command: BaseCommand) -> None:
        self._command = command

    def write(self, line: bytes) -> None:
        self._command.stdout.write(line.decode(), ending="")
