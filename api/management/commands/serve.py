"""Serve the registry that is there, on a laptop: server and sweep in one command."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from api import serving
from priorconsent.errors import PriorConsentError


class Command(BaseCommand):
    help = "Serve this registry on 127.0.0.1 until Ctrl-C, and do beside it whatever is due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="port to serve on; default that of PRIORCONSENT_BASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        serving.end_on_sigterm()
        port, base_url = serving.address(options["port"])
        try:
            with serving.serving(port, base_url) as server:
                self.stdout.write(f"Serving on {base_url}/ until Ctrl-C.")
                self.stdout.flush()
                code = serving.sweep_while(server, self.stderr.write)
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("The server has ended.")
            return
        raise CommandError(f"the server ended by itself, with code {code}")
