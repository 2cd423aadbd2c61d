"""Logging to standard error that tells what went wrong and never what was asked (promise 8).

Three ways lead from a question into a log: the request line, the message of an exception, and the
arguments of a task. Each is cut off here, once, for every logger.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class QuietFormatter(logging.Formatter):
    """Time, level, logger, message; of an exception its class and its frames, without its message."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 (the name is logging's)
        """Frames show code, never values; the message of an exception may quote its input."""
        kind, _, trace = ei
        name = "no exception" if kind is None else f"{kind.__module__}.{kind.__qualname__}"
        return "".join(traceback.format_tb(trace)) + name


class QuietFilter(logging.Filter):
    """Say of a request only method and route, of a failed task only the class of its exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites the record; lets every one pass."""
        request = getattr(record, "request", None)
        if request is not None:
            route = getattr(getattr(request, "resolver_match", None), "route", None)
            status = getattr(record, "status_code", "-")
            # Not the path: a bucket's prefix or a mistyped address may be the question itself.
            record.msg, record.args = "%s %s %s", (status, getattr(request, "method", "-"), route or "no route")
        elif record.name == "celery.app.trace" and isinstance(record.args, dict) and "exc" in record.args:
            record.args = {**record.args, "exc": _exception_name(record), "args": "…", "kwargs": "…"}
        return True


def logging_settings(level: str) -> dict[str, Any]:
    """Django's ``LOGGING``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"quiet": {"()": QuietFormatter}},
        "filters": {"quiet": {"()": QuietFilter}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "quiet", "filters": ["quiet"]},
            # No handler at all would be worse: Python writes to standard error as a last resort.
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Below INFO Django writes SQL with its parameters.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # A 4xx is an answer, not an event of ours.
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            # A line for each request to a witness, every few seconds.
            "httpx2": {"handlers": [], "level": "WARNING", "propagate": True},
            # Request lines with their queries.
            "django.server": {"handlers": ["nowhere"], "propagate": False},
        },
    }


def _exception_name(record: logging.LogRecord) -> str:
    kind = record.exc_info[0] if record.exc_info else None
    return kind.__name__ if kind else "exception"
