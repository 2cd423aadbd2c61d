"""A work is described: titles, numbers, files, places. Nothing of it is in the log yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from priorconsent import names
from priorconsent import vocabulary as words
from priorconsent.canonical import digest
from priorconsent.errors import MalformedError, NotFoundError, RuleError
from registry import identifiers as ids_elsewhere
from registry import ids, search_entries, wording
from registry.actor import Actor
from registry.models import Asset, Identifier, Locator, Party, Work, WorkTitle
from registry.policy import RULES, permit
from registry.search_keys import entry_of

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,49}/[a-z0-9][a-z0-9!#$&^_.+-]{0,49}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Title:
    """A title.

    Args:
        form: main, kana, romaji, translated or alternative.
    """

    lang: str
    form: str
    text: str


@dataclass(frozen=True, slots=True)
class File:
    """One file of a work.

    Args:
        sha256: ``sha256:`` and 64 hex digits of its bytes.
    """

    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Description:
    """What is told about a work.

    Args:
        date: year, month or day; empty if unknown.
        rights_statement: as printed, to the character; empty if there is none.
        identifiers: scheme and value.
        locators: ``url:``, ``prefix:`` or ``host:`` names in any spelling.
    """

    kind: str
    titles: tuple[Title, ...]
    date: str = ""
    rights_statement: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    locators: tuple[str, ...] = ()


def add_work(actor: Actor, registrant: str, told: Description, now: str) -> Work:
    """Add a work's row; ``register_work`` brings it into the log."""
    permit(actor, RULES["add_work"], [registrant])
    party = Party.objects.filter(urn=registrant).first()
    if party is None:
        raise NotFoundError("no such party", pointer="/registrant")
    if party.kind == "committee":
        raise RuleError("a committee never signs, so a member of it registers the work", pointer="/registrant")
    if told.kind not in words.WORK_KINDS:
        raise MalformedError(f"a work is one of {', '.join(sorted(words.WORK_KINDS))}", pointer="/kind")
    wording.check_characters(told.rights_statement.replace("\n", ""), "/rights_statement")
    if len(told.rights_statement) > wording.MAX_RIGHTS_STATEMENT_CHARACTERS:
        raise MalformedError("rights statement too long", pointer="/rights_statement")
    work = Work(
        urn=ids.new_record(),
        kind=told.kind,
        registrant=party,
        date=wording.date(told.date, "/date") if told.date else "",
        rights_statement=told.rights_statement,
        added_at=now,
    )
    titles = _titles(work, told.titles)
    rows = _names(work, told)
    with transaction.atomic():
        work.save()
        WorkTitle.objects.bulk_create(titles)
        search_entries.add([(work.pk, entry_of((title.form, title.text) for title in titles))])
        _store(rows)
    return work


def _titles(work: Work, titles: Iterable[Title]) -> list[WorkTitle]:
    rows = {
        (lang, title.form, text): WorkTitle(work=work, lang=lang, form=title.form, text=text)
        for index, title in enumerate(titles)
        for lang in [wording.language(title.lang, f"/titles/{index}/lang")]
        for text in [wording.tidy(title.text, f"/titles/{index}/text")]
    }
    for _, form, _ in rows:
        if form not in wording.TITLE_FORMS:
            raise MalformedError(f"a title is one of {', '.join(wording.TITLE_FORMS)}", pointer="/titles")
    if not rows:
        raise MalformedError("a work has one title at least", pointer="/titles")
    return list(rows.values())


def _names(work: Work, told: Description) -> tuple[list[Identifier], list[Asset], list[Locator]]:
    numbers = {(scheme, ids_elsewhere.canonical(scheme, value, "/identifiers")) for scheme, value in told.identifiers}
    places = {names.canonical_alias(locator) for locator in told.locators}
    for place in places:
        if names.kind_of(place) not in names.LOCATORS:
            raise MalformedError("a place begins with url:, prefix: or host:", pointer="/locators")
    return (
        [Identifier(work=work, scheme=scheme, value=value) for scheme, value in sorted(numbers)],
        [_asset(work, file) for file in told.files],
        [Locator(work=work, name=place, name_digest=digest(place.encode())) for place in sorted(places)],
    )


def _asset(work: Work, file: File) -> Asset:
    sha256 = names.canonical_alias(file.sha256)
    if names.kind_of(sha256) != "sha256" or file.size_bytes < 0 or not _MEDIA_TYPE.fullmatch(file.media_type):
        raise MalformedError("a file has a sha256:, a size in bytes and a media type in lower case", pointer="/files")
    return Asset(work=work, sha256=sha256, size_bytes=file.size_bytes, media_type=file.media_type)


def _store(rows: tuple[list[Identifier], list[Asset], list[Locator]]) -> None:
    identifiers, assets, locators = rows
    Identifier.objects.bulk_create(identifiers, ignore_conflicts=True)
    Asset.objects.bulk_create(assets, ignore_conflicts=True)
    Locator.objects.bulk_create(locators, ignore_conflicts=True)
