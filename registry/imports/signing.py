"""What a registrant signs for works that came with a catalogue: first claims, then, once those are logged, shares.

A name in a catalogue is nobody. Whoever asks says which party it stands for; a name that stands for none leaves
the share set incomplete, and so does a source that is not registered, or that nobody is named at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from priorconsent import names
from priorconsent.states import WorkState
from registry.actor import Actor
from registry.models import ShareSet, Work
from registry.policy import RULES, permit
from registry.share_sets import body_to_sign, document_of
from registry.verbs.propose_shares import propose_shares
from transparency.store import current_states


class ToSign(msgspec.Struct, frozen=True):
    """One statement to sign.

    Args:
        type: of the statement; its subject is the digest of ``body``.
        nobody: holders that the catalogue names and who were given no party.
    """

    work: str
    title: str
    type: str
    body: dict[str, Any]
    nobody: tuple[str, ...] = ()


def to_sign(
    actor: Actor, registrant: str, works: Iterable[str], parties: Mapping[str, str], now: str
) -> Iterator[ToSign]:
    """What the registrant would sign next for each of its works; nothing for those that have shares.

    Args:
        works: ``urn:uuid:`` of the works; those of other registrants are passed over.
        parties: name as the catalogue writes it → party.
    """
    permit(actor, RULES["add_work"], [registrant])
    states = current_states()
    found = Work.objects.filter(urn__in=list(works), registrant__urn=registrant).order_by("pk")
    for work in found.prefetch_related("titles", "suggested_holders", "suggested_links"):
        state = states.state(names.work(work.urn))
        if not isinstance(state, WorkState):
            body = {"work": work.urn, "kind": work.kind, "party": registrant}
            yield ToSign(work.urn, work.title("ja"), "claim", body)
        elif state.share_set is None:
            yield _shares(actor, work, parties, now)


def _shares(actor: Actor, work: Work, parties: Mapping[str, str], now: str) -> ToSign:
    holders = list(work.suggested_holders.all())
    shares = {(holder.right, parties[holder.name]) for holder in holders if holder.name in parties}
    links = {(link.rel, None) for link in work.suggested_links.all()}
    nobody = tuple(holder.name for holder in holders if holder.name not in parties)
    complete = bool(holders) and not nobody and not links
    row = _proposed(work, shares, links, complete=complete)
    row = row or propose_shares(actor, work.urn, shares=shares, links=links, complete=complete, now=now)
    return ToSign(work.urn, work.title("ja"), "shares", body_to_sign(document_of(row)), nobody)


def _proposed(
    work: Work, shares: set[tuple[str, str]], links: set[tuple[str, None]], *, complete: bool
) -> ShareSet | None:
    """The same proposal, if it waits already: asking twice gives the same to sign."""
    for row in ShareSet.objects.filter(work=work, state=ShareSet.State.PROPOSED).order_by("-pk"):
        document = document_of(row)
        said = {(share.right, share.party) for share in document.shares}
        if (said, {(link.rel, link.work) for link in document.links}, document.complete) == (shares, links, complete):
            return row
    return None
