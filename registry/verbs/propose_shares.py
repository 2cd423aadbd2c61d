"""Somebody writes down who holds a work and what it is made from; it counts once all who must have signed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from django.db import transaction

from priorconsent import canonical, names
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.errors import MalformedError, NotFoundError, RuleError
from priorconsent.records import in_order
from priorconsent.shares import Link, Share
from priorconsent.shares import ShareSet as Document
from priorconsent.states import PartyState, WorkState
from registry.actor import Actor
from registry.models import ShareSet, Work
from registry.policy import RULES, permit
from registry.share_sets import document_of, work_state
from transparency.store import current_states, keyset

# With a statement by each holder, and by those of a few dropped links, a set stays below MAX_EVENT_BYTES.
MAX_SHARES = 200
MAX_LINKS = 200


def propose_shares(
    actor: Actor,
    work: str,
    *,
    shares: Iterable[tuple[str, str]],
    links: Iterable[tuple[str, str | None]],
    complete: bool,
    now: str,
) -> ShareSet:
    """Propose the next share set of a work.

    Args:
        shares: right and party; a committee's members each hold, never the committee.
        links: kind of link and work; ``None`` for a work that is known, but not registered.
        complete: whether all holders and sources are named.

    Returns:
        the proposal; ``share_sets.body_to_sign`` says what the parties sign.
    """
    states = current_states()
    document = next_share_set(actor, work, shares=shares, links=links, complete=complete, states=states)
    with transaction.atomic():
        row = proposal(Work.objects.get(urn=work), document, now)
        row.save()
    return row


def next_share_set(
    actor: Actor,
    work: str,
    *,
    shares: Iterable[tuple[str, str]],
    links: Iterable[tuple[str, str | None]],
    complete: bool,
    states: States,
) -> Document:
    """The next share set of a work, checked as ``propose_shares`` does; nothing is stored."""
    state = work_state(work, states)
    permit(actor, RULES["propose_shares"], {state.party, *(holder.party for holder in state.holders)})
    document = Document(
        v=1,
        registry=keyset(states).registry_id,
        work=work,
        version=_version(state) + 1,
        previous=state.share_set,
        shares=in_order({Share(right=right, party=party) for right, party in shares}),
        links=in_order({Link(rel=rel, work=linked) for rel, linked in links}),
        complete=complete,
        salt=canonical.to_base64url(secrets.token_bytes(16)),
    )
    document.check()
    if len(document.shares) > MAX_SHARES or len(document.links) > MAX_LINKS:
        raise MalformedError(f"at most {MAX_SHARES} shares and {MAX_LINKS} links fit into one entry of the log")
    _check_shares(document, states)
    _check_links(document, states)
    return document


def proposal(work: Work, document: Document, now: str) -> ShareSet:
    """A share set as it waits for its signatures, not saved yet."""
    return ShareSet(
        work=work, version=document.version, digest=document.digest, document=document.encode(), proposed_at=now
    )


def _version(state: WorkState) -> int:
    if state.share_set is None:
        return 0
    return document_of(ShareSet.objects.get(digest=state.share_set)).version


def _check_shares(document: Document, states: States) -> None:
    for index, share in enumerate(document.shares):
        party = states.state(names.party(share.party))
        if not isinstance(party, PartyState):
            raise NotFoundError("no such party in the log (yet)", pointer=f"/shares/{index}/party")
        if party.kind == "committee":
            raise RuleError(
                f"a committee never stands as holder: its members do ({', '.join(party.members or ())})",
                pointer=f"/shares/{index}/party",
            )
        if share.right not in words.RIGHTS:
            raise MalformedError(
                f"a right is one of {', '.join(sorted(words.RIGHTS))}", pointer=f"/shares/{index}/right"
            )


def _check_links(document: Document, states: States) -> None:
    for index, link in enumerate(document.links):
        if link.rel not in words.LINKS:
            raise MalformedError(f"a link is one of {', '.join(sorted(words.LINKS))}", pointer=f"/links/{index}/rel")
        if link.work is not None:
            work_state(link.work, states)
