"""Bring a catalogue."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from priorconsent import times
from priorconsent.errors import PriorConsentError
from registry.actor import Actor
from registry.imports.importing import BATCH_WORKS, Options, Summary, import_works
from registry.imports.mapping import read_map
from registry.imports.problems import Problem, UnreadableError

MAX_SHOWN = 20
SHIPPED = Path(__file__).resolve().parents[2] / "imports" / "maps"


class Command(BaseCommand):
    help = "Add the works of a catalogue (CSV, JSON Lines, Excel), or update them; see docs/guides."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--map", required=True, help="a TOML file, or one of those shipped: anime, media_arts")
        parser.add_argument("--registrant", required=True, help="urn:uuid:… of the party for whom they are added")
        parser.add_argument("--by", default="manage.py", help="who does it, for the history")
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        whole = parser.add_mutually_exclusive_group()
        whole.add_argument("--all-or-nothing", action="store_true", help="the whole file or nothing (as usual)")
        whole.add_argument("--by-batch", action="store_true", help="whole batches; leave out rows with errors")
        parser.add_argument("--batch", type=int, default=BATCH_WORKS, help="works in one batch")
        parser.add_argument(
            "--search-later",
            action="store_true",
            help="quicker for very large files: no search finds the works until index_works was run",
        )
        parser.add_argument("--report", type=Path, help="write every error and note there, as JSON Lines")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        is_watched = sys.stderr.isatty()
        with ExitStack() as stack:
            bar = stack.enter_context(_bar(is_shown=is_watched))
            try:
                report = (
                    stack.enter_context(options["report"].open("w", encoding="utf-8")) if options["report"] else None
                )
                teller = _Teller(report, _above(bar) if is_watched else self.stderr.write)
                summary = self._import(options, teller, _progress(bar, report))
            except UnreadableError as error:
                if report:
                    teller(error.problem)
                raise CommandError(f"the file is refused: {error}") from None
            except (PriorConsentError, OSError) as error:
                raise CommandError(str(error)) from None
            except KeyboardInterrupt:
                what = "whole batches stay: run it again" if options["by_batch"] else "nothing was stored"
                raise CommandError(f"broken off; {what}", returncode=130) from None
        self.stdout.write(msgspec.json.encode(summary).decode())
        if options["search_later"] and summary.stored:
            self.stderr.write("now run index_works: until then no search finds these works, or knows new titles")
        if summary.errors and not (summary.stored or options["dry_run"]):
            raise CommandError("nothing was stored: mend the rows with errors, or leave them out with --by-batch")

    @staticmethod
    def _import(
        options: dict[str, Any], remark: Callable[[Problem], None], progress: Callable[[int, int], None]
    ) -> Summary:
        return import_works(
            Actor(party=None, role="operator", proof="operator", label=options["by"]),
            options["registrant"],
            options["file"],
            read_map(_map(options["map"])),
            Options(
                whole=not options["by_batch"],
                dry=options["dry_run"],
                batch=options["batch"],
                finds=not options["search_later"],
            ),
            remark,
            progress,
            times.now(),
        )


def _map(name: str) -> Path:
    shipped = {path.stem: path for path in SHIPPED.glob("*.toml")}
    path = shipped.get(name, Path(name))
    if not path.exists():
        raise CommandError(f"there is no map {name}: name a TOML file, or one of {', '.join(sorted(shipped))}")
    return path


def _bar(*, is_shown: bool) -> Progress:
    columns = (TextColumn("works"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not is_shown)


def _progress(bar: Progress, report: TextIO | None) -> Callable[[int, int], None]:
    task = bar.add_task("works", total=None)

    def progress(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if report:
            report.flush()

    return progress


def _above(bar: Progress) -> Callable[[str], object]:
    # Whatever else writes there would be drawn into the bar.
    return lambda text: bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Teller:
    """Takes problems: all into the report, without a report the first few to whoever looks on."""

    def __init__(self, report: TextIO | None, write: Callable[[str], object]) -> None:
        self.report, self.write, self.shown = report, write, 0

    def __call__(self, problem: Problem) -> None:
        if self.report:
            self.report.write(msgspec.json.encode(problem).decode() + "\n")
            return
        self.shown += 1
        if self.shown <= MAX_SHOWN:
            where = f"line {problem.line}, {problem.column or 'whole row'}"
            self.write(f"{problem.level}: {where}: {problem.problem}; {problem.do}")
        elif self.shown == MAX_SHOWN + 1:
            self.write("… and more; --report FILE takes them all")
