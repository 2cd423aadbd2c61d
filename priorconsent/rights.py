"""The rights table: which rights, in which works, a use concerns (docs/spec/records.md, section 5)."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Annotated

from msgspec import Meta

from priorconsent import canonical
from priorconsent import vocabulary as words
from priorconsent.records import Code, Record, Versioned

SELF = "self"


class Rule(Record, frozen=True):
    """For these uses, these rights, in works reached this way.

    Args:
        uses: codes; each covers its descendants.
        rights: what holders hold.
        reach: ``self`` for the named works, else the link by which a work was reached.
        kinds: only works of these kinds; empty for any.
        modalities_in: only where one of these goes in; empty for any.
    """

    uses: tuple[Code, ...]
    rights: tuple[Code, ...]
    reach: tuple[Code, ...]
    kinds: tuple[Code, ...]
    modalities_in: tuple[Code, ...]


class RightsTable(Versioned, frozen=True):
    """One version of the table. Every offer pins it, so those who sign the offer approve it."""

    version: Annotated[int, Meta(ge=1)]
    rules: tuple[Rule, ...]

    @property
    def digest(self) -> str:
        """Digest of the canonical bytes."""
        return canonical.digest(self.encode())

    def rules_for(self, uses: tuple[str, ...], modalities_in: tuple[str, ...]) -> tuple[Rule, ...]:
        """The rules that these uses of these inputs fall under.

        A use that no rule speaks about, of these inputs, concerns every right of every work it could reach.
        """
        return _rules_for(self, uses, modalities_in)


# Half of a decision went into finding the same few rules again.
@functools.lru_cache(maxsize=1024)
def _rules_for(table: RightsTable, uses: tuple[str, ...], modalities_in: tuple[str, ...]) -> tuple[Rule, ...]:
    taken = [rule for rule in table.rules if _takes(rule, modalities_in)]
    if not all(any(_meets(rule, use) for rule in taken) for use in uses):
        return (EVERYTHING,)
    return tuple(rule for rule in taken if any(_meets(rule, use) for use in uses))


def _meets(rule: Rule, use: str) -> bool:
    return any(words.overlap(code, use) for code in rule.uses)


def _takes(rule: Rule, modalities_in: tuple[str, ...]) -> bool:
    if not rule.modalities_in or words.ANY in modalities_in:
        return True
    return bool(set(rule.modalities_in) & set(modalities_in))


EVERYTHING = Rule(
    uses=(),
    rights=tuple(sorted(words.RIGHTS)),
    reach=tuple(sorted(words.CONSENT_LINKS | {SELF})),
    kinds=(),
    modalities_in=(),
)


def read_rights_table(raw: bytes) -> RightsTable:
    """Read a rights table from its canonical bytes."""
    return RightsTable.parse(raw)


# The tables that this version of the library ships, by digest.
SHIPPED: dict[str, RightsTable] = {
    table.digest: table
    for path in sorted(resources.files("priorconsent").joinpath("rights_tables").iterdir(), key=lambda path: path.name)
    for table in [read_rights_table(path.read_bytes())]
}
LATEST = max(SHIPPED.values(), key=lambda table: table.version)
