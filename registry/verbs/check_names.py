"""An operator records how control of names was shown: evidence of level E3, for what is claimed from now on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from priorconsent import names
from priorconsent.errors import MalformedError, NotFoundError
from registry import evidence, wording
from registry.actor import Actor
from registry.models import Check, Party, Work
from registry.policy import RULES, permit


def check_names(
    actor: Actor,
    *,
    party: str,
    work: str,
    aliases: Iterable[str],
    seen: str,
    now: str,
    level: str = evidence.CHECKED,
) -> list[Check]:
    """Record a check of a party's control of names that stand for a work.

    It raises claims that are made afterwards; what is logged keeps the level it has.

    Args:
        aliases: names of the map in any spelling: files, places, numbers.
        seen: how control was shown.
        level: only E3 exists yet.
    """
    permit(actor, RULES["record_check"])
    evidence.check_level(level)
    found_party, found_work = Party.objects.filter(urn=party).first(), Work.objects.filter(urn=work).first()
    if found_party is None or found_work is None:
        raise NotFoundError("no such party or work")
    told = {"party": found_party, "work": found_work, "seen": wording.tidy(seen, "/seen"), "by": actor.label, "at": now}
    spelled = sorted({names.canonical_alias(name) for name in aliases})
    if not spelled:
        raise MalformedError("a check is of one name at least", pointer="/names")
    with transaction.atomic():
        return Check.objects.bulk_create([Check(name=name, **told) for name in spelled])
