"""What became of the drafts that the registry's verbs left: shown to people, and undone where refused."""

from __future__ import annotations

from typing import Any

from priorconsent.events import ShareSetChange
from registry.models import PartyKeyRecord, RefusalRecord, ShareSet, Work
from transparency.followers import Logged, Refused


def follow(news: Logged | Refused) -> None:
    """Note what was logged; undo what was refused."""
    if isinstance(news, Refused):
        for draft in news.drafts:
            _undo(draft, news.reason)
    elif isinstance(news.event, ShareSetChange):
        ShareSet.objects.filter(digest=news.event.digest).update(state=ShareSet.State.LOGGED)


def _undo(draft: dict[str, Any], reason: str) -> None:
    match draft.get("t"):
        case "work":
            Work.objects.filter(urn=draft.get("work"), claim=draft.get("statement")).update(claim="")
        case "share-set":
            ShareSet.objects.filter(digest=draft.get("digest"), state=ShareSet.State.SENT).update(
                state=ShareSet.State.REFUSED, reason=reason
            )
        case "party-key":
            # Only then can the same key be bound again.
            PartyKeyRecord.objects.filter(key=draft.get("key")).delete()
        case "refuse":
            RefusalRecord.objects.filter(urn=draft.get("refusal")).update(not_logged=reason)
        case "refuse-end":
            RefusalRecord.objects.filter(urn=draft.get("refusal")).update(ended_at="")
