"""The task queue. Without ``REDIS_URL`` tasks run in process, so the same line of code works everywhere."""

from __future__ import annotations

from celery import Celery

from config.env import use_settings

use_settings()
app = Celery("priorconsent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
