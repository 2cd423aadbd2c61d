"""Found the registry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from priorconsent import times
from transparency.keys import found_registry


class Command(BaseCommand):
    help = "Make the registry's keys, its log and its trust file. What is there already stays."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        self.stdout.write(found_registry(times.now()))
