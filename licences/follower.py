"""What the log did not take is undone here, with the reason shown to people.

A verb moves the row and leaves the draft in one transaction; the sequencer may still refuse the draft, by
the map of its own moment. Then the row goes to what the log shows, whatever the table of steps says.
"""

from __future__ import annotations

from django.db.models import Q

from licences.models import Offer
from licences.states import State
from priorconsent import names
from priorconsent.states import GrantState
from transparency.followers import Logged, Refused
from transparency.models import Attachment
from transparency.store import DatabaseLedger, current_states

# An end counts whatever came after it, such as a suspension within the notice.
_ENDS = (State.WITHDRAWN, State.SUPERSEDED)


def follow(news: Logged | Refused) -> None:
    """Set the rows of a refused unit's grants to what the log shows."""
    if isinstance(news, Logged):
        return
    found = _concerned(news)
    if not found:
        return
    log = current_states()
    for offer in found:
        Offer.objects.filter(pk=offer.pk).update(
            state=shown_by_log(offer.grant, log), reason=f"the log did not take the last step: {news.reason}"
        )


def _concerned(news: Refused) -> list[Offer]:
    """The offers whose step it was: those named, and those whose signatures came with the unit.

    A draft may have been refused because somebody changed it, and then it names whatever that one liked.
    """
    named = Q(grant__in={str(draft.get("grant")) for draft in news.drafts})
    digests = list(Attachment.objects.filter(unit=news.unit).values_list("digest", flat=True))
    signed = Q(withdrawals__digest__in=digests) | Q(approvals__digest__in=digests)
    return list(Offer.objects.filter(named | signed, issued__isnull=False).distinct())


def shown_by_log(grant: str, log: DatabaseLedger) -> State:
    """The state of a grant in the log; an offer whose grant never got there has lapsed."""
    state = log.state(names.grant(grant))
    if not isinstance(state, GrantState):
        return State.LAPSED
    steps = [entry.s for entry in state.life]
    return next((end for end in _ENDS if end in steps), State(steps[-1]))
