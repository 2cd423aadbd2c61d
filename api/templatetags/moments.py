"""Instants as a reader writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django import template
from django.utils import translation
from django.utils.dateformat import format as spelled

register = template.Library()

FORMATS: Final = {"ja": r"Y年n月j日 H:i（\U\T\C）", "nl": r"j F Y, H:i \u\u\r \U\T\C"}
OTHERWISE: Final = r"j F Y, H:i \U\T\C"


@register.filter
def moment(instant: str) -> str:
    """An instant (``YYYY-MM-DDThh:mm:ssZ``) in the language of the page, to the minute that has begun."""
    return spelled(datetime.fromisoformat(instant), FORMATS.get(translation.get_language() or "", OTHERWISE))
