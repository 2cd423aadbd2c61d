"""Share sets on their way: what the parties sign, who must, and who has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from priorconsent import canonical, names
from priorconsent.consent import States
from priorconsent.errors import NotFoundError
from priorconsent.replay import share_set_signers
from priorconsent.shares import ShareSet as Document
from priorconsent.statements import body_of
from priorconsent.states import WorkState
from registry import evidence
from registry.models import ShareSet


def document_of(row: ShareSet) -> Document:
    """The document of a row."""
    return Document.parse(bytes(row.document))


def event_of(document: Document, states: States) -> dict[str, Any]:
    """The event's members but for the statements; its levels are those of this moment, which is one query."""
    return _event(document, evidence.of_shares(document, work_state(document.work, states)))


def body_to_sign(document: Document) -> dict[str, Any]:
    """What each party puts into the body of its ``shares`` statement. Levels are the registry's word, and not in it."""
    return body_of(_event(document, lambda _party, _right: evidence.SELF_DECLARED))


def _event(document: Document, level: Callable[[str, str], str]) -> dict[str, Any]:
    return {
        "t": "share-set",
        "work": document.work,
        "version": document.version,
        "previous": document.previous,
        "digest": document.digest,
        "holders": canonical.sorted_set(
            {"right": share.right, "party": share.party, "level": level(share.party, share.right)}
            for share in document.shares
        ),
        "links": [link.to_json() for link in document.links],
        "complete": document.complete,
    }


def signers(document: Document, states: States) -> frozenset[str]:
    """Who must sign this share set, judged by the log as it is now."""
    return share_set_signers(work_state(document.work, states), document.shares, document.links, states)


def work_state(work: str, states: States) -> WorkState:
    """The logged state of a work.

    Raises:
        NotFoundError: not registered (yet).
    """
    state = states.state(names.work(work))
    if not isinstance(state, WorkState):
        raise NotFoundError("the work is not registered (yet)", pointer="/work")
    return state
