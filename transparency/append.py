"""The one way into the log: leave a draft in the transaction that decided on it.

A step and its log entry are committed together or not at all; the sequencer does the rest afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from uuid6 import uuid7

from priorconsent import canonical
from priorconsent.contents import is_content
from priorconsent.errors import ConflictError, MalformedError
from transparency import tasks
from transparency.bulk import chunks
from transparency.drafts import seal_of
from transparency.models import Acknowledged, Attachment, Blob, Checkpoint, EvidenceItem, Pending, Stored

MAX_UNIT_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Unit:
    """Drafts that are logged together, with the bytes that came with them by digest.

    Args:
        received_at: when the evidence came, if it is to be acknowledged.
    """

    id: UUID
    drafts: tuple[bytes, ...]
    blobs: Mapping[str, bytes]
    evidence: Mapping[str, bytes]
    received_at: str | None

    @property
    def digests(self) -> set[str]:
        """Of everything that came with it."""
        return {*self.blobs, *self.evidence}

    @property
    def rows(self) -> list[Pending]:
        """Its drafts, sealed."""
        length = len(self.drafts)
        return [
            Pending(unit=self.id, place=place, draft=raw, seal=seal_of(self.id, place, length, raw))
            for place, raw in enumerate(self.drafts)
        ]


class Gathering:
    """Units of many steps that are stored together; see ``gathered``."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.digests: set[str] = set()
        # Evidence that was looked up and waits for nothing, but for what this very transaction appends.
        self.absent: set[str] = set()

    def add(self, unit: Unit) -> None:
        """Keep a unit aside."""
        self.units.append(unit)
        self.digests |= unit.digests

    @contextmanager
    def step(self) -> Iterator[None]:
        """One of the steps: what it wrote and appended is forgotten if it fails, and only that."""
        kept = len(self.units)
        try:
            with transaction.atomic():
                yield
        except BaseException:
            del self.units[kept:]
            self.digests = {digest for unit in self.units for digest in unit.digests}
            raise


_by_caller: ContextVar[bool] = ContextVar("sequenced_by_caller", default=False)
_gathering: ContextVar[Gathering | None] = ContextVar("gathering", default=None)


@contextmanager
def sequenced_by_caller() -> Iterator[None]:
    """Within this block nothing is scheduled: the caller sequences, by its own clock."""
    token = _by_caller.set(True)
    try:
        yield
    finally:
        _by_caller.reset(token)


@contextmanager
def gathered() -> Iterator[Gathering]:
    """Within this block, inside one transaction, what is appended is kept aside, and stored at its end.

    For lists of many acts: evidence and drafts of all of them take a few statements of SQL instead of a few each,
    and the sequencer is called once. Each act stands in a ``step`` of its own.
    """
    if not connection.in_atomic_block:
        # Each step would be committed by itself, and a crash before the end would lose what they appended.
        raise RuntimeError("what is gathered belongs into one transaction")
    gathering = Gathering()
    token = _gathering.set(gathering)
    try:
        yield gathering
    finally:
        _gathering.reset(token)
    if gathering.units:
        _store(gathering.units)


def append(
    draft: dict[str, Any],
    *,
    blobs: Mapping[str, bytes] | None = None,
    evidence: Mapping[str, bytes] | None = None,
    received_at: str | None = None,
) -> Pending:
    """Leave one draft; see ``append_all``."""
    return append_all([draft], blobs=blobs, evidence=evidence, received_at=received_at)[0]


def append_all(
    drafts: Sequence[dict[str, Any]],
    *,
    blobs: Mapping[str, bytes] | None = None,
    evidence: Mapping[str, bytes] | None = None,
    received_at: str | None = None,
) -> list[Pending]:
    """Leave drafts that are logged together, in this order, or not at all.

    Args:
        drafts: members of the events, with ``t``, without ``time`` and what else the sequencer fills in
            (``ends_at`` of a withdrawal, ``counts_from`` of a party's key).
        blobs, evidence: by digest, whatever the events cite; what is stored already may be left out.
        received_at: of narrowing statements, which are the evidence and nothing else; ``None`` where they are not.

    Returns:
        The rows; within ``gathered`` those to be stored at its end.

    Raises:
        MalformedError: outside the JSON profile, or bytes under a digest that is not theirs.
        ConflictError: other bytes are stored under the digest.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("append belongs into the transaction that decides")
    if not 1 <= len(drafts) <= MAX_UNIT_EVENTS:
        raise MalformedError(f"{len(drafts)} events in one unit, from 1 to {MAX_UNIT_EVENTS} are taken")
    unit = Unit(uuid7(), tuple(map(_draft_bytes, drafts)), blobs or {}, evidence or {}, received_at)
    _check_contents({**unit.blobs, **unit.evidence})
    gathering = _gathering.get()
    if gathering is None:
        return _store([unit])
    gathering.add(unit)
    return unit.rows


def waiting(digests: Iterable[str]) -> set[str]:
    """Which evidence came with a unit that waits for its place in the log."""
    asked = set(digests)
    gathering = _gathering.get()
    found = asked & gathering.digests if gathering is not None else set[str]()
    if gathering is not None:
        asked -= gathering.absent
    for some in chunks(asked):
        # Evidence that nobody has logged is rarely there, and a look-up by key says so at once.
        kept = list(EvidenceItem.objects.filter(digest__in=some, pos__isnull=True).values_list("digest", flat=True))
        units = Pending.objects.filter(state=Pending.State.PENDING).values("unit")
        if kept:
            found.update(Attachment.objects.filter(digest__in=kept, unit__in=units).values_list("digest", flat=True))
    if gathering is not None:
        gathering.absent |= asked - found
    return found


def _store(units: Sequence[Unit]) -> list[Pending]:
    _keep(Blob, {digest: raw for unit in units for digest, raw in unit.blobs.items()})
    _keep(EvidenceItem, {digest: raw for unit in units for digest, raw in unit.evidence.items()})
    Attachment.objects.bulk_create(
        Attachment(unit=unit.id, digest=digest) for unit in units for digest in sorted(unit.digests)
    )
    _promise({digest: unit.received_at for unit in units if unit.received_at for digest in unit.evidence})
    pending = Pending.objects.bulk_create([row for unit in units for row in unit.rows])
    if not _by_caller.get():
        tasks.sequence.delay_on_commit()  # type: ignore[attr-defined] # celery's own task class for Django
    return pending


def _promise(received: Mapping[str, str]) -> None:
    """Note which statements are to be acknowledged; one whose acknowledgement was given keeps it."""
    if not received:
        return
    # The sequencer's clock may be ahead of this machine's: a checkpoint that is there already promises nothing.
    newest = Checkpoint.objects.order_by("-size").values_list("time", flat=True).first() or ""
    for some in chunks(sorted(received)):
        Acknowledged.objects.filter(statement__in=some, signed=None).delete()
        rows = [Acknowledged(statement=digest, received_at=max(received[digest], newest)) for digest in some]
        Acknowledged.objects.bulk_create(rows, ignore_conflicts=True)


def _draft_bytes(draft: dict[str, Any]) -> bytes:
    if "time" in draft or not isinstance(draft.get("t"), str):
        raise MalformedError("a draft names its type t, and leaves the time to the sequencer")
    raw = canonical.encode(draft)
    canonical.parse_canonical(raw)
    return raw


def _check_contents(contents: Mapping[str, bytes]) -> None:
    for digest, raw in contents.items():
        if not is_content(digest, raw):
            raise MalformedError(f"these bytes do not have the digest {digest}")


def _keep(model: type[Stored], contents: Mapping[str, bytes]) -> None:
    # Sorted, so that two transactions with the same attachments wait for each other in one order.
    for some in chunks(sorted(contents)):
        rows = [model(digest=digest, raw=contents[digest]) for digest in some]
        model.objects.bulk_create(rows, ignore_conflicts=True)
        for row in model.objects.filter(digest__in=some):
            if bytes(row.raw) != contents[row.digest]:
                raise ConflictError(f"other bytes are stored under {row.digest}")
