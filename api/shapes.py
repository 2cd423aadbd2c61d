"""The bodies that come and go, one record each; the API description is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from priorconsent.records import Count, Digest, Record, Text, Time, Urn

Ref = Annotated[str, Meta(min_length=1, max_length=200)]


class Mark(Record, frozen=True):
    """The checkpoint that an answer rests on."""

    origin: str
    size: Count
    root: Digest
    time: Time


class Problem(Record, frozen=True):
    """A problem document (RFC 9457).

    Args:
        type: ``urn:prior-consent:problem:`` and a stable code.
        title: in English or Japanese, as asked for by ``Accept-Language``.
        pointer: JSON Pointer to the faulty member of the body.
        problems: every single reason, where there are several.
    """

    type: str
    title: str
    status: int
    detail: str | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    problems: tuple[dict[str, str], ...] | UnsetType = UNSET


# Decisions


class Batch(Record, frozen=True):
    """Many questions at once.

    Args:
        queries: each with a ``ref`` of the asker's own, which its answer repeats.
        defaults: members of every query that does not give its own.
    """

    queries: tuple[dict[str, Any], ...]
    defaults: dict[str, Any] = {}


class Named(Record, frozen=True):
    """What a query in a batch is called by who asks."""

    ref: Ref


class Decision(Record, frozen=True):
    """An answer.

    Args:
        detail: what is wrong with the question, if the reason is ``invalid_query``; so is ``pointer``.
    """

    verdict: Literal["permitted", "not_permitted"]
    reason: str
    works: tuple[Urn, ...]
    grants: tuple[Urn, ...]
    binding: Literal["digest", "location", "named"] | None
    until: Time | None
    contested: tuple[Urn, ...]
    conditions: dict[str, Any]
    detail: Text | UnsetType = UNSET
    pointer: str | UnsetType = UNSET


class OneDecision(Decision, frozen=True, kw_only=True):
    """An answer, and the checkpoint it rests on."""

    checkpoint: Mark


class RefDecision(Decision, frozen=True, kw_only=True):
    """An answer in a batch."""

    ref: Ref


class Decisions(Record, frozen=True):
    """As many answers as questions, in their order."""

    decisions: tuple[RefDecision, ...]
    checkpoint: Mark
