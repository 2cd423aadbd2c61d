"""New names for new things."""

from __future__ import annotations

import uuid

import uuid6


def new_party() -> str:
    """A pseudonym: random, so that it tells nothing, not even when it was made."""
    return uuid.uuid4().urn


def new_record() -> str:
    """For everything else: UUIDv7, so that ids sort by the time they were made."""
    return uuid6.uuid7().urn
