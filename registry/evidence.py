"""Evidence levels: what the registry knows about a claim beyond the word of who makes it.

E0 is anybody's word, E3 an operator's recorded check. E1 (proof of control) and E2 (confirmed by all
co-holders, or an association) are refused by name until they exist.

Who holds a work is checked for one share set, the very document that the operator had before the eyes. Checked
party by party, a holder could afterwards sign a set that leaves another one out, and it would pass for checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from priorconsent.errors import MalformedError, NotAvailableError
from priorconsent.shares import ShareSet as Document
from priorconsent.states import WorkState
from registry.models import Check

SELF_DECLARED: Final = "E0"
CHECKED: Final = "E3"
LATER = {
    "E1": "proof of control over a domain or an account",
    "E2": "confirmation by all co-holders or by an association",
}


def check_level(level: str) -> None:
    """Refuse to record any level but an operator's check.

    Raises:
        NotAvailableError: E1, E2.
        MalformedError: no level that an operator records.
    """
    if level in LATER:
        raise NotAvailableError(f"evidence {level} ({LATER[level]}) is not available yet", pointer="/level")
    if level != CHECKED:
        raise MalformedError(f"an operator records evidence of level {CHECKED}", pointer="/level")


def of_shares(document: Document, before: WorkState) -> Callable[[str, str], str]:
    """The level at which a party holds a right by this share set, as a function of the two; one query.

    Args:
        before: the work as it is in the log; what it shows of its holders is kept if ``asks_no_less``.
    """
    checks = Check.objects.filter(share_set__digest=document.digest)
    checked = set(checks.values_list("party__urn", "right"))
    if asks_no_less(before, document):
        checked |= {(holder.party, holder.right) for holder in before.holders if holder.level == CHECKED}
    return lambda party, right: _level((party, right) in checked)


def asks_no_less(before: WorkState, after: Document) -> bool:
    """Whether a share set asks for every yes that the one before it asked for, and says no more of itself.

    A holder or a link more only adds somebody who must agree. One less, or "these are all" where that was not
    said, is what a check is there to find out: it has to be made anew.
    """
    held = {(holder.right, holder.party) for holder in before.holders}
    linked = {(link.rel, link.work) for link in before.links}
    return (
        held <= {(share.right, share.party) for share in after.shares}
        and linked <= {(link.rel, link.work) for link in after.links}
        and (before.complete or not after.complete)
    )


def of_name(party: str, work: str, name: str) -> str:
    """The level of a party's claim that a name stands for a work."""
    return _level(Check.objects.filter(party__urn=party, work__urn=work, name=name).exists())


def _level(checked: bool) -> str:  # noqa: FBT001 (a private last step)
    return CHECKED if checked else SELF_DECLARED
