"""Do whatever is due."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from transparency import tasks


class Command(BaseCommand):
    help = "Do whatever is due: log, heartbeat, sign, publish; finishes what a crash left undone."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        tasks.sweep()
