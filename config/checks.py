"""What ``manage.py check --deploy`` finds missing before the night does."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

# setting that is true on a laptop, id, what production needs
STAND_INS = (
    ("SECRET_KEY_IS_STAND_IN", "config.E001", "SECRET_KEY is not set: each process has its own random one"),
    ("CELERY_TASK_ALWAYS_EAGER", "config.E002", "REDIS_URL is not set: tasks run within requests, limits per process"),
    ("DATABASE_IS_SQLITE", "config.E003", "DATABASE_URL names no PostgreSQL: one machine, one writer"),
    ("DEBUG", "config.E004", "PRIORCONSENT_DEBUG is on: error pages show what was asked"),
    ("PRIORCONSENT_PLAIN_KEYS", "config.E006", "PRIORCONSENT_PLAIN_KEYS: key files may be unencrypted"),
    ("ROOT_KEY_IS_ONLINE", "config.E007", "the root key lies in PRIORCONSENT_KEY_DIR: hold a ceremony"),
    ("ORIGIN_IS_STAND_IN", "config.E005", "PRIORCONSENT_ORIGIN is on localhost, and names the log for good"),
)


@register(Tags.security, deploy=True)
def check_stand_ins(**_: Any) -> list[CheckMessage]:
    """One error for each stand-in that is still in use."""
    errors = [Error(message, id=code) for setting, code, message in STAND_INS if getattr(settings, setting)]
    if settings.PRIORCONSENT_TSA_URLS and not settings.PRIORCONSENT_TSA_CA:
        errors.append(Error("PRIORCONSENT_TSA_URLS needs PRIORCONSENT_TSA_CA: nobody could check", id="config.E008"))
    return list(errors)
