"""``priorconsent to-sign --registry URL --party P --api-key K --out OUT``: fetch the list of what to sign next."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta

from priorconsent import canonical
from priorconsent.cli import EXIT_DONE, asking
from priorconsent.cli.api_key import add_api_key, read_api_key
from priorconsent.cli.saying import say
from priorconsent.client import Registry
from priorconsent.errors import MalformedError, UnreachableError
from priorconsent.files import read_at_most, whole_file
from priorconsent.lists import UnsignedLine
from priorconsent.records import Record, convert

ADDRESS: Final = "api/v1/works-to-sign"
MAX_PAGE_BYTES: Final = 8 << 20
MAX_PARTIES_BYTES: Final = 1 << 22


class Page(Record, frozen=True):
    """One page of what to sign. It may be empty while there is a next one."""

    items: tuple[UnsignedLine, ...]
    next: Annotated[str, Meta(max_length=18)] | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--registry", metavar="URL", required=True, help="registry where the works are")
    parser.add_argument("--party", metavar="P", required=True, help="party id of the registrant, urn:uuid:…")
    parser.add_argument("--parties", metavar="FILE", type=Path, help='TOML with lines "Name as written" = "urn:uuid:…"')
    parser.add_argument("--out", metavar="OUT", type=Path, required=True, help="the list to write; replaced")
    add_api_key(parser, "of somebody who may write for the party", required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the list; what is in it goes to standard output."""
    api_key = read_api_key(arguments.api_key)
    body = {"registrant": arguments.party, "parties": _parties(arguments.parties)}
    total, nobody = 0, set[str]()
    with Registry(arguments.registry) as registry, whole_file(arguments.out) as draft:
        for one in _pages(registry, body, api_key):
            draft.write(canonical.encode(one) + b"\n")
            total += 1
            nobody.update(one.nobody)
    say(f"{total:,} to sign: {arguments.out}")
    if nobody:
        asking.complain(f"{len(nobody):,} names stand for no party; see nobody in the list, and --parties")
    return EXIT_DONE


def _pages(registry: Registry, body: dict[str, Any], api_key: str | None) -> Iterator[UnsignedLine]:
    after: str | None = "0"
    seen = 0
    with asking.progress("listing") as report:
        while after is not None:
            page = _page(registry, {**body, "after": after}, api_key)
            for one in page.items:
                one.check()
                yield one
            seen += len(page.items)
            report(seen, None)
            after = page.next


def _page(registry: Registry, body: dict[str, Any], api_key: str | None) -> Page:
    raw = registry.post(ADDRESS, canonical.encode(body), "application/json", api_key=api_key, max_bytes=MAX_PAGE_BYTES)
    try:
        return convert(canonical.parse(raw, max_bytes=MAX_PAGE_BYTES), Page)
    except MalformedError as error:
        raise UnreachableError(f"the registry's answer is not a page of what to sign: {error}") from error


def _parties(path: Path | None) -> list[dict[str, str]]:
    if path is None:
        return []
    try:
        told = tomllib.loads(read_at_most(path, MAX_PARTIES_BYTES).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MalformedError(f"{path} is no TOML: {error}") from None
    if not all(isinstance(party, str) for party in told.values()):
        raise MalformedError(f'{path} has lines "Name as written" = "urn:uuid:…", and no others')
    return [{"name": name, "party": party} for name, party in sorted(told.items())]
