"""What runs after a commit. Every task may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from priorconsent import times
from transparency import past_maps, sequencer
from transparency.followers import run_followers


@shared_task
def sequence() -> None:
    """Log what waits, publish it, and let others follow."""
    sequencer.run(times.now())
    run_followers()


@shared_task
def write_snapshot() -> None:
    """Write the snapshot of a large map: a task of its own, since it takes some 15 s per million names."""
    sequencer.write_snapshot(times.now())


@shared_task
def rebuild_past(size: int) -> None:
    """Compute what proofs about an earlier map need."""
    past_maps.rebuild(size, wait=False)
