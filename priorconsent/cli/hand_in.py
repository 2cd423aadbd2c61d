"""``priorconsent hand-in FILE --registry URL``: hand a signed list in, as often as it takes."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from priorconsent import canonical
from priorconsent.cli import EXIT_DONE, EXIT_NOT_PERMITTED, asking
from priorconsent.cli.api_key import add_api_key, read_api_key
from priorconsent.cli.saying import say
from priorconsent.client import Registry
from priorconsent.delivery import deliver, pieces
from priorconsent.errors import MalformedError, UnreachableError
from priorconsent.files import whole_file
from priorconsent.lists import Outcome

MOST_REFUSALS_SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a signed list, as sign list --out writes it")
    parser.add_argument("--registry", metavar="URL", required=True, help="registry to hand it in to")
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help="what was refused, one JSON object a line; replaced"
    )
    add_api_key(parser, "needed only where the registry says so: the signatures are the authority")


def run(arguments: argparse.Namespace) -> int:
    """Hand in; how many lines were stored, there already, refused goes to standard output."""
    api_key = read_api_key(arguments.api_key)
    total = _count(arguments.file)
    told: Counter[str] = Counter()
    with _report(arguments.report) as refused, Registry(arguments.registry) as registry:
        try:
            _hand_in(arguments.file, registry, api_key, total, told, refused)
        except UnreachableError as error:
            done = sum(told.values())
            raise UnreachableError(
                f"{error}; {done:,} of {total:,} are handed in, run the same again for all"
            ) from error
    counts = ", ".join(f"{told[outcome]:,} {word}" for outcome, word in _WORDS.items())
    say(f"{total:,} statements: {counts}")
    return EXIT_NOT_PERMITTED if told["refused"] else EXIT_DONE


_WORDS = {"stored": "stored", "there": "there already", "refused": "refused"}


def _hand_in(
    path: Path,
    registry: Registry,
    api_key: str | None,
    total: int,
    told: Counter[str],
    refused: Callable[[Outcome], None],
) -> None:
    with path.open("rb") as source, asking.progress("handing in") as report:
        for piece in pieces(source):
            for outcome in deliver(registry, piece, api_key):
                told[outcome.outcome] += 1
                if outcome.outcome == "refused":
                    refused(outcome)
            report(sum(told.values()), total)


def _count(path: Path) -> int:
    """How many statements there are; a list with a mistake in it is not begun."""
    with path.open("rb") as source:
        total = sum(len(piece.numbers) for piece in pieces(source))
    if not total:
        raise MalformedError("the list is empty: there is nothing to hand in")
    return total


@contextlib.contextmanager
def _report(path: Path | None) -> Iterator[Callable[[Outcome], None]]:
    """Takes what was refused: the first ones are shown, and all of them written, also if it breaks off."""
    refused: list[Outcome] = []

    def take(outcome: Outcome) -> None:
        refused.append(outcome)
        if len(refused) <= MOST_REFUSALS_SHOWN:
            where = f", {outcome.pointer}" if outcome.pointer else ""
            asking.complain(f"line {outcome.line}{where}: {outcome.code}: {outcome.detail}. {outcome.says}")

    try:
        yield take
    finally:
        if len(refused) > MOST_REFUSALS_SHOWN:
            where = f"in {path}" if path else "with --report FILE"
            asking.complain(f"and {len(refused) - MOST_REFUSALS_SHOWN:,} more: {where}")
        if path is not None:
            with whole_file(path) as draft:
                draft.writelines(canonical.encode(one) + b"\n" for one in refused)
