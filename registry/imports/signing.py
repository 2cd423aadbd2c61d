"""What a registrant signs for works that came with a catalogue: first claims, then, once those are logged, shares.

A name in a catalogue is nobody. Whoever asks says which party it stands for; a name that stands for none leaves
the share set incomplete, and so does a source that is not registered, or that nobody is named at all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from priorconsent import names
from priorconsent.errors import NotFoundError, RuleError
from priorconsent.lists import Type, UnsignedLine
from priorconsent.shares import ShareSet as Document
from priorconsent.states import PartyState, WorkState
from registry.actor import Actor
from registry.models import ShareSet, Work
from registry.policy import RULES, permit
from registry.share_sets import body_to_sign, document_of
from registry.verbs.propose_shares import next_share_set, proposal
from transparency.bulk import chunks
from transparency.store import DatabaseLedger, keyset, one_reading

WORKS_ON_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks to be listed.

    Args:
        works: ``urn:uuid:`` of works, those of other registrants are passed over; ``None``: all of the registrant's.
        parties: name as the catalogue writes it, or that name in NFC → party.
    """

    registrant: str
    works: tuple[str, ...] | None = None
    parties: Mapping[str, str] = field(default_factory=dict)

    def party(self, name: str) -> str | None:
        """The party that a name stands for."""
        return self.parties.get(name) or self.parties.get(_nfc(name))

    @property
    def rows(self) -> QuerySet[Work]:
        """The works, in order of their rows, with what is needed to list them."""
        found = Work.objects.filter(registrant__urn=self.registrant)
        if self.works is not None:
            found = found.filter(urn__in=self.works)
        open_sets = ShareSet.objects.filter(state__in=[ShareSet.State.PROPOSED, ShareSet.State.SENT]).order_by("-pk")
        parts = ("titles", "suggested_holders", "suggested_links", Prefetch("share_sets", open_sets))
        return found.order_by("pk").prefetch_related(*parts)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what to sign; there may be nothing on it while there is a next one.

    Args:
        next: row to go on from; ``None`` on the last page.
    """

    items: tuple[UnsignedLine, ...]
    next: int | None


def to_sign(
    actor: Actor, registrant: str, works: Iterable[str] | None, parties: Mapping[str, str], now: str
) -> Iterator[UnsignedLine]:
    """What the registrant would sign next for its works; nothing for those that have shares, or wait for the log.

    Args:
        works, parties: as of ``Asked``.
    """
    for some in [None] if works is None else chunks(works, WORKS_ON_A_PAGE):
        asked = Asked(registrant, None if some is None else tuple(some), parties)
        after: int | None = 0
        while after is not None:
            page = list_page(actor, asked, now, after=after)
            yield from page.items
            after = page.next


def list_page(actor: Actor, asked: Asked, now: str, *, after: int = 0, size: int = WORKS_ON_A_PAGE) -> Page:
    """One page of ``to_sign``. Shares are proposed as they are listed; asking again gives the same to sign.

    Args:
        after: row to go on from.
        size: works to look at.
    """
    permit(actor, RULES["add_work"], [asked.registrant])
    rows = list(asked.rows.filter(pk__gt=after)[:size])
    with transaction.atomic(), one_reading() as log:
        log.load([names.KEYSET, *(names.work(row.urn) for row in rows), *map(names.party, asked.parties.values())])
        _check_parties(asked.parties, log)
        lister = _Lister(actor, asked, log, now)
        items = tuple(one for row in rows for one in lister.next_of(row))
        ShareSet.objects.bulk_create(lister.proposals)
    return Page(items, rows[-1].pk if len(rows) == size else None)


class _Lister:
    """Lists works by one reading of the log."""

    def __init__(self, actor: Actor, asked: Asked, log: DatabaseLedger, now: str) -> None:
        self.actor, self.asked, self.log, self.now = actor, asked, log, now
        self.registry = keyset(log).registry_id
        self.proposals: list[ShareSet] = []

    def next_of(self, work: Work) -> Iterator[UnsignedLine]:
        """What to sign next for a work, if anything; what is proposed for it joins ``proposals``."""
        state = self.log.state(names.work(work.urn))
        if isinstance(state, WorkState):
            yield from self._shares(work) if state.share_set is None else ()
        elif not work.claim:
            yield self._line(work, "claim", {"work": work.urn, "kind": work.kind, "party": self.asked.registrant})

    def _shares(self, work: Work) -> Iterator[UnsignedLine]:
        if any(row.state == ShareSet.State.SENT for row in work.share_sets.all()):
            return
        holders = [(holder, self.asked.party(holder.name)) for holder in work.suggested_holders.all()]
        shares = {(holder.right, party) for holder, party in holders if party is not None}
        nobody = {_nfc(holder.name) for holder, party in holders if party is None}
        links = {(link.rel, None) for link in work.suggested_links.all()}
        complete = bool(holders) and not nobody and not links
        document = _proposed(work, shares, links, complete=complete)
        if document is None:
            document = next_share_set(
                self.actor, work.urn, shares=shares, links=links, complete=complete, states=self.log
            )
            self.proposals.append(proposal(work, document, self.now))
        yield self._line(work, "shares", body_to_sign(document), tuple(sorted(nobody)))

    def _line(self, work: Work, kind: Type, body: dict[str, Any], nobody: tuple[str, ...] = ()) -> UnsignedLine:
        return UnsignedLine(
            registry=self.registry,
            party=self.asked.registrant,
            listed_at=self.now,
            work=work.urn,
            kind=work.kind,
            title=work.title("ja"),
            type=kind,
            body=body,
            nobody=nobody,
        )


def _check_parties(parties: Mapping[str, str], log: DatabaseLedger) -> None:
    """Refuse a name that is said to stand for nobody in the log, before anything is listed under it."""
    for name, party in parties.items():
        state = log.state(names.party(party))
        if not isinstance(state, PartyState):
            raise NotFoundError(f"{name!r} is said to stand for {party}, which is not in the log (yet)")
        if state.kind == "committee":
            raise RuleError(f"{name!r} is said to stand for a committee: name its members, which hold and sign")


def _proposed(
    work: Work, shares: set[tuple[str, str]], links: set[tuple[str, None]], *, complete: bool
) -> Document | None:
    """The same proposal, if it waits already: asking twice gives the same to sign."""
    for row in work.share_sets.all():
        document = document_of(row)
        said = {(share.right, share.party) for share in document.shares}
        if (said, {(link.rel, link.work) for link in document.links}, document.complete) == (shares, links, complete):
            return document
    return None


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
