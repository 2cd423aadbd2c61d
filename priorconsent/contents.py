"""Which digests our formats give to bytes."""

from __future__ import annotations

from priorconsent import canonical, keys, offers, receipts
from priorconsent.errors import MalformedError


def key_id_of(raw: bytes) -> str:
    """The key id of a key record's bytes."""
    return canonical.tagged_digest(keys.KEY_TAG, raw)


def offer_digest_of(raw: bytes) -> str:
    """The offer digest of an offer's bytes."""
    return canonical.tagged_digest(offers.OFFER_TAG, raw)


def payload_digest_of(raw: bytes) -> str:
    """The digest of the keyset inside a JWS; empty if there is none, which equals no digest."""
    try:
        return keys.payload_of(raw).digest
    except MalformedError:
        return ""


def is_content(digest: str, raw: bytes) -> bool:
    """Whether these bytes are what a digest stands for: any bytes, or one of the records with a digest of its own."""
    return any(of(raw) == digest for of in _DIGESTS)


_DIGESTS = (canonical.digest, offer_digest_of, key_id_of, receipts.list_digest, payload_digest_of)
