"""The one way into the log: leave a draft in the transaction that decided on it.

A step and its log entry are committed together or not at all; the sequencer does the rest afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection
from uuid6 import uuid7

from priorconsent import canonical
from priorconsent.errors import ConflictError, MalformedError
from transparency import tasks
from transparency.contents import is_content
from transparency.drafts import seal_of
from transparency.models import Attachment, Blob, EvidenceItem, Pending, Stored

MAX_UNIT_EVENTS = 1000

_by_caller: ContextVar[bool] = ContextVar("sequenced_by_caller", default=False)


@contextmanager
def sequenced_by_caller() -> Iterator[None]:
    """Within this block nothing is scheduled: the caller sequences, by its own clock."""
    token = _by_caller.set(True)
    try:
        yield
    finally:
        _by_caller.reset(token)


def append(
    draft: dict[str, Any], *, blobs: Mapping[str, bytes] | None = None, evidence: Mapping[str, bytes] | None = None
) -> Pending:
    """Leave one draft; see ``append_all``."""
    return append_all([draft], blobs=blobs, evidence=evidence)[0]


def append_all(
    drafts: Sequence[dict[str, Any]],
    *,
    blobs: Mapping[str, bytes] | None = None,
    evidence: Mapping[str, bytes] | None = None,
) -> list[Pending]:
    """Leave drafts that are logged together, in this order, or not at all.

    Args:
        drafts: members of the events, with ``t``, without ``time`` and what else the sequencer fills in
            (``ends_at`` of a withdrawal, ``counts_from`` of a party's key).
        blobs, evidence: by digest, whatever the events cite; what is stored already may be left out.

    Raises:
        MalformedError: outside the JSON profile, or bytes under a digest that is not theirs.
        ConflictError: other bytes are stored under the digest.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("append belongs into the transaction that decides")
    if not 1 <= len(drafts) <= MAX_UNIT_EVENTS:
        raise MalformedError(f"{len(drafts)} events in one unit, from 1 to {MAX_UNIT_EVENTS} are taken")
    unit = uuid7()
    raws = [_draft_bytes(draft) for draft in drafts]
    digests = {*_keep(Blob, blobs or {}), *_keep(EvidenceItem, evidence or {})}
    Attachment.objects.bulk_create(Attachment(unit=unit, digest=digest) for digest in sorted(digests))
    pending = Pending.objects.bulk_create(
        Pending(unit=unit, place=place, draft=raw, seal=seal_of(unit, place, len(raws), raw))
        for place, raw in enumerate(raws)
    )
    if not _by_caller.get():
        tasks.sequence.delay_on_commit()  # type: ignore[attr-defined] # celery's own task class for Django
    return pending


def _draft_bytes(draft: dict[str, Any]) -> bytes:
    if "time" in draft or not isinstance(draft.get("t"), str):
        raise MalformedError("a draft names its type t, and leaves the time to the sequencer")
    raw = canonical.encode(draft)
    canonical.parse_canonical(raw)
    return raw


def _keep(model: type[Stored], contents: Mapping[str, bytes]) -> list[str]:
    for digest, raw in contents.items():
        if not is_content(digest, raw):
            raise MalformedError(f"these bytes do not have the digest {digest}")
    # Sorted, so that two transactions with the same attachments wait for each other in one order.
    rows = [model(digest=digest, raw=raw) for digest, raw in sorted(contents.items())]
    model._default_manager.bulk_create(rows, ignore_conflicts=True)  # noqa: SLF001 (any model's manager)
    for row in model._default_manager.filter(digest__in=contents):  # noqa: SLF001
        if bytes(row.raw) != contents[row.digest]:
            raise ConflictError(f"other bytes are stored under {row.digest}")
    return list(contents)
