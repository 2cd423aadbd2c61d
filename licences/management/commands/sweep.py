"""Do whatever is due."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from licences import tasks


class Command(BaseCommand):
    help = "Do whatever is due: offers that lapse, grants to issue, the log, its heartbeat, signing, publishing."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        tasks.sweep()
