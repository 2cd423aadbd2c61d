"""Whose yes is needed: computed once, by issuer and verifier alike (docs/spec/records.md, section 5).

The works named, and those that the uses reach by links, form the closure. For each of its works and
each right that the uses concern there, the share set must be complete and every holder must agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from priorconsent import canonical, names
from priorconsent import vocabulary as words
from priorconsent.offers import Offer
from priorconsent.rights import SELF, RightsTable, Rule
from priorconsent.states import PartyState, Refusal, State, WorkState

MAX_CLOSURE_WORKS = 10_000
# Works that all link to each other would cost the square of their number, in every answer about one of them.
MAX_CLOSURE_LINKS = 50_000


class States(Protocol):
    """Where states are looked up; every answer is from one map."""

    def state(self, name: str) -> State | None:
        """The state under a name; ``None``: the map holds nothing there."""


@dataclass(frozen=True, slots=True)
class Closure:
    """The works that consent is looked at for.

    Args:
        reached: work id → how it was reached: ``self``, or the links that led to it.
        works: their states, in order of their ids; works that are not registered are absent.
        excluded_sources: excluded works that another one is based on.
        complete: False if the budget of works ran out.
    """

    reached: dict[str, frozenset[str]]
    works: dict[str, WorkState]
    excluded_sources: tuple[str, ...]
    complete: bool

    @property
    def holders(self) -> tuple[str, ...]:
        """Every party that holds any right in any of the works, sorted."""
        return tuple(sorted({holder.party for work in self.works.values() for holder in work.holders}))


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One holder of one right of one work who must agree."""

    work: str
    right: str
    party: str
    level: str


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Why nobody could grant this at present, whoever agreed."""

    code: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an offer needs to become a grant.

    Args:
        works: the closure, sorted.
        rights: all rights that the uses concern in it, sorted.
        needs: who must agree, sorted; empty of meaning while there are problems.
        problems: sorted.
        share_sets: what the offer must pin.
    """

    works: tuple[str, ...]
    rights: tuple[str, ...]
    needs: tuple[Need, ...]
    problems: tuple[Problem, ...]
    share_sets: str

    @property
    def parties(self) -> tuple[str, ...]:
        """The holders who must approve, each once, sorted."""
        return tuple(sorted({need.party for need in self.needs}))

    @property
    def level(self) -> str:
        """The weakest evidence level among the holders relied on."""
        return words.lowest(words.LEVELS, [need.level for need in self.needs] or [words.LEVELS[0]])

    def rights_of(self, party: str) -> frozenset[str]:
        """The rights that this party's approval must name."""
        return frozenset(need.right for need in self.needs if need.party == party)

    def waiting_for(self, approved: Iterable[str]) -> tuple[str, ...]:
        """The parties whose approval is still missing, sorted."""
        given = set(approved)
        return tuple(party for party in self.parties if party not in given)


def closure(works: Iterable[str], links: frozenset[str], states: States, excluded: Iterable[str] = ()) -> Closure:
    """Follow the links from the works, any number of steps.

    Cost: one look-up a work reached, at most ``MAX_CLOSURE_WORKS``, and one step a link, at most
    ``MAX_CLOSURE_LINKS``.
    """
    left_out = frozenset(excluded)
    reached: dict[str, set[str]] = {work: {SELF} for work in works}
    queue = deque(sorted(reached))
    found: dict[str, WorkState] = {}
    sources: set[str] = set()
    steps = 0
    while queue and len(reached) <= MAX_CLOSURE_WORKS and steps <= MAX_CLOSURE_LINKS:
        work = queue.popleft()
        state = states.state(names.work(work))
        if not isinstance(state, WorkState):
            continue
        found[work] = state
        steps += len(state.links)
        for link in state.links:
            if link.rel not in links or link.work is None:
                continue
            if link.work in left_out:
                # Only what a work contains or depicts can be left out of it, never its source.
                sources |= {link.work} if link.rel == "based_on" else set()
                continue
            if link.work not in reached:
                reached[link.work] = set()
                queue.append(link.work)
            reached[link.work].add(link.rel)
    return Closure(
        reached={work: frozenset(how) for work, how in sorted(reached.items())},
        works=dict(sorted(found.items())),
        excluded_sources=tuple(sorted(sources)),
        complete=not queue,
    )


def links_of(rules: Iterable[Rule]) -> frozenset[str]:
    """The links that carry consent under these rules."""
    return frozenset(reach for rule in rules for reach in rule.reach) - {SELF}


def rights_in(work: WorkState, how: frozenset[str], rules: Iterable[Rule]) -> frozenset[str]:
    """The rights concerned in a work that was reached in these ways."""
    return frozenset(
        right
        for rule in rules
        if how.intersection(rule.reach) and (not rule.kinds or work.kind in rule.kinds)
        for right in rule.rights
    )


def required_by(offer: Offer, table: RightsTable, states: States) -> Requirement:
    """What this offer needs, judged by the states given."""
    return required(offer.works, offer.excluded, offer.uses, offer.modalities_in, table, states)


def required(
    works: tuple[str, ...],
    excluded: tuple[str, ...],
    uses: tuple[str, ...],
    modalities_in: tuple[str, ...],
    table: RightsTable,
    states: States,
) -> Requirement:
    """Who must agree that these works be used so.

    Args:
        excluded: works to leave out where they are only contained or depicted.
        modalities_in: what goes in; ``("*",)`` for anything.
        table: decides which rights the uses concern.
    """
    rules = table.rules_for(uses, modalities_in)
    scope = closure(works, links_of(rules), states, excluded)
    concerned = {work: rights_in(state, scope.reached[work], rules) for work, state in scope.works.items()}
    needs = tuple(
        sorted(
            Need(work, holder.right, holder.party, holder.level)
            for work, state in scope.works.items()
            for holder in state.holders
            if holder.right in concerned[work]
        )
    )
    return Requirement(
        works=tuple(scope.reached),
        rights=tuple(sorted({right for found in concerned.values() for right in found})),
        needs=needs,
        problems=tuple(
            sorted({*_scope_problems(scope), *_work_problems(scope, concerned), *_holder_problems(needs, states)})
        ),
        share_sets=share_sets_digest(scope),
    )


def share_sets_digest(scope: Closure) -> str:
    """Digest of the pairs of work and share set, sorted; a work without one never matches an offer."""
    pairs = [[work, state.share_set] for work, state in scope.works.items()]
    return canonical.digest(canonical.encode(canonical.sorted_set(pairs)))


def refusals_by(parties: Iterable[str], states: States) -> Iterator[tuple[str, Refusal]]:
    """What each of these parties refuses."""
    for party in parties:
        state = states.state(names.party(party))
        for refusal in state.refusals if isinstance(state, PartyState) else ():
            yield party, refusal


def refusal_meets(refusal: Refusal, works: Iterable[str], uses: Iterable[str]) -> bool:
    """Whether a refusal overlaps these works and uses; a use meets its ancestors and descendants."""
    meets_works = words.ANY in refusal.works or not set(refusal.works).isdisjoint(works)
    meets_uses = words.ANY in refusal.uses or any(words.overlap(one, other) for one in refusal.uses for other in uses)
    return meets_works and meets_uses


def refused_by(offer: Offer, table: RightsTable, states: States) -> str | None:
    """A holder of the closure whose refusal overlaps the offer; ``None`` if nobody refuses.

    Nothing is excluded here: who refuses is heard also for what the offer leaves out.
    """
    rules = table.rules_for(offer.uses, offer.modalities_in)
    scope = closure(offer.works, links_of(rules), states)
    vendors = {offer.licensee.party, *offer.licensee.affiliates}
    for party, refusal in refusals_by(scope.holders, states):
        meets_vendor = (
            offer.licensee.kind == "public" or words.ANY in refusal.vendors or vendors.intersection(refusal.vendors)
        )
        if meets_vendor and refusal_meets(refusal, scope.reached, offer.uses):
            return party
    return None


def _scope_problems(scope: Closure) -> Iterable[Problem]:
    if not scope.complete:
        yield Problem(
            "too_many_works",
            "",
            f"the links lead to more than {MAX_CLOSURE_WORKS} works, or are more than {MAX_CLOSURE_LINKS}",
        )
    for work in scope.excluded_sources:
        yield Problem("excluded_source", work, "a work that another one is based on cannot be excluded")
    for work in scope.reached.keys() - scope.works.keys():
        yield Problem("unregistered_work", work, "the work is not registered")


def _work_problems(scope: Closure, concerned: dict[str, frozenset[str]]) -> Iterable[Problem]:
    for work, state in scope.works.items():
        if state.share_set is None:
            yield Problem("no_share_set", work, "nobody has recorded who holds rights in the work")
        elif not state.complete:
            yield Problem("incomplete_share_set", work, "not all holders or sources of the work are known")
        if not _is_understood(state):
            # What it means for consent is unknown, and unknown means no.
            yield Problem("unknown_code", work, "a kind, a right or a link of the work is unknown to this version")
        held = {holder.right for holder in state.holders}
        for right in (concerned[work] & words.RIGHTS_WITH_A_HOLDER) - held:
            yield Problem("right_without_holder", work, f"nobody is recorded as holder of {right}")


def _is_understood(work: WorkState) -> bool:
    return (
        work.kind in words.WORK_KINDS
        and all(holder.right in words.RIGHTS for holder in work.holders)
        and all(link.rel in words.LINKS for link in work.links)
    )


def _holder_problems(needs: tuple[Need, ...], states: States) -> Iterable[Problem]:
    for party in {need.party for need in needs}:
        state = states.state(names.party(party))
        kind = state.kind if isinstance(state, PartyState) else "unregistered"
        if kind not in words.HOLDER_KINDS:
            yield Problem("holder_kind", party, f"a holder of kind {kind} cannot be granted from in public yet")
