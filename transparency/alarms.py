"""What must not happen, when it happens."""

from __future__ import annotations

import logging
from uuid import UUID

from priorconsent.errors import NotTrustedError
from transparency.models import Alarm

UNIT_REFUSED = "unit_refused"
DATABASE_CHANGED = "database_changed"
NOT_SIGNED = "not_signed"
NOT_PUBLISHED = "not_published"
RESTORED_BACKUP = "restored_backup"
WITNESS_CLOCK = "witness_clock"
WITNESS_REFUSES = "witness_refuses"
NOT_STAMPED = "not_stamped"

logger = logging.getLogger(__name__)


class DatabaseChangedError(NotTrustedError):
    """A row does not lead to the root that the log signed: somebody changed it, or an old backup came back."""

    code = DATABASE_CHANGED


class RestoredBackupError(DatabaseChangedError):
    """More was signed than is here, or something else: what went on here would be a second history of the log."""

    code = RESTORED_BACKUP


def raise_alarm(now: str, code: str, detail: str, unit: UUID | None = None) -> None:
    """Note it for the operator. The detail stays in the database: it may quote a draft."""
    if unit is None and Alarm.objects.filter(unit=None, code=code, detail=detail).exists():
        # Every sweep meets the same changed row again, until somebody mends it.
        return
    Alarm.objects.create(time=now, code=code, detail=detail, unit=unit)
    logger.error("alarm %s %s", code, unit or "")
