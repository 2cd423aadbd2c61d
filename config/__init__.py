"""The server as a whole: settings, addresses, tasks, start."""

from config.celery import app as celery_app

# Django loads this package first, and ``shared_task`` binds to the app that exists by then.
__all__ = ["celery_app"]
