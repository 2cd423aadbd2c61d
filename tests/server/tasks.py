"""Tasks that only the tests' own worker knows."""

from __future__ import annotations

import os

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.core.cache import cache

from accounts.models import User


@shared_task(base=DjangoTask)
def tell_who_ran(user_id: str) -> None:
    """Say which process ran, and that it saw the committed row."""
    cache.set(f"ran-{user_id}", (os.getpid(), User.objects.filter(pk=user_id).exists()))


@shared_task(base=DjangoTask)
def fail_with(text: str) -> None:
    """Fail, and quote the argument."""
    raise ValueError(text)
