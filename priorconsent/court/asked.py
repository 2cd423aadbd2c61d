"""The question that a verified grant is asked: what the asker says, and else what the offer says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from priorconsent import query as queries
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError
from priorconsent.offers import Offer
from priorconsent.rights import RightsTable
from priorconsent.trust import Trust


def question(offer: Offer, trust: Trust, asked: Mapping[str, str | None]) -> dict[str, str]:
    """The members of the query besides its key and ``at``.

    Where the offer lists several codes, the first that this version knows is asked for.
    """
    said = {
        "use": _first(offer.uses, words.USES) or offer.uses[0],
        "vendor": offer.licensee.party,
        "territory": _first(offer.territory, words.TERRITORIES),
        "modality": _first(offer.modalities_in, words.MODALITIES),
        "modality_out": _first(offer.modalities_out, words.MODALITIES),
        "model": next((model for model in offer.models if model != words.ANY), None),
        "distribution": _first(offer.distribution, words.DISTRIBUTIONS),
        "min_level": trust.min_level,
        "min_method": trust.min_method,
        **{name: value for name, value in asked.items() if value is not None},
    }
    return {name: value for name, value in said.items() if value is not None}


def ask(work: str, members: Mapping[str, str], at: str, states: States, tables: Mapping[str, RightsTable]) -> Decision:
    """The decision for one work at an instant, from proved states."""
    try:
        query = queries.parse({**members, "work": work, "at": at}, now=at)
    except MalformedError:
        return refuse("invalid_query")
    return decide(query, states, tables, bound=True)


def _first(codes: Iterable[str], known: frozenset[str]) -> str | None:
    return next((code for code in codes if code in known), None)
