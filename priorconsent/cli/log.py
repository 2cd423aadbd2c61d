"""``priorconsent log fsck|monitor|ack|witness …``: check what a registry published, follow it, or countersign."""

from __future__ import annotations

import argparse
from pathlib import Path

from priorconsent import canonical
from priorconsent.cli import acknowledged, asking, monitor, witness
from priorconsent.cli.saying import say
from priorconsent.court.findings import Findings
from priorconsent.court.fsck import fsck
from priorconsent.court.published import open_published
from priorconsent.court.report import counted


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="fsck|monitor|ack|witness")
    purpose = "derive log, map and snapshot again from the published files, and compare"
    action = actions.add_parser("fsck", description=purpose, help=purpose, allow_abbrev=False)
    action.add_argument("place", metavar="PLACE", help="folder or URL that holds log/, blob/, evidence/, snapshots/")
    asking.add_trust(action)
    action.add_argument(
        "--ack", metavar="FILE", type=Path, action="append", default=[], help="an acknowledgement; may be repeated"
    )
    action.add_argument("--json", action="store_true", help="print the findings as one line of JSON")
    action.set_defaults(act=_fsck)
    monitor.configure(actions)
    acknowledged.configure(actions)
    witness.configure(actions)


def run(arguments: argparse.Namespace) -> int:
    """Act, and tell the outcome by the exit code."""
    code: int = arguments.act(arguments)
    return code


def _fsck(arguments: argparse.Namespace) -> int:
    """0 clean, 4 could not check all, 5 wrong."""
    trust = asking.read_trust_file(arguments.trust)
    shown = [acknowledged.read_acknowledgement(path) for path in arguments.ack]
    with open_published(arguments.place) as published, asking.progress("replaying") as report:
        findings = fsck(published, trust, report, shown)
    if arguments.json:
        print(canonical.encode(findings.to_json()).decode())
    else:
        _show(findings)
    return int(findings.exit_code)


def _show(findings: Findings) -> None:
    told = findings.to_json()
    say(f"{told['outcome']}: registry {findings.registry}")
    found = ((findings.size, "entry", "entries"), (findings.leaves, "state", ""), (findings.map_roots, "map-root", ""))
    say(f"  {', '.join(counted(*one) for one in found)} derived again")
    for label, lines in (("wrong", findings.wrong), ("could not check", findings.unable), ("alarm", findings.alarms)):
        for line in lines:
            say(f"  {label}: {line}")
    if findings.unchecked:
        say(f"  unchecked: {counted(len(findings.unchecked), 'piece')} of evidence not at hand")
    for path in sorted(findings.uncovered):
        say(f"  not compared with anything signed: {path}")
