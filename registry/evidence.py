"""Evidence levels: what the registry knows about a claim beyond the word of who makes it.

E0 is anybody's word, E3 an operator's recorded check. E1 (proof of control) and E2 (confirmed by all
co-holders, or an association) are refused by name until they exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from priorconsent.errors import MalformedError, NotAvailableError
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


def of_holders(work: str) -> Callable[[str, str], str]:
    """The level at which a party holds a right in this work, as a function of the two; one query."""
    checked = set(Check.objects.filter(work__urn=work, name="").values_list("party__urn", "right"))
    return lambda party, right: _level((party, right) in checked)


def of_name(party: str, work: str, name: str) -> str:
    """The level of a party's claim that a name stands for a work."""
    return _level(Check.objects.filter(party__urn=party, work__urn=work, name=name).exists())


def _level(checked: bool) -> str:  # noqa: FBT001 (a private last step)
    return CHECKED if checked else SELF_DECLARED
