"""Why an offer cannot be put to its signers: every reason at once, not the first one."""

from __future__ import annotations

from collections.abc import Iterable

from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.consent import Problem, Requirement, States, refused_by
from priorconsent.errors import RuleError
from priorconsent.offers import Offer
from priorconsent.rights import RightsTable
from priorconsent.states import AliasState, GrantState, PartyState, WorkState


class NotGrantableError(RuleError):
    """Nobody could grant this at present, whoever agreed.

    Args:
        problems: all of them, sorted.
    """

    code = "not_grantable"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.detail} ({problem.subject or problem.code})" for problem in problems))
        self.problems = problems


def check_grantable(
    offer: Offer, requirement: Requirement, table: RightsTable, states: States, texts: frozenset[str], now: str
) -> None:
    """Look for every problem that stands between this offer and a grant.

    Args:
        texts: digests of the texts on file.

    Raises:
        NotGrantableError: there is one at least.
    """
    problems = {
        *requirement.problems,
        *_term_problems(offer, requirement, texts, now),
        *_party_problems(offer, table, states),
        *_evidence_problems(requirement),
        *_locator_problems(offer, states),
        *_supersession_problems(offer, states),
    }
    if problems:
        raise NotGrantableError(tuple(sorted(problems)))


def _term_problems(offer: Offer, requirement: Requirement, texts: frozenset[str], now: str) -> Iterable[Problem]:
    if not offer.known:
        yield Problem("unsupported_term", "", "the terms hold a code that is not known here")
    for right in set(requirement.rights) - set(offer.rights):
        yield Problem("right_left_out", right, "the uses concern a right that the offer leaves out")
    if offer.lapse_at <= now:
        yield Problem("lapsed", offer.lapse_at, "the offer would have lapsed already")
    if offer.valid_until <= now:
        yield Problem("expired", offer.valid_until, "the period would be over already")
    for text in offer.texts:
        if text.digest not in texts:
            yield Problem("text_missing", text.digest, "the text is not on file")


def _party_problems(offer: Offer, table: RightsTable, states: States) -> Iterable[Problem]:
    for party in {offer.licensee.party, *offer.licensee.affiliates} - {None}:
        if not isinstance(states.state(names.party(str(party))), PartyState):
            yield Problem("unregistered_licensee", str(party), "the licensee or its affiliate is not registered")
    refuser = refused_by(offer, table, states)
    if refuser is not None:
        yield Problem("refused", refuser, "a holder's standing refusal meets the offer")


def _evidence_problems(requirement: Requirement) -> Iterable[Problem]:
    for need in requirement.needs:
        if not words.at_least(words.LEVELS, need.level, words.LEAST_LEVEL):
            yield Problem("level_too_low", need.work, f"{need.party} holds {need.right} on its own word alone")


def _locator_problems(offer: Offer, states: States) -> Iterable[Problem]:
    works = {work: state for work in offer.works if isinstance(state := states.state(names.work(work)), WorkState)}
    for locator in offer.locators:
        alias = states.state(locator)
        claims = alias.claims if isinstance(alias, AliasState) else ()
        if not any(
            claim.work in works
            and works[claim.work].speaks(claim.party)
            and words.at_least(words.LEVELS, claim.level, words.LEAST_LEVEL)
            for claim in claims
        ):
            yield Problem("locator_not_claimed", locator, "no holder has shown that the place is one of these works")


def _supersession_problems(offer: Offer, states: States) -> Iterable[Problem]:
    for grant in offer.supersedes:
        state = states.state(names.grant(grant))
        if not isinstance(state, GrantState):
            yield Problem("supersedes_unknown", grant, "the grant to supersede is not in the log")
            continue
        if state.terms.licensee != offer.licensee:
            yield Problem("supersedes_other_licensee", grant, "the grant to supersede has another licensee")
        if not set(state.terms.works) <= set(offer.works):
            yield Problem("supersedes_other_works", grant, "the grant to supersede covers works that this leaves out")
        if any(entry.s in {"withdrawn", "superseded"} for entry in state.life):
            yield Problem("supersedes_ended", grant, "the grant to supersede has been ended already")
