"""``priorconsent verify BUNDLE --trust F``: check the evidence for one grant, offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from priorconsent import canonical
from priorconsent.cli import asking
from priorconsent.cli.saying import say
from priorconsent.court.container import MAX_ARCHIVE_BYTES
from priorconsent.court.report import Report
from priorconsent.court.verify import verify
from priorconsent.errors import ConflictError
from priorconsent.files import whole_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="the evidence, as downloaded")
    asking.add_trust(parser)
    asking.add_question(parser, required=False, now="the bundle's last checkpoint; later entries are not known to it")
    parser.add_argument("--json", action="store_true", help="print the whole report as one line of JSON")
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help="also write the report as an HTML page; never overwritten"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify, report, and tell the outcome by the exit code."""
    if arguments.report is not None and arguments.report.exists():
        # It may be the evidence itself.
        raise ConflictError(f"{arguments.report} exists and is not overwritten")
    trust = asking.read_trust_file(arguments.trust)
    with arguments.bundle.open("rb") as file:
        raw = file.read(MAX_ARCHIVE_BYTES + 1)
    asked = {member: getattr(arguments, member) for member in asking.OPTIONS if member != "at"}
    report = verify(raw, trust, at=arguments.at, asked=asked)
    if arguments.report is not None:
        with whole_file(arguments.report) as page:
            page.write(report.to_html())
    if arguments.json:
        print(canonical.encode(report.to_json()).decode())
    else:
        _show(report)
    return int(report.exit_code)


def _show(report: Report) -> None:
    say(f"{report.outcome}: the evidence for {report.grant or 'no grant that could be read'}")
    for step in report.steps:
        say(f"  {step.line}")
    for work, decision in report.decisions.items():
        say(f"{decision.verdict.value}: {decision.reason} as of {report.at} for {work}")
        say(f"  {asking.sentence(decision.reason)}")
    for line in (line for told in report.receipts for line in told.lines):
        say(line)
    say("Assumed:")
    for assumption in report.assumptions:
        say(f"  - {assumption}")
