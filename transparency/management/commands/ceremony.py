"""A ceremony of the root holders, as far as it happens at the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from priorconsent import times
from priorconsent.errors import PriorConsentError
from transparency import ceremonies, signers


class Command(BaseCommand):
    help = "Prepare a keyset for its root holders, put their signatures together, and take it into the log."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="prepare|finish|install|public")
        prepare = steps.add_parser("prepare", help="make what the root holders sign")
        prepare.add_argument("plan", type=Path, help="plan of the ceremony, in TOML")
        prepare.add_argument("folder", type=Path, help="new folder that goes to the root holders")
        finish = steps.add_parser("finish", help="put the signatures together, and write the transcript")
        finish.add_argument("folder", type=Path, help="with the signature files in it")
        finish.add_argument("--attended", nargs="+", required=True, metavar="NAME", help="who was there")
        install = steps.add_parser("install", help="found the registry with it, or log it as the next keyset")
        install.add_argument("folder", type=Path, help="with the finished keyset in it")
        steps.add_parser("public", help="print the settings of a process that signs nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            self.stdout.write(_STEPS[options["step"]](options))
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        except FileNotFoundError as error:
            raise CommandError(f"there is no {error.filename}") from error


def _prepare(options: dict[str, Any]) -> str:
    keyset = ceremonies.prepare(options["plan"].read_bytes(), options["folder"])
    return f"{options['folder']}: keyset {keyset.version} to be signed, digest {keyset.digest}"


def _finish(options: dict[str, Any]) -> str:
    _, told = ceremonies.finish(options["folder"], options["attended"], times.now())
    return told


def _install(options: dict[str, Any]) -> str:
    keyset = ceremonies.install(options["folder"], times.now())
    return f"keyset {keyset.version} of registry {keyset.registry_id} is in force"


def _public(options: dict[str, Any]) -> str:
    del options
    lines = [f"{name}={' '.join(map(str, halves))}" for name, halves in signers.public_settings().items()]
    return "\n".join(lines)


_STEPS = {"prepare": _prepare, "finish": _finish, "install": _install, "public": _public}
