"""An operator records what was seen: evidence of level E3, for what is claimed from now on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError, NotFoundError
from registry import evidence, wording
from registry.actor import Actor
from registry.models import Check, Party, Work
from registry.policy import RULES, permit


def record_check(
    actor: Actor,
    *,
    party: str,
    work: str,
    rights: Iterable[str] = (),
    aliases: Iterable[str] = (),
    seen: str,
    now: str,
    level: str = evidence.CHECKED,
) -> list[Check]:
    """Record a check of a party's rights in a work, or of its control of names that stand for the work.

    It raises share sets and claims that are made afterwards; what is logged keeps the level it has.

    Args:
        aliases: names of the map in any spelling: files, places, numbers.
        seen: which document, or how control was shown.
        level: only E3 exists yet.
    """
    permit(actor, RULES["record_check"])
    rights = frozenset(rights)
    evidence.check_level(level)
    found_party, found_work = Party.objects.filter(urn=party).first(), Work.objects.filter(urn=work).first()
    if found_party is None or found_work is None:
        raise NotFoundError("no such party or work")
    told = {"seen": wording.tidy(seen, "/seen"), "by": actor.label, "at": now}
    unknown = sorted(rights - words.RIGHTS)
    if unknown:
        raise MalformedError(f"no right known here: {', '.join(unknown)}", pointer="/rights")
    rows = [Check(party=found_party, work=found_work, right=right, **told) for right in sorted(rights)]
    spelled = sorted({names.canonical_alias(name) for name in aliases})
    rows += [Check(party=found_party, work=found_work, name=name, **told) for name in spelled]
    if not rows:
        raise MalformedError("a check is of a right or of a name")
    with transaction.atomic():
        return Check.objects.bulk_create(rows)
