"""What the log did not take is undone here, with the reason shown to people.

A verb moves the row and leaves the draft in one transaction; the sequencer may still refuse the draft, by
the map of its own moment. Then the row goes to what the log shows, whatever the table of steps says.
"""

from __future__ import annotations

from licences.models import Offer
from licences.states import State
from priorconsent import names
from priorconsent.states import GrantState
from transparency.followers import Logged, Refused
from transparency.store import DatabaseLedger, current_states

# An end counts whatever came after it, such as a suspension within the notice.
_ENDS = (State.WITHDRAWN, State.SUPERSEDED)


def follow(news: Logged | Refused) -> None:
    """Set the rows of a refused unit's grants to what the log shows."""
    if isinstance(news, Logged):
        return
    grants = {str(draft.get("grant")) for draft in news.drafts if "grant" in draft}
    log = current_states() if grants else None
    for offer in Offer.objects.filter(grant__in=grants):
        if log is not None:
            Offer.objects.filter(pk=offer.pk).update(
                state=shown_by_log(offer.grant, log), reason=f"the log did not take the last step: {news.reason}"
            )


def shown_by_log(grant: str, log: DatabaseLedger) -> State:
    """The state of a grant in the log; an offer whose grant never got there has lapsed."""
    state = log.state(names.grant(grant))
    if not isinstance(state, GrantState):
        return State.LAPSED
    steps = [entry.s for entry in state.life]
    return next((end for end in _ENDS if end in steps), State(steps[-1]))
