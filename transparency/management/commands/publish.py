"""Publish the newest checkpoint."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from transparency import publisher, snapshots


class Command(BaseCommand):
    help = "Write the public files of the newest signed checkpoint, and its snapshot."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--everything", action="store_true", help="write all files again, not only the new ones")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        size = publisher.publish(everything=options["everything"])
        snapshots.write(again=options["everything"])
        self.stdout.write("nothing is signed yet" if size is None else f"published {size} events")
