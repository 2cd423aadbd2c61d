"""The one decision: may this key be put to this use? See docs/spec/decision.md.

Its default is no. The steps are numbered as in the table there; a grant passes all of them or gives
the reason of the step that it fails. The map's states are all that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from priorconsent import consent, names, rights
from priorconsent import vocabulary as words
from priorconsent.consent import Closure, States
from priorconsent.found import find
from priorconsent.offers import Offer
from priorconsent.query import Query
from priorconsent.reasons import GRANTED_STEP, REASONS, Verdict
from priorconsent.rights import RightsTable
from priorconsent.states import GrantState, PartyState, RightsTableState

BINDING_OF = {"sha256": "digest", "url": "location", "work": "named", "identifier": "named"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One answered question.

    Args:
        verdict: what the asker may do; without a record it is ``NOT_PERMITTED``.
        reason: stable code, one of ``reasons.REASONS``.
        works: works found under the key, sorted.
        grants: ids of the grants relied on, sorted; empty in a no.
        binding: how the key is tied to the grants; ``None`` in a no.
        until: when the yes ends at the latest; ``None`` in a no.
        contested: works that somebody ties to the key, without counting; sorted.
        conditions: grant id → the promises it carries; empty in a no.
    """

    verdict: Verdict
    reason: str
    works: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    binding: str | None = None
    until: str | None = None
    contested: tuple[str, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        # ``if decision:`` would read "not permitted" as yes.
        raise TypeError("compare decision.verdict with Verdict.PERMITTED")

    def to_json(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        return {
            "verdict": self.verdict.value,
            "reason": self.reason,
            "works": list(self.works),
            "grants": list(self.grants),
            "binding": self.binding,
            "until": self.until,
            "contested": list(self.contested),
            "conditions": dict(self.conditions),
        }


def refuse(reason: str, **members: Any) -> Decision:
    """A no with this reason."""
    return Decision(Verdict.NOT_PERMITTED, reason, **members)


def decide(
    query: Query, states: States, tables: Mapping[str, RightsTable] = rights.SHIPPED, *, bound: bool = False
) -> Decision:
    """Answer one question from the states of one map.

    Args:
        tables: rights tables by digest; a grant that pins another one permits nothing.
        bound: take the binding as met, because what ties the work to a copy is shown elsewhere. Only
            who verifies the evidence for one grant asks so, never who asks about a file or a place.

    Cost: about seven look-ups; more with deep URLs and many links.
    """
    found = find(query, states)
    shown = {"works": tuple(sorted(found.works)), "contested": tuple(sorted(found.contested.difference(found.works)))}
    if _later(found.since, query.at):
        return refuse("changed_since", **shown)
    if not found.works:
        return refuse("no_record", **shown)
    answers = [_judge(work, found.works[work], query, states, tables, bound=bound) for work in sorted(found.works)]
    # Stable: of equal steps the lowest work id answers.
    worst = min(answers, key=lambda answer: answer.step)
    if worst.step < GRANTED_STEP:
        return refuse(worst.reason, **shown)
    granted = {answer.grant_id: answer.grant for answer in answers if answer.grant is not None}
    return Decision(
        Verdict.PERMITTED,
        "granted",
        grants=tuple(sorted(granted)),
        binding=BINDING_OF[query.kind],
        until=min(_end(grant) for grant in granted.values()),
        conditions={grant_id: grant.terms.conditions.to_json() for grant_id, grant in sorted(granted.items())},
        **shown,
    )


# Steps 3 to 13: one work


@dataclass(frozen=True, slots=True)
class _Answer:
    step: int
    reason: str
    grant_id: str = ""
    grant: GrantState | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One grant held against one question about one work."""

    query: Query
    work: str
    place: str | None
    closure: Closure
    grant: GrantState
    states: States
    tables: Mapping[str, RightsTable]
    bound: bool

    @property
    def terms(self) -> Offer:
        return self.grant.terms


def _judge(
    work: str,
    place: str | None,
    query: Query,
    states: States,
    tables: Mapping[str, RightsTable],
    *,
    bound: bool,
) -> _Answer:
    scope = consent.closure((work,), _links_reached(query, states, tables), states)
    if any(_later((state.since,), query.at) for state in scope.works.values()):
        return _no("changed_since")
    if any(state.disputes for state in scope.works.values()):
        return _no("disputed")
    if not scope.complete or len(scope.works) < len(scope.reached):
        return _no("no_grant")
    answers = []
    for grant_id in scope.works[work].grants:
        grant = states.state(names.grant(grant_id))
        if isinstance(grant, GrantState) and work in grant.terms.works:
            reason = _first_fault(_Case(query, work, place, scope, grant, states, tables, bound))
            answers.append(_no(reason) if reason else _Answer(GRANTED_STEP, "granted", grant_id, grant))
    # Stable, and the grants are sorted: of equal steps the lowest grant id answers.
    return max(answers, key=lambda answer: answer.step, default=_no("no_grant"))


def _no(reason: str) -> _Answer:
    return _Answer(REASONS[reason].step, reason)


def _links_reached(query: Query, states: States, tables: Mapping[str, RightsTable]) -> frozenset[str]:
    """The links that the use reaches by the table in force; all of them if it is not at hand."""
    in_force = states.state(names.RIGHTS_TABLE)
    table = tables.get(in_force.digest) if isinstance(in_force, RightsTableState) else None
    if table is None:
        return words.CONSENT_LINKS
    return consent.links_of(table.rules_for((query.use,), (words.ANY,)))


def _first_fault(case: _Case) -> str | None:
    return next((reason for check in _CHECKS for reason in [check(case)] if reason is not None), None)


def _holders_unchanged(case: _Case) -> str | None:
    """Step 3 again: for public grants the holders' refusals count as well."""
    if case.terms.licensee.kind != "public":
        return None
    parties = [case.states.state(names.party(party)) for party in case.closure.holders]
    since = tuple(party.since for party in parties if isinstance(party, PartyState))
    return "changed_since" if _later(since, case.query.at) else None


def _life(case: _Case) -> str | None:
    """Step 6, in the order of the table."""
    grant, at = case.grant, case.query.at
    steps = [entry.s for entry in grant.life if entry.time <= at and entry.s in {"active", "suspended"}]
    if not steps or at < (grant.valid_from or ""):
        return "not_yet_in_force"
    for ended in ("withdrawn", "superseded"):
        if any(entry.s == ended and entry.ends_at is not None and entry.ends_at <= at for entry in grant.life):
            return ended
    if steps[-1] == "suspended":
        return "suspended"
    return "expired" if at >= grant.valid_until else None


def _licensee(case: _Case) -> str | None:
    """Step 7."""
    licensee, query = case.terms.licensee, case.query
    if licensee.kind == "party":
        if query.vendor is None:
            return "needs_vendor"
        return None if licensee.includes(query.vendor) else "other_licensee"
    for _, refusal in consent.refusals_by(case.closure.holders, case.states):
        if not consent.refusal_meets(refusal, case.closure.reached, (query.use,)):
            continue
        if words.ANY in refusal.vendors or query.vendor in refusal.vendors:
            return "refused"
        if query.vendor is None:
            return "needs_vendor"
    return None


def _use(case: _Case) -> str | None:
    """Step 8."""
    use = case.query.use
    granted = use in words.USES and any(words.covers(code, use) for code in case.terms.uses)
    return None if granted else "use_not_granted"


def _rights(case: _Case) -> str | None:
    """Step 9."""
    table = case.tables.get(case.terms.rights_table)
    if table is None:
        return "rights_not_granted"
    modalities = (case.query.modality or words.ANY,)
    terms = case.terms
    # Of this work alone: what changed in another work of the grant was not tested against ``at``.
    needed = consent.required((case.work,), terms.excluded, (case.query.use,), modalities, table, case.states)
    return None if set(needed.rights) <= set(terms.rights) else "rights_not_granted"


def _binding(case: _Case) -> str | None:
    """Step 10."""
    binding = BINDING_OF[case.query.kind]
    if case.bound:
        return None
    granted = binding in case.terms.bindings and (binding != "location" or case.place in case.terms.locators)
    return None if granted else "binding_not_granted"


def _copies(case: _Case) -> str | None:
    """Step 10, the copy."""
    return "copy_predates_grant" if case.query.acquired_at < case.grant.life[0].time else None


def _restrictions(case: _Case) -> str | None:
    """Step 11: what the grant restricts must be said, and be in its list."""
    query, terms = case.query, case.terms
    asked = [("modality", query.modality, terms.modalities_in)]
    if words.covers("generate", query.use):
        asked.append(("modality", query.modality_out, terms.modalities_out))
    asked += [
        ("model", query.model, terms.models),
        ("distribution", query.distribution, terms.distribution),
        ("territory", query.territory, terms.territory),
    ]
    for member, said, listed in asked:
        if listed == (words.ANY,):
            continue
        if said is None:
            return f"needs_{member}"
        if said not in listed:
            return f"{member}_not_granted"
    return None


def _strength(case: _Case) -> str | None:
    """Step 12."""
    grant, query = case.grant, case.query
    strong = words.at_least(words.LEVELS, grant.level, query.min_level) and words.at_least(
        words.METHODS, grant.method, query.min_method
    )
    return None if strong else "level_too_low"


def _known_terms(case: _Case) -> str | None:
    """Step 13."""
    return None if case.terms.known else "unsupported_term"


_CHECKS: tuple[Callable[[_Case], str | None], ...] = (
    _holders_unchanged,
    _life,
    _licensee,
    _use,
    _rights,
    _binding,
    _copies,
    _restrictions,
    _strength,
    _known_terms,
)


def _later(instants: tuple[str, ...], at: str) -> bool:
    return any(instant > at for instant in instants)


def _end(grant: GrantState) -> str:
    """When the grant ends at the latest, as far as is known."""
    return min([grant.valid_until, *(entry.ends_at for entry in grant.life if entry.ends_at is not None)])
