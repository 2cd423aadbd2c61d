"""Sequence what waits."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from transparency import tasks


class Command(BaseCommand):
    help = "Log what waits, sign and publish it."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        tasks.sequence()
