"""Step 2 of the decision: which works a key names, and by which name (docs/spec/decision.md)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.query import Query
from priorconsent.states import AliasState, QueryState, State, WorkState


@dataclass(frozen=True, slots=True)
class Found:
    """What a key names.

    Args:
        works: work id → the name that ties the key to it; ``None`` where only a name of the same
            path without query does, which never counts as a location.
        settled: whether a claim of the level asked for is among those that name them.
        since: when the names tried last changed.
    """

    works: dict[str, str | None] = field(default_factory=dict)
    contested: frozenset[str] = frozenset()
    since: tuple[str, ...] = ()
    settled: bool = False

    def joined(self, other: Found) -> Found:
        """Both together; a work that both name keeps the tie from here."""
        return Found(
            {**other.works, **self.works},
            self.contested | other.contested,
            self.since + other.since,
            self.settled or other.settled,
        )


def find(query: Query, states: States) -> Found:
    """The works that a question's key names; what is tied to it without counting is contested."""
    if query.kind == "work":
        known = isinstance(states.state(names.work(query.key)), WorkState)
        return Found({query.key: names.work(query.key)}, settled=True) if known else Found()
    found = _of_url(query, states) if query.kind == "url" else _first_claimed([query.key], query, states)
    if found.settled:
        return found
    return Found(contested=found.contested | found.works.keys(), since=found.since)


def _of_url(query: Query, states: States) -> Found:
    """The exact name, else the longest prefix, else the host; and the same path without its query."""
    places = names.of_url(query.key)
    found = _first_claimed([places.exact], query, states)
    note = states.state(places.queries) if places.queries else None
    if not found.settled and isinstance(note, QueryState):
        # Queries tell works apart here, so no folder speaks for one that nobody claimed.
        found = found.joined(Found(since=(note.since,)))
    elif not found.settled:
        found = found.joined(_first_claimed([*places.prefixes, *([places.host] if places.host else [])], query, states))
    if places.base is None:
        return found
    same_path = _first_claimed([places.base], query, states)
    return found.joined(replace(same_path, works=dict.fromkeys(same_path.works)))


def _first_claimed(tried: list[str], query: Query, states: States) -> Found:
    """The works of the first name with a claim of the level asked for.

    Works claimed on the way with less, but enough for a yes, join them: who asks for more must not hear
    yes where others hear no.
    """
    found = Found()
    for name in tried:
        state = states.state(name)
        if isinstance(state, AliasState):
            found = found.joined(_claimed(name, state, query, states))
        if found.settled:
            break
    return found


def _claimed(name: str, state: AliasState, query: Query, states: States) -> Found:
    weighty = [claim for claim in state.claims if words.at_least(words.LEVELS, claim.level, words.LEAST_LEVEL)]
    tied = {claim.work: states.state(names.work(claim.work)) for claim in weighty}
    counting = [claim for claim in weighty if _speaks(tied[claim.work], claim.party)]
    works = sorted({claim.work for claim in counting})
    # Which claims count rests on who holds each work claimed, and that may have changed since.
    since = (state.since, *(work.since for work in tied.values() if isinstance(work, WorkState)))
    return Found(
        dict.fromkeys(works, name),
        frozenset({claim.work for claim in state.claims}.difference(works)),
        tuple(instant for instant in since if instant is not None),
        any(words.at_least(words.LEVELS, claim.level, query.min_level) for claim in counting),
    )


def _speaks(work: State | None, party: str) -> bool:
    return isinstance(work, WorkState) and work.speaks(party)
