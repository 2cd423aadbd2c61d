"""What runs after a commit. Every task may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from priorconsent import times
from transparency import sequencer
from transparency.followers import run_followers


@shared_task
def sequence() -> None:
    """Log what waits, publish it, and let others follow."""
    sequencer.run(times.now())
    run_followers()
