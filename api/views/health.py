"""For whoever watches the machine."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from api.access import now
from api.problems import answers, problem
from api.published import reading
from priorconsent import canonical
from priorconsent.errors import NotTrustedError
from transparency.models import Alarm


@answers("GET", "HEAD")
def alive(request: HttpRequest) -> HttpResponse:
    """``/healthz``: the process answers."""
    del request
    return HttpResponse(b"ok\n", content_type="text/plain")


@answers("GET", "HEAD")
def ready(request: HttpRequest) -> HttpResponse:
    """``/readyz``: database, published checkpoint, alarms.

    An alarm asks for an operator, and does not stop answers: strangers may cause one.
    """
    alarms = _alarms()
    checks: dict[str, Any] = {
        "database": "down" if alarms is None else "up",
        "checkpoint": "unverified",
        "alarms": alarms or {},
    }
    with contextlib.suppress(NotTrustedError), reading(now(request)) as published:
        checks["checkpoint"] = published.mark
    if alarms is None or checks["checkpoint"] == "unverified":
        return problem("not_ready", checks=checks)
    return HttpResponse(canonical.encode(checks), content_type="application/json")


def _alarms() -> dict[str, Any] | None:
    """How many alarms of each code; ``None``: the database does not answer."""
    try:
        connection.ensure_connection()
        return dict(Alarm.objects.values_list("code").annotate(Count("id")).order_by("code"))
    except DatabaseError:
        return None
