"""An operator records which documents stand behind proposed share sets: evidence of level E3, for those sets alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import transaction

from priorconsent.errors import ConflictError, MalformedError, NotFoundError
from priorconsent.shares import Share
from registry import evidence, wording
from registry.actor import Actor
from registry.models import Check, Party, ShareSet
from registry.policy import RULES, permit
from registry.share_sets import document_of

MAX_SETS_AT_ONCE = 500


def check_shares(
    actor: Actor,
    share_sets: Collection[str],
    *,
    holders: Iterable[tuple[str, str]] | None = None,
    seen: str,
    now: str,
    level: str = evidence.CHECKED,
) -> list[Check]:
    """Record a check of proposed share sets: that these hold, that this is all, and what the work is made from.

    It counts for exactly these proposals once they are signed, and for no other set of the same work. All of them
    are checked, or none.

    Args:
        share_sets: digests, ``MAX_SETS_AT_ONCE`` at most.
        holders: right and party, if documents were seen for these alone; each set has to name them. ``None``: for
            all that a set names.
        seen: which documents.
        level: only E3 exists yet.

    Raises:
        ConflictError: one is on its way into the log, or was; propose the next.
    """
    permit(actor, RULES["record_check"])
    evidence.check_level(level)
    told = {"seen": wording.tidy(seen, "/seen"), "by": actor.label, "at": now}
    if not 1 <= len(share_sets) <= MAX_SETS_AT_ONCE:
        raise MalformedError(f"a check is of 1 to {MAX_SETS_AT_ONCE} share sets", pointer="/share_sets")
    only = None if holders is None else set(holders)
    with transaction.atomic():
        checked = [(row, share) for row in _proposals(set(share_sets)) for share in _checked(row, only)]
        parties = {row.urn: row for row in Party.objects.filter(urn__in={share.party for _, share in checked})}
        return Check.objects.bulk_create(
            Check(share_set=row, work=row.work, party=parties[share.party], right=share.right, **told)
            for row, share in checked
        )


def _proposals(digests: set[str]) -> list[ShareSet]:
    """The proposals, locked: a last signature reads what is checked, and a check after it would count for nothing."""
    # In the order of the works, as lists are handed in: the two then wait for each other, and never both for ever.
    locked = ShareSet.objects.select_for_update(of=("self",)).select_related("work").order_by("work__urn", "pk")
    rows = list(locked.filter(digest__in=digests))
    missing = sorted(digests - {row.digest for row in rows})
    if missing:
        raise NotFoundError(f"no such proposal: {missing[0]}", pointer="/share_sets")
    for row in rows:
        if row.state != ShareSet.State.PROPOSED:
            raise ConflictError(f"{row.digest} is {row.state} already; propose anew first", pointer="/share_sets")
    return rows


def _checked(row: ShareSet, only: set[tuple[str, str]] | None) -> list[Share]:
    shares = {(share.right, share.party): share for share in document_of(row).shares}
    strange = sorted((only or set()) - shares.keys())
    if strange:
        raise MalformedError(f"{row.digest} does not name {strange[0][1]} for {strange[0][0]}", pointer="/holders")
    found = [share for named, share in shares.items() if only is None or named in only]
    if not found:
        raise MalformedError(f"{row.digest} names nobody whose documents could be seen", pointer="/share_sets")
    return found
