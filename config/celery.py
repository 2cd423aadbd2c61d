"""The task queue. Without ``REDIS_URL`` tasks run in process, so the same line of code works everywhere."""

from __future__ import annotations

from celery import Celery

from config.env import use_settings

# A third of the minute within which an acknowledged statement is to be logged, whatever a crash left undone.
SWEEP_EVERY_S = 20.0

use_settings()
app = Celery("priorconsent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Finds what a crash left undone, and keeps an idle log alive.
app.conf.beat_schedule = {
    "sweep": {"task": "licences.tasks.sweep", "schedule": SWEEP_EVERY_S},
}
