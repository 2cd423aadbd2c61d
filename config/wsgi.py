"""Where a WSGI server starts: ``granian --interface wsgi config.wsgi:application``."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from config.env import use_settings

use_settings()
application = get_wsgi_application()
