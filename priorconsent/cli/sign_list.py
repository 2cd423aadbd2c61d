"""``priorconsent sign list FILE --out OUT``: many statements at once, after a look at what they are.

The list is read twice: once to its end, checked and summed up; then, if the person agrees, line by line to be
signed. A list that was changed in between is not signed, and nothing half-written is left.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from priorconsent import canonical, lists, statements
from priorconsent.cli import EXIT_DONE, asking
from priorconsent.cli.making import about, statement_of
from priorconsent.cli.saying import say
from priorconsent.errors import ConflictError, MalformedError, NotAllowedError
from priorconsent.files import whole_file
from priorconsent.keys import KeyRecord, SigningKey
from priorconsent.lists import SignedLine, UnsignedLine

LINES_PER_REPORT = 100
MOST_HOLDERS_SHOWN = 10
MOST_TITLE_CHARACTERS = 60


def sign_list(arguments: argparse.Namespace, key: SigningKey, record: KeyRecord, now: str, lapses: str) -> int:
    """Look through the list, say what it is, ask, and sign.

    Raises:
        LineError: a line that is not what it should be; nothing was signed.
        ConflictError: the output is there already, or the list changed meanwhile.
        NotAllowedError: nobody agreed.
    """
    out = _new_file(arguments)
    expected = lists.Expected(record.registry, record.party, now, arguments.only)

    def signed(one: UnsignedLine) -> bytes:
        made = statement_of(one.type, record, about(one.body), now, lapses)
        return canonical.encode(SignedLine(statement=statements.sign(made, key).decode("ascii"))) + b"\n"

    with arguments.file.open("rb") as source:
        watched = Watched(source)
        summary = _look(watched, expected)
        for text in summary.lines():
            say(text)
        say(f"each lapses at {lapses}")
        if not arguments.yes:
            _ask(summary.total)
        source.seek(0)
        again = Watched(source)
        with whole_file(out) as draft, asking.progress("signing") as report:
            for done, (_, one) in enumerate(lists.unsigned(again, expected), 1):
                draft.write(signed(one))
                if done % LINES_PER_REPORT == 0:
                    report(done, summary.total)
            if again.digest != watched.digest:
                raise ConflictError(f"{arguments.file} was changed while it was signed; nothing was written")
    say(f"{summary.total:,} signed: {out}")
    return EXIT_DONE


class Watched:
    """A list, and the digest of what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of what was read so far."""
        return self._hash.hexdigest()

    def readline(self, size: int, /) -> bytes:
        """Implements ``lists.Source``."""
        line = self._file.readline(size)
        self._hash.update(line)
        return line


class Summary:
    """What a person reads before signing."""

    def __init__(self) -> None:
        self.kinds: dict[str, Counter[str]] = {kind: Counter() for kind in lists.TYPES}
        self.holders: Counter[tuple[str, str]] = Counter()
        self.links: Counter[tuple[str, bool]] = Counter()
        self.complete = 0
        self.nobody: set[str] = set()
        self.listed: list[str] = []
        self.ends: list[UnsignedLine] = []

    @property
    def total(self) -> int:
        """How many statements there are."""
        return sum(sum(kinds.values()) for kinds in self.kinds.values())

    def add(self, one: UnsignedLine) -> None:
        """Count one line in."""
        self.kinds[one.type][one.kind] += 1
        self.listed = [min([*self.listed, one.listed_at]), max([*self.listed, one.listed_at])]
        self.ends = [*self.ends[:1], one]
        self.nobody.update(one.nobody)
        if one.type == "shares":
            self.complete += one.body["complete"]
            self.holders.update((share["right"], share["party"]) for share in one.body["holders"])
            self.links.update((link["rel"], link["work"] is None) for link in one.body["links"])

    def lines(self) -> Iterator[str]:
        """The summary, line by line."""
        first, last = self.ends[0], self.ends[-1]
        yield f"{self.total:,} statements of {first.party}"
        yield f"for the registry {first.registry}"
        yield f"listed {' to '.join(sorted(set(self.listed)))}"
        if claims := self.kinds["claim"]:
            yield f"claim   {sum(claims.values()):,} works, as their registrant: {_counts(claims)}"
        if shares := self.kinds["shares"]:
            yield from self._shares(sum(shares.values()), _counts(shares))
        for name, one in (("first", first), ("last", last)):
            yield f"{name:<7} {one.title[:MOST_TITLE_CHARACTERS]} ({one.work})"

    def _shares(self, total: int, kinds: str) -> Iterator[str]:
        yield f"shares  of {total:,} works: {kinds}"
        yield f"        complete: {self.complete:,}; not complete, so nothing can be granted: {total - self.complete:,}"
        for (right, party), count in self.holders.most_common(MOST_HOLDERS_SHOWN):
            yield f"        {right} held by {party}: {count:,}"
        if (more := len(self.holders) - MOST_HOLDERS_SHOWN) > 0:
            yield f"        and {more:,} more holders"
        if not self.holders:
            yield "        no holder of any right is named"
        for (rel, is_open), count in sorted(self.links.items()):
            yield f"        {rel} a {'work that is not registered' if is_open else 'registered work'}: {count:,}"
        if self.nobody:
            yield f"        names in the catalogue that stand for no party: {len(self.nobody):,}"


def _look(source: lists.Source, expected: lists.Expected) -> Summary:
    summary = Summary()
    with asking.progress("reading") as report:
        for done, (_, one) in enumerate(lists.unsigned(source, expected), 1):
            summary.add(one)
            if done % LINES_PER_REPORT == 0:
                report(done, None)
    if not summary.total:
        raise MalformedError("the list is empty: there is nothing to sign")
    return summary


def _new_file(arguments: argparse.Namespace) -> Path:
    out: Path | None = arguments.out
    if out is None:
        raise MalformedError("say where the signed list goes: --out OUT")
    if out.exists():
        # Signed anew, each line is another statement; of one handed in by half the rest would then be refused.
        raise ConflictError(f"{out} exists and is not overwritten; hand it in, or choose another name")
    return out


def _ask(total: int) -> None:
    if not sys.stdin.isatty():
        raise NotAllowedError("nobody is there to ask; read the summary above, and add --yes if it is right")
    asking.complain(f"Nothing is signed yet. To sign all of this, type {total}:")
    if sys.stdin.readline().strip() != str(total):
        raise NotAllowedError("nothing was signed")


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counted.most_common())
