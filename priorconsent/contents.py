"""Which digest our formats give to bytes."""

from __future__ import annotations

from priorconsent import canonical, keys, receipts
from priorconsent.errors import MalformedError

# Records that are salted commitments have a digest of their own kind.
TAGS = ("prior-consent-offer/v1", "prior-consent-key/v1")


def is_content(digest: str, raw: bytes) -> bool:
    """Whether these bytes are what a digest stands for.

    They are any bytes, or one of those with a digest of its own kind: offer, key record, keyset, list of receipts.
    """
    if digest == canonical.digest(raw) or any(digest == canonical.tagged_digest(tag, raw) for tag in TAGS):
        return True
    if digest == receipts.list_digest(raw):
        return True
    try:
        return keys.payload_of(raw).digest == digest
    except MalformedError:
        return False
