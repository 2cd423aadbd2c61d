"""``priorconsent filter IN OUT --use U …``: keep the permitted rows of a manifest.

No output file appears unless every row was checked against one map. What an earlier run left under
the names of the outputs is removed first, so that nobody takes it for the answer of this one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from priorconsent import home, query, times
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, asking, manifests
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.files import whole_file
from priorconsent.home import Answer, MisalignedError
from priorconsent.reasons import Verdict
from priorconsent.trust import Trust

ROWS_PER_REPORT = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="IN", type=Path, help="manifest: .csv, .jsonl or .ndjson")
    parser.add_argument("target", metavar="OUT", type=Path, help="the permitted rows; replaced")
    parser.add_argument(
        "--verdicts",
        metavar="FILE",
        type=Path,
        help="all rows with their verdicts, and as detail what is wrong with a question; replaced",
    )
    parser.add_argument(
        "--key-column", choices=query.KEYS, help="which column is the key, where several of these are there"
    )
    asking.add_question(parser)
    asking.add_source(parser)


@dataclass
class Counts:
    """How many rows there were, were permitted, and asked no proper question."""

    total: int = 0
    permitted: int = 0
    invalid: int = 0


def run(arguments: argparse.Namespace) -> int:
    """Filter the manifest."""
    outputs = [path for path in (arguments.target, arguments.verdicts) if path is not None]
    _remove_old(arguments.source, outputs)
    form = _form(arguments.source, outputs)
    try:
        counts = _filter(arguments, form, outputs)
    except NotTrustedError as error:
        asking.complain_of(error)
        return EXIT_COULD_NOT_CHECK
    worth_a_warning = not counts.permitted or counts.invalid
    invalid = f" ({counts.invalid} invalid_query)" if counts.invalid else ""
    asking.complain(f"{counts.permitted} of {counts.total} permitted{invalid}", only_on_a_terminal=not worth_a_warning)
    return EXIT_DONE


def _remove_old(source: Path, outputs: list[Path]) -> None:
    """Remove what an earlier run left, before anything else can go wrong."""
    resolved = [path.resolve() for path in (source, *outputs)]
    if len(set(resolved)) != len(resolved):
        raise MalformedError("IN, OUT and the verdicts are different files")
    for path in outputs:
        manifests.form_of(path)
        # Without a manifest IN and OUT may have been given the wrong way round.
        if source.is_file() or manifests.is_answered(path):
            path.unlink(missing_ok=True)


def _form(source: Path, outputs: list[Path]) -> manifests.Form:
    form = manifests.form_of(source)
    if not source.is_file():
        raise MalformedError(f"there is no manifest {source}")
    for path in outputs:
        if manifests.form_of(path) is not form:
            raise MalformedError(f"{path} is of another format than {source}; converting is not done here")
    return form


def _filter(arguments: argparse.Namespace, form: manifests.Form, outputs: list[Path]) -> Counts:
    now = times.now()
    trust = asking.read_trust_file(arguments.trust)
    base = asking.question(arguments)
    _check_base(base, trust, now)
    added = (manifests.ADDED, manifests.ADDED_TO_ALL)[: len(outputs)]
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(arguments.source.open("rb"))
        table = form(source, added[-1])
        column = manifests.key_column(table.columns, arguments.key_column)
        # Drafts take their names last, after the map was found unchanged.
        drafts = [stack.enter_context(whole_file(path)) for path in outputs]
        path = stack.enter_context(asking.snapshot_file(arguments))
        at_home = stack.enter_context(home.opened(path, trust, now))
        report = stack.enter_context(asking.progress("checking"))
        stamp = os.fstat(source.fileno())
        answers = _answers(table, column, lambda asked: at_home.answer({**base, **asked}))
        writers = [table.writer(draft, names) for draft, names in zip(drafts, added, strict=True)]
        counts = _write(answers, writers, at_home.checkpoint["size"], lambda: report(source.tell(), stamp.st_size))
        _check_unchanged(source, stamp)
    return counts


def _check_base(base: dict[str, Any], trust: Trust, now: str) -> None:
    """Refuse a question that no row could complete: a mistake in the command is no answer about the rows."""
    home.question({**base, "sha256": "0" * 64}, trust, now)
    asking.warn_of_unknown(base["use"])


def _answers(
    table: manifests.Table, column: str, answer: Callable[[dict[str, Any]], Answer]
) -> Iterator[tuple[int, manifests.Row, Answer]]:
    """Each row with its number and answer."""
    for number, row in enumerate(table.rows):
        yield number, row, answer({column: table.value(row, column)})


def _write(
    answers: Iterator[tuple[int, manifests.Row, Answer]],
    writers: list[manifests.Write],
    size: int,
    report: Callable[[], None],
) -> Counts:
    """Write permitted rows by the first writer, all rows by the second, if any."""
    write_kept, *write_all = writers
    counts = Counts()
    for number, row, answer in answers:
        if number != counts.total:
            raise MisalignedError(f"an answer for row {number} where row {counts.total} was due")
        counts.total += 1
        counts.invalid += answer.decision.reason == "invalid_query"
        added = _added(answer, size)
        if answer.decision.verdict is Verdict.PERMITTED:
            write_kept(row, added)
            counts.permitted += 1
        for write in write_all:
            write(row, added)
        if counts.total % ROWS_PER_REPORT == 0:
            report()
    return counts


def _added(answer: Answer, size: int) -> dict[str, Any]:
    decision = answer.decision
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "grants": list(decision.grants),
        "binding": decision.binding,
        "size": size,
        "detail": answer.detail or None,
    }


def _check_unchanged(source: IO[bytes], stamp: os.stat_result) -> None:
    found = os.fstat(source.fileno())
    if (found.st_size, found.st_mtime_ns) != (stamp.st_size, stamp.st_mtime_ns):
        raise MisalignedError("the manifest was written to while it was read")
