"""What is due by the clock. Every task may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from licences.verbs.issue import issue_all_ready
from licences.verbs.lapse import lapse_offers
from priorconsent import times
from registry.actor import Actor
from transparency import acknowledgements, receipts, sequencer, timestamps
from transparency.followers import run_followers
from transparency.tasks import write_snapshot

SYSTEM = Actor(party=None, role="operator", proof="system", label="sweep")


@shared_task
def sweep() -> None:
    """Let dead offers lapse, issue what a crash left behind, anchor receipts, and bring the log up to date."""
    now = times.now()
    lapse_offers(now)
    issue_all_ready(SYSTEM, now)
    receipts.anchor_due(now)
    sequencer.sweep(now)
    run_followers()
    acknowledgements.watch(now)
    receipts.watch(now)
    timestamps.stamp_due(now)
    write_snapshot.delay()
