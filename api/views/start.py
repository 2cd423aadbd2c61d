"""The start page: where one is, and one question answered in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from api.access import now
from api.problems import answers
from api.published import Published, reading
from priorconsent import query
from priorconsent import vocabulary as words
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError, NotTrustedError, StaleError
from priorconsent.reasons import REASONS, Verdict
from registry import queries
from registry.models import Work

MAX_MATCHES: Final = 20
MAX_QUESTION_CHARACTERS: Final = 4096

# What a person types, and which key of a question it is; anything else is part of a title.
KEYS: Final = (
    (re.compile(r"(sha256:)?[0-9a-fA-F]{64}", re.ASCII), "sha256"),
    (re.compile(r"https?://.*", re.IGNORECASE), "url"),
    (re.compile(r"urn:uuid:.*", re.ASCII), "work"),
    (re.compile(r"(id:)?[a-z0-9-]+:\S+", re.ASCII), "identifier"),
)
MORE: Final = ("vendor", "modality", "modality_out", "model", "distribution", "territory")

USES: Final[dict[str, Promise]] = {
    "train.generative": _("Train a generative model"),
    "train.generative.pretrain": _("Train a generative model: from the start"),
    "train.generative.finetune": _("Train a generative model: refine a trained one"),
    "train.generative.distil": _("Train a generative model: learn from another model"),
    "train.nongenerative": _("Train a model that generates nothing"),
    "train.nongenerative.pretrain": _("Train a model that generates nothing: from the start"),
    "train.nongenerative.finetune": _("Train a model that generates nothing: refine a trained one"),
    "specialise": _("Train a model to imitate one work, creator, character or voice"),
    "generate.expression": _("Generate output that resembles the work"),
    "generate.character": _("Generate a character"),
    "generate.voice": _("Generate a voice"),
    "generate.likeness": _("Generate a person's likeness"),
    "retrieve": _("Retrieve the work to answer a question"),
    "input.user": _("Give the work to a model as a user"),
    "index.ai": _("Index the work for AI answers"),
    "search": _("Show the work in search results"),
    "analyse": _("Analyse the work"),
    "evaluate": _("Evaluate a model with the work"),
    "protect": _("Recognise and block the work"),
}

_ASK_HOLDERS: Final = _(
    "Ask the rights holders before any use. If you are one of them, you can register the work here."
)
_ASK_MORE: Final = _("Ask the rights holders for a permission that covers this.")
_ENDED: Final = _("Make no new copies. What happens to those made before is written in the terms of the permission.")
_FILL_IN: Final = _("Fill this in under “More about the use” and ask again.")
_LATER: Final = _("Try again later; until then the answer is no.")
_CONTACT: Final = _("Wait until this is settled; until then the answer is no.")

NEEDS: Final = tuple(reason for reason in REASONS if reason.startswith("needs_"))
ADVICE: Final[dict[str, Promise]] = {
    "granted": _("Read the conditions of the permission, and ask again before each new copy: permissions can end."),
    "invalid_query": _("Correct the question and ask again."),
    "changed_since": _LATER,
    **dict.fromkeys(("no_record", "no_grant"), _ASK_HOLDERS),
    **dict.fromkeys(("withdrawn", "superseded", "expired"), _ENDED),
    **dict.fromkeys(("disputed", "suspended", "not_yet_in_force"), _CONTACT),
    **dict.fromkeys(NEEDS, _FILL_IN),
    **dict.fromkeys(("stale_snapshot", "unverified_snapshot"), _LATER),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer for a person.

    Args:
        detail: what is wrong with the question, in English; else empty.
        works: id and title of the works found.
    """

    decision: Decision
    detail: str
    works: tuple[tuple[str, str], ...]

    @property
    def permitted(self) -> bool:
        """Whether the answer is a yes."""
        return self.decision.verdict == Verdict.PERMITTED

    @property
    def needs_more(self) -> bool:
        """Whether something about the use was not said."""
        return self.decision.reason in NEEDS

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return REASONS[self.decision.reason].sentence(translation.get_language() or "en")

    @property
    def advice(self) -> Promise:
        """What to do now."""
        return ADVICE.get(self.decision.reason, _ASK_MORE)


@answers("GET", "HEAD", "POST")
@csrf_protect
def start(request: HttpRequest) -> HttpResponse:
    """``/``: by POST a question, so that it stands in no address and no log."""
    wanted = request.GET.get("lang", "")
    language = wanted if wanted in dict(settings.LANGUAGES) else translation.get_language() or "en"
    with translation.override(language):
        response = render(request, "api/start.html", _context(request, language))
    response.headers["Content-Language"] = language
    # With "no-referrer" browsers send "Origin: null" with the form, and its token would not be taken.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _context(request: HttpRequest, language: str) -> dict[str, Any]:
    given = {name: request.POST.get(name, "").replace("\0", "").strip() for name in ("key", "use", *MORE)}
    context: dict[str, Any] = {
        "language": language,
        "languages": settings.LANGUAGES,
        "given": given,
        "uses": USES,
        "modalities": sorted(words.MODALITIES),
        "distributions": sorted(words.DISTRIBUTIONS),
        "base_url": settings.PRIORCONSENT_BASE_URL,
    }
    try:
        with reading(now(request)) as published:
            context |= {"mark": published.mark, "counts": _counts(published), "registry": published.trust.registry}
            if given["key"]:
                context |= _answered(given, published, now(request), language)
    except StaleError:
        context["told"] = Told(refuse("stale_snapshot"), "", ())
    except NotTrustedError:
        context["told"] = Told(refuse("unverified_snapshot"), "", ())
    return context


def _counts(published: Published) -> dict[str, int]:
    return {kind: published.counts[kind] for kind in ("work", "grant", "party")}


def _answered(given: Mapping[str, str], published: Published, at: str, language: str) -> dict[str, Any]:
    key = given["key"][:MAX_QUESTION_CHARACTERS]
    kind = next((kind for pattern, kind in KEYS if pattern.fullmatch(key)), None)
    if kind is None:
        rows = queries.works(title=key)[:MAX_MATCHES]
        return {"matches": [(row.urn, row.title(language)) for row in rows], "searched": True}
    asked = {name: given[name] for name in ("use", *MORE) if given[name]}
    asked[kind] = key.lower() if kind == "sha256" else key
    try:
        decision, detail = decide(query.parse(asked, now=at), published.snapshot), ""
    except MalformedError as error:
        decision, detail = refuse("invalid_query"), str(error)
    return {"told": Told(decision, detail, _titles(decision.works, language))}


def _titles(works: tuple[str, ...], language: str) -> tuple[tuple[str, str], ...]:
    rows = {row.urn: row.title(language) for row in Work.objects.filter(urn__in=works).prefetch_related("titles")}
    return tuple((work, rows.get(work, work)) for work in works)
