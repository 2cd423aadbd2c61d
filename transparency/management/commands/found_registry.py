"""Found the registry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from priorconsent import times
from transparency import signers
from transparency.keysets import found_registry

ROOT_IS_ONLINE = (
    "warning: the root key lies in PRIORCONSENT_KEY_DIR, beside the keys that it vouches for. Whoever breaks into\n"
    "this machine can replace them all. Good for a demo; for anything else hold a ceremony (docs/guides/keys.md)."
)


class Command(BaseCommand):
    help = "Make the registry's keys, its log and its trust file. What is there already stays."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        registry = found_registry(times.now())
        if signers.holds_root():
            self.stderr.write(ROOT_IS_ONLINE)
        self.stdout.write(registry)
