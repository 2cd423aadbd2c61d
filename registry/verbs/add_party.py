"""A party comes to exist: names beside the log, pseudonym and kind in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from priorconsent import vocabulary as words
from priorconsent.errors import MalformedError, NotFoundError, RuleError
from registry import identifiers as ids_elsewhere
from registry import ids, wording
from registry.actor import Actor
from registry.models import Party, PartyIdentifier, PartyName
from registry.policy import RULES, permit
from registry.statements import check_event
from transparency.append import append


def add_party(
    actor: Actor,
    *,
    kind: str,
    names: Mapping[str, str],
    identifiers: Iterable[tuple[str, str]] = (),
    members: Iterable[str] = (),
    now: str,
) -> Party:
    """Add a party.

    Args:
        names: by language tag; never logged.
        identifiers: scheme and value; check digits are tested.
        members: of a committee, which never holds or signs itself.
    """
    permit(actor, RULES["add_party"])
    if kind not in words.PARTY_KINDS:
        raise MalformedError(f"a party is one of {', '.join(sorted(words.PARTY_KINDS))}", pointer="/kind")
    found = _members(kind, sorted(set(members)))
    tidied = {wording.language(tag, "/names"): wording.tidy(text, f"/names/{tag}") for tag, text in names.items()}
    if not tidied:
        raise MalformedError("a party has a name in one language at least", pointer="/names")
    numbers = sorted(
        {(scheme, ids_elsewhere.canonical(scheme, value, "/identifiers")) for scheme, value in identifiers}
    )
    urn = ids.new_party()
    draft = {
        "t": "party",
        "party": urn,
        "kind": kind,
        "members": [member.urn for member in found] if kind == "committee" else None,
    }
    check_event(draft, now)
    with transaction.atomic():
        party = Party.objects.create(urn=urn, kind=kind, added_at=now)
        party.members.set(found)
        PartyName.objects.bulk_create(PartyName(party=party, lang=lang, text=text) for lang, text in tidied.items())
        PartyIdentifier.objects.bulk_create(
            PartyIdentifier(party=party, scheme=scheme, value=value) for scheme, value in numbers
        )
        append(draft)
    return party


def _members(kind: str, urns: list[str]) -> list[Party]:
    if kind != "committee":
        if urns:
            raise RuleError("only a committee has members", pointer="/members")
        return []
    found = list(Party.objects.filter(urn__in=urns).order_by("urn"))
    missing = sorted(set(urns) - {party.urn for party in found})
    if missing or not found:
        raise NotFoundError(
            f"no such party: {', '.join(missing) or 'a committee names its members'}", pointer="/members"
        )
    if any(party.kind == "committee" for party in found):
        raise RuleError("a committee's members are parties that hold and sign, not committees", pointer="/members")
    return found
