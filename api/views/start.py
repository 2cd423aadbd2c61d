"""The start page: where one is, and one question answered in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from api import matches
from api.access import now
from api.labels import FIELDS, OPTIONS, USES
from api.problems import answers
from api.published import Published, reading
from api.told import Told, tell
from api.typed import read_key, tidy, tidy_country
from priorconsent import query
from priorconsent.decision import refuse
from priorconsent.errors import NotTrustedError, StaleError

TIDIED: Final = {name: tidy_country if name == "territory" else tidy for name in ("key", "use", *FIELDS)}
HINTS: Final[Mapping[str, Promise]] = {
    "vendor": _(
        "The id of the party, urn:uuid:… The operator of this registry gave it to the party on entry; ask there, or "
        "whoever you ask for."
    ),
}
_MISSING: Final = _("not said yet")
_NOT_READ: Final = _("please correct")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    Args:
        options: code and label of each choice; ``None`` where anything may be typed.
        mark: why it is asked for again; else empty.
        hint: where to find what belongs here; else empty.
    """

    name: str
    label: Promise
    value: str
    options: Mapping[str, Promise] | None
    mark: str | Promise
    hint: str | Promise


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
    given = {name: clean(request.POST.get(name, "")) for name, clean in TIDIED.items()}
    context: dict[str, Any] = {
        "language": language,
        "languages": settings.LANGUAGES,
        "given": given,
        "uses": USES,
        "base_url": settings.PRIORCONSENT_BASE_URL,
        # Sentences of Japanese follow each other without a blank.
        "gap": "" if language == "ja" else " ",
    }
    try:
        with reading(now(request)) as published:
            context |= {"mark": published.mark, "counts": _counts(published), "registry": published.trust.registry}
            if given["key"]:
                context |= _answered(given, published, now(request), language)
    except StaleError:
        context["told"] = Told(refuse("stale_snapshot"))
    except NotTrustedError:
        context["told"] = Told(refuse("unverified_snapshot"))
    return context | _form(given, context.get("told"))


def _counts(published: Published) -> dict[str, int]:
    return {kind: published.map.counts[kind] for kind in ("work", "grant", "party")}


def _answered(given: Mapping[str, str], published: Published, at: str, language: str) -> dict[str, Any]:
    kind, key = read_key(given["key"])
    if kind is None:
        return {"matches": matches.find(key, published.map, language)}
    asked = {name: value for name, value in given.items() if name != "key" and value}
    return {"told": tell({**asked, kind: key}, published, at, language)}


def _form(given: Mapping[str, str], told: Told | None) -> dict[str, Any]:
    return {
        "fields": list(_fields(given, told)),
        "open": any(given[name] for name in FIELDS) or bool(told and told.needs_more),
        "another_key": bool(told and (told.copies_only or told.fault in query.KEYS)),
    }


def _fields(given: Mapping[str, str], told: Told | None) -> Iterator[Field]:
    for name, label in FIELDS.items():
        mark: str | Promise = _MISSING if told and name in told.missing else ""
        if told and name == told.fault:
            mark = _NOT_READ
        yield Field(name, label, given[name], OPTIONS.get(name), mark, HINTS.get(name, ""))
