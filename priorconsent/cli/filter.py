"""``priorconsent filter IN OUT --use U …``: keep the permitted rows of a manifest.

No output file appears unless every row was checked against one map. What an earlier run left under
the names of the outputs is removed first, so that nobody takes it for the answer of this one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from priorconsent import query, times
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, asking, manifests
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.files import whole_file
from priorconsent.reasons import Verdict
from priorconsent.snapshot import Snapshot

ROWS_PER_REPORT = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="IN", type=Path, help="manifest: .csv, .jsonl or .ndjson")
    parser.add_argument("target", metavar="OUT", type=Path, help="the permitted rows; replaced")
    parser.add_argument("--verdicts", metavar="FILE", type=Path, help="all rows with their verdicts; replaced")
    parser.add_argument(
        "--key-column", choices=query.KEYS, help="which column is the key, where several of these are there"
    )
    asking.add_question(parser)
    asking.add_source(parser)


def run(arguments: argparse.Namespace) -> int:
    """Filter the manifest."""
    outputs = [path for path in (arguments.target, arguments.verdicts) if path is not None]
    form = manifests.form_of(arguments.source)
    _check_paths(arguments.source, outputs)
    for path in outputs:
        path.unlink(missing_ok=True)
    try:
        kept, total = _filter(arguments, form, outputs)
    except NotTrustedError as error:
        reason = asking.reason_of(error)
        asking.complain(f"{reason}: {asking.sentence(reason)} {error}")
        return EXIT_COULD_NOT_CHECK
    asking.complain(f"{kept} of {total} rows permitted", only_on_a_terminal=True)
    return EXIT_DONE


def _filter(arguments: argparse.Namespace, form: manifests.Form, outputs: list[Path]) -> tuple[int, int]:
    now = times.now()
    trust = asking.read_trust_file(arguments.trust)
    base = asking.question(arguments, trust)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(arguments.source.open("rb"))
        table = form(source)
        column = manifests.key_column(table.columns, arguments.key_column)
        # Drafts take their names last, after the map was found unchanged.
        drafts = [stack.enter_context(whole_file(path)) for path in outputs]
        snapshot = stack.enter_context(asking.whole_map(arguments, trust, now))
        report = stack.enter_context(asking.progress("checking"))
        stack.enter_context(snapshot.in_one_read())
        stamp = os.fstat(source.fileno())
        answers = _answers(table, column, lambda asked: _decide({**base, **asked}, snapshot, now))
        counts = _write(answers, table, drafts, snapshot, lambda: report(source.tell(), stamp.st_size))
        _check_unchanged(source, stamp)
    return counts


def _check_paths(source: Path, outputs: list[Path]) -> None:
    resolved = [path.resolve() for path in (source, *outputs)]
    if len(set(resolved)) != len(resolved):
        raise MalformedError("IN, OUT and the verdicts are different files")
    if not source.is_file():
        raise MalformedError(f"there is no manifest {source}")
    for path in outputs:
        if manifests.form_of(path) is not manifests.form_of(source):
            raise MalformedError(f"{path} is of another format than {source}; converting is not done here")


def _answers(
    table: manifests.Table, column: str, answer: Callable[[dict[str, Any]], Decision]
) -> Iterator[tuple[int, manifests.Row, Decision]]:
    """Each row with its number and answer."""
    for number, row in enumerate(table.rows):
        yield number, row, answer({column: table.value(row, column)})


def _decide(asked: dict[str, Any], snapshot: Snapshot, now: str) -> Decision:
    try:
        return decide(query.parse(asked, now=now), snapshot)
    except MalformedError:
        return refuse("invalid_query")


def _write(
    answers: Iterator[tuple[int, manifests.Row, Decision]],
    table: manifests.Table,
    drafts: list[IO[bytes]],
    snapshot: Snapshot,
    report: Callable[[], None],
) -> tuple[int, int]:
    """Write permitted rows to the first draft, all rows to the second, if any; returns both counts."""
    size = snapshot.head.checkpoint.size
    kept_in, *all_in = [table.writer(draft) for draft in drafts]
    kept = total = 0
    for number, row, decision in answers:
        if number != total:
            raise asking.MisalignedError(f"an answer for row {number} where row {total} was due")
        total += 1
        added = _added(decision, size)
        if decision.verdict is Verdict.PERMITTED:
            kept_in(row, added)
            kept += 1
        for write in all_in:
            write(row, added)
        if total % ROWS_PER_REPORT == 0:
            report()
    return kept, total


def _added(decision: Decision, size: int) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "grants": list(decision.grants),
        "binding": decision.binding,
        "size": size,
    }


def _check_unchanged(source: IO[bytes], stamp: os.stat_result) -> None:
    found = os.fstat(source.fileno())
    if (found.st_size, found.st_mtime_ns) != (stamp.st_size, stamp.st_mtime_ns):
        raise asking.MisalignedError("the manifest was written to while it was read")
