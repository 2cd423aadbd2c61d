"""An answer in words: what it is, why, what for, and what to do now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from api.labels import CONDITIONS, FIELDS, OPTIONS, SAID, USES
from api.published import Published
from priorconsent import names, query
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.decision import BINDING_OF, Decision, decide, refuse
from priorconsent.errors import MalformedError
from priorconsent.offers import Offer
from priorconsent.query import Query
from priorconsent.reasons import REASONS, Verdict
from priorconsent.states import GrantState, WorkState
from registry import queries
from registry.models import Work

Words = str | Promise

_ENDED: Final = _("Make no new copies. What happens to those made before is written in the terms of the permission.")
_FILL_IN: Final = _(
    "Fill in what is marked under “More about the use” and ask again. Until then the answer is no: not permitted."
)
_LATER: Final = _("Try again later; until then the answer is no.")
_CONTACT: Final = _("Wait until this is settled; until then the answer is no.")
_ASK_MORE: Final = _("Ask the rights holders for a permission that covers this.")

NEEDS: Final = tuple(reason for reason in REASONS if reason.startswith("needs_"))
ADVICE: Final[Mapping[str, Promise]] = {
    "granted": _("Read the conditions of the permission, and ask again before each new copy: permissions can end."),
    "invalid_query": _("Correct the question and ask again."),
    "no_record": _(
        "Ask the rights holders before any use. If you are one of them, ask the operator of this registry how to "
        "register the work."
    ),
    "no_grant": _(
        "The work is registered, so its rights holders can be asked: do so before any use. If you are one of them, "
        "ask the operator of this registry how to record a permission."
    ),
    **dict.fromkeys(("withdrawn", "superseded", "expired"), _ENDED),
    **dict.fromkeys(("disputed", "suspended", "not_yet_in_force"), _CONTACT),
    **dict.fromkeys(NEEDS, _FILL_IN),
    **dict.fromkeys(("changed_since", "stale_snapshot", "unverified_snapshot"), _LATER),
}
# By a work or its number nobody says which copy is meant.
COPIES_ONLY: Final = (
    _("Permissions for this work are recorded here, but they count for certain files or addresses only."),
    _("Enter the SHA-256 of the file, or its address."),
)

# What is wrong with a member of the question.
FAULTS: Final[Mapping[str, Promise]] = {
    "vendor": _("This is not the id of a party: such an id is urn:uuid: and 32 hexadecimal digits in five groups."),
    "territory": _("This is not the code of a country: two letters, such as JP or FR."),
    "sha256": _("This is not a SHA-256: 64 hexadecimal digits."),
    "url": _("This address cannot be asked about as it stands."),
    "work": _("This is not the id of a work: such an id is urn:uuid: and 32 hexadecimal digits in five groups."),
    "identifier": _("This is not a number of a work: write its kind, a colon and the number, such as isbn:9784…"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer for a person.

    Args:
        copies_only: whether the question named a work whose grants count for certain files or places.
        fault: the member of the question that is wrong; else empty.
        detail: what is wrong with an address, in English; else empty.
        missing: members that have to be said before there can be a yes.
        works: id and title of the works found.
        asked: label and words of what a yes is for.
        conditions: label and words of the promises that come with a yes.
    """

    decision: Decision
    copies_only: bool = False
    fault: str = ""
    detail: str = ""
    missing: tuple[str, ...] = ()
    works: tuple[tuple[str, str], ...] = ()
    asked: tuple[tuple[Words, Words], ...] = ()
    conditions: tuple[tuple[Words, Words], ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether the answer is a yes."""
        return self.decision.verdict == Verdict.PERMITTED

    @property
    def needs_more(self) -> bool:
        """Whether something about the use was not said."""
        return self.decision.reason in NEEDS

    @property
    def missing_labels(self) -> list[Promise]:
        """What has to be said, as the form calls it."""
        return [FIELDS[member] for member in self.missing]

    @property
    def sentences(self) -> tuple[Words, ...]:
        """The reason in words, and what to do now."""
        advice = ADVICE.get(self.decision.reason, _ASK_MORE)
        if self.copies_only:
            return (*COPIES_ONLY, advice) if self.needs_more else COPIES_ONLY
        reason = REASONS[self.decision.reason].sentence(translation.get_language() or "en")
        return FAULTS.get(self.fault, reason), advice


def tell(asked: Mapping[str, str], published: Published, now: str, language: str) -> Told:
    """Answer a question whose members a person filled in."""
    try:
        question = query.parse(asked, now=now)
    except MalformedError as error:
        fault = (error.pointer or "").removeprefix("/")
        # Why an address is refused takes more than a sentence for all of them.
        detail = "" if fault in FAULTS and fault != "url" else error.detail
        return Told(refuse("invalid_query"), fault=fault if fault in FAULTS else "", detail=detail)
    decision = decide(question, published.map)
    terms = [one for work in decision.works for one in _terms(work, question, published.map)]
    return Told(
        decision,
        copies_only=_copies_only(decision, question, terms),
        missing=_missing(decision, question, terms),
        works=_titles(decision.works, language),
        asked=tuple(_asked(question, language)) if decision.verdict == Verdict.PERMITTED else (),
        conditions=tuple(_conditions(decision)),
    )


def _titles(works: tuple[str, ...], language: str) -> tuple[tuple[str, str], ...]:
    rows = {row.urn: row.title(language) for row in Work.objects.filter(urn__in=works).prefetch_related("titles")}
    return tuple((work, rows.get(work, work)) for work in works)


def _asked(question: Query, language: str) -> Iterator[tuple[Words, Words]]:
    party = question.vendor
    name = queries.names_of([party], language)[party] if party else _("everybody")
    yield FIELDS["vendor"], f"{name} ({party})" if party and name != party else name
    yield _("What for"), USES.get(question.use, question.use)
    for member, label in FIELDS.items():
        said = getattr(question, member)
        if said is not None and member != "vendor":
            yield label, OPTIONS.get(member, {}).get(said, said)


def _conditions(decision: Decision) -> Iterator[tuple[Words, Words]]:
    for conditions in decision.conditions.values():
        for name, value in conditions.items():
            yield CONDITIONS.get(name, name), SAID[value] if isinstance(value, bool) else value


# What a person has to say besides


def _copies_only(decision: Decision, question: Query, terms: list[Offer]) -> bool:
    """Whether no more about the use will help, but a file or a place would."""
    if BINDING_OF[question.kind] != "named":
        return False
    asked_too_early = decision.reason in NEEDS and bool(terms)
    return decision.reason == "binding_not_granted" or (
        asked_too_early and all("named" not in one.bindings for one in terms)
    )


def _missing(decision: Decision, question: Query, terms: list[Offer]) -> tuple[str, ...]:
    """What the answer asks for, and at once all else that a grant of the works restricts."""
    if decision.reason not in NEEDS:
        return ()
    needed = decision.reason.removeprefix("needs_")
    wanted = {"modality_out" if needed == "modality" and question.modality else needed}
    for one in terms:
        wanted.update(_restricted(one, question.use))
    return tuple(member for member in FIELDS if member in wanted and getattr(question, member) is None)


def _terms(work: str, question: Query, states: States) -> Iterator[Offer]:
    """The terms of each grant of a work that this question may still meet."""
    state = states.state(names.work(work))
    for grant_id in state.grants if isinstance(state, WorkState) else ():
        grant = states.state(names.grant(grant_id))
        if not isinstance(grant, GrantState) or _is_over(grant, question.at):
            continue
        meets = question.vendor is None or grant.terms.licensee.kind == "public"
        if not meets and not grant.terms.licensee.includes(question.vendor or ""):
            continue
        if any(words.covers(code, question.use) for code in grant.terms.uses):
            yield grant.terms


def _is_over(grant: GrantState, at: str) -> bool:
    return min([grant.valid_until, *(entry.ends_at for entry in grant.life if entry.ends_at)]) <= at


def _restricted(terms: Offer, use: str) -> Iterator[str]:
    if terms.licensee.kind == "party":
        yield "vendor"
    listed = {
        "modality": terms.modalities_in,
        "model": terms.models,
        "distribution": terms.distribution,
        "territory": terms.territory,
    }
    if words.covers("generate", use):
        listed["modality_out"] = terms.modalities_out
    yield from (member for member, codes in listed.items() if codes != (words.ANY,))
