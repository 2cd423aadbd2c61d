"""An operator checks the share sets of a list before its registrant signs it, thousands at once if need be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction

from priorconsent import lists
from priorconsent.errors import ConflictError, MalformedError, NotFoundError, PriorConsentError
from priorconsent.lists import LineError, UnsignedLine
from registry.actor import Actor
from registry.models import ShareSet
from registry.share_sets import body_to_sign, document_of
from registry.verbs.check_shares import MAX_SETS_AT_ONCE, check_shares
from transparency.bulk import chunks


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list came to.

    Args:
        share_sets: checked.
        holders: shares in them that reach E3.
        nameless: sets that name no holder; there was nothing to check.
    """

    share_sets: int
    holders: int
    nameless: int


def check_list(
    actor: Actor,
    source: lists.Source,
    *,
    holders: Collection[tuple[str, str]] | None = None,
    seen: str,
    now: str,
) -> Summary:
    """Record a check of every share set in a list, as ``to_sign`` wrote it: of all of them, or of none.

    What somebody read is the list, and what is checked are the registry's own proposals: every line is compared
    with the proposal that it names, so that nobody slips another digest under what was looked at.

    Args:
        holders, seen: as of ``check_shares``.

    Raises:
        LineError: a line that is no share set, or not that of the proposal.
    """
    found = nameless = rows = 0
    with transaction.atomic():
        for some in chunks(_share_sets(source), MAX_SETS_AT_ONCE):
            _compare(some)
            named = [line.body["digest"] for _, line in some if line.body["holders"]]
            nameless += len(some) - len(named)
            found += len(named)
            rows += len(check_shares(actor, named, holders=holders, seen=seen, now=now)) if named else 0
    if not found:
        raise MalformedError("the list has no share set that names a holder")
    return Summary(found, rows, nameless)


def _share_sets(source: lists.Source) -> Iterator[tuple[int, UnsignedLine]]:
    for number, raw in lists.lines(source):
        try:
            line = lists.read_unsigned(raw)
        except PriorConsentError as error:
            raise LineError(number, error, "list anew, and change no line of it") from error
        if line.type != "shares":
            fault = MalformedError(f"a statement of type {line.type}", pointer="/type")
            raise LineError(number, fault, "leave out what is no share set")
        yield number, line


def _compare(lines: Iterable[tuple[int, UnsignedLine]]) -> None:
    """Refuse a line that says something else than the proposal under its digest."""
    numbered = list(lines)
    rows = ShareSet.objects.filter(digest__in=[line.body["digest"] for _, line in numbered])
    bodies = {row.digest: body_to_sign(document_of(row)) for row in rows}
    for number, line in numbered:
        body = bodies.get(line.body["digest"])
        if body is None:
            raise LineError(number, NotFoundError("no such proposal", pointer="/body/digest"), "list anew")
        if body != line.body:
            fault = ConflictError("the proposal with this digest says something else", pointer="/body")
            raise LineError(number, fault, "check nothing of this list: it was changed after the registry made it")
