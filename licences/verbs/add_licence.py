"""Terms and texts under one title, for offers to start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from licences.models import Licence, LicenceText
from licences.policy import RULES
from licences.terms import DRAFTED
from priorconsent import canonical
from priorconsent.errors import MalformedError
from registry import ids, wording
from registry.actor import Actor
from registry.policy import permit

MAX_TEXT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it is shown to signers.

    Args:
        content: at most ``MAX_TEXT_BYTES``; pinned by its digest, so never changed.
    """

    lang: str
    media_type: str
    content: bytes


def add_licence(
    actor: Actor,
    *,
    title: str,
    terms: Mapping[str, Any],
    texts: Iterable[Text] = (),
    follows: Licence | None = None,
    now: str,
) -> Licence:
    """Add a licence, or the next version of one.

    Args:
        terms: members of an offer, as many as are the same for everybody.
        follows: the version before it.
    """
    permit(actor, RULES["add_licence"])
    unknown = sorted(set(terms) - DRAFTED)
    if unknown:
        raise MalformedError(f"an offer has no member {unknown[0]}", pointer="/terms")
    canonical.check_profile(dict(terms))
    told = list(texts)
    for text in told:
        if not 0 < len(text.content) <= MAX_TEXT_BYTES:
            raise MalformedError(f"a text has 1 to {MAX_TEXT_BYTES} bytes", pointer="/texts")
    with transaction.atomic():
        licence = Licence.objects.create(
            urn=follows.urn if follows else ids.new_record(),
            version=follows.version + 1 if follows else 1,
            title=wording.tidy(title, "/title"),
            terms=dict(terms),
            added_at=now,
        )
        LicenceText.objects.bulk_create(
            LicenceText(
                licence=licence,
                lang=wording.language(text.lang, "/texts"),
                media_type=text.media_type,
                digest=canonical.digest(text.content),
                content=text.content,
            )
            for text in told
        )
    return licence


def pins(licence: Licence) -> list[dict[str, str]]:
    """The texts of a licence as an offer pins them."""
    return [{"lang": text.lang, "media_type": text.media_type, "digest": text.digest} for text in licence.texts.all()]
