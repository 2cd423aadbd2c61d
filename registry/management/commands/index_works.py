"""Make the search anew."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress

from registry.models import Work
from registry.search_entries import rebuild


class Command(BaseCommand):
    help = "Let all works be found by the titles that they have, after rows were changed by hand or restored."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("works", total=Work.objects.count())
            done = rebuild(lambda done: bar.update(task, completed=done))
        self.stdout.write(f"{done} works can be found")
