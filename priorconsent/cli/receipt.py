"""``priorconsent receipt verify|add …``: does a receipt count? Put it into the bundle of the grant that it rests on."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

from priorconsent import canonical
from priorconsent.cli import asking
from priorconsent.cli.saying import say
from priorconsent.court.adding import add_receipt
from priorconsent.court.container import MAX_ARCHIVE_BYTES
from priorconsent.court.log_at_hand import LogAtHand, read_log
from priorconsent.court.published import open_published
from priorconsent.court.receipted import ReceiptReport, Shown, check_receipt
from priorconsent.court.reply import MAX_REPLY_BYTES, Reply, read_answers, read_reply
from priorconsent.court.report import counted
from priorconsent.errors import ConflictError, MalformedError
from priorconsent.files import PUBLIC_MODE, write_new
from priorconsent.snapshot import Snapshot, open_verified
from priorconsent.trust import Trust


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="verify|add")
    action = _action(actions, "verify", _verify, "check what the registry signed about its answers")
    action.add_argument("--log", metavar="PLACE", help="folder or URL that holds log/ and blob/; else nobody can tell")
    action.add_argument(
        "--request", metavar="FILE", type=Path, help="what was sent: the body, or the parameters as a canonical object"
    )
    action.add_argument("--nonce", metavar="N", help="the nonce that was sent")
    action.add_argument("--snapshot", metavar="FILE", type=Path, help="a map to compare with: it has the last word")
    action.add_argument("--at", metavar="T", help="instant that it is to be fresh at; default when it was issued")
    action.add_argument("--json", action="store_true", help="print the whole report as one line of JSON")

    action = _action(actions, "add", _add, "put a receipt into the bundle of the grant that its answers rest on")
    action.add_argument("--bundle", metavar="FILE", type=Path, required=True, help="the evidence, as downloaded")
    action.add_argument("--log", metavar="PLACE", required=True, help="folder or URL that holds log/ and blob/")
    action.add_argument("--out", metavar="NEW", type=Path, required=True, help="the bundle to write; never overwritten")


def _action(actions: Any, name: str, act: Any, purpose: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, description=purpose, help=purpose, allow_abbrev=False)
    action.add_argument("file", metavar="FILE", type=Path, help="the reply as it came, or the receipt alone")
    action.add_argument("--answers", metavar="FILE", type=Path, help="beside a receipt alone: the list of its answers")
    asking.add_trust(action)
    action.set_defaults(act=act)
    return action


def run(arguments: argparse.Namespace) -> int:
    """Act, and tell the outcome by the exit code."""
    code: int = arguments.act(arguments)
    return code


def _verify(arguments: argparse.Namespace) -> int:
    """Check, report, and tell the outcome by the exit code, as ``verify`` does for a bundle."""
    trust = asking.read_trust_file(arguments.trust)
    raw, leaves = _read(arguments)
    with contextlib.ExitStack() as stack:
        shown = Shown(
            log=_log(arguments.log, trust, stack),
            request=_bytes(arguments.request) if arguments.request else None,
            nonce=arguments.nonce,
            found=_map(arguments.snapshot, trust, stack),
        )
        report = check_receipt(raw, leaves, trust, shown, arguments.at)
    if arguments.json:
        print(canonical.encode(report.to_json()).decode())
    else:
        _show(report)
    return int(report.exit_code)


def _add(arguments: argparse.Namespace) -> int:
    """Add the receipt, and write the new bundle once it verifies."""
    if arguments.out.exists():
        raise ConflictError(f"{arguments.out} exists and is not overwritten")
    trust = asking.read_trust_file(arguments.trust)
    reply = _read(arguments)
    with arguments.bundle.open("rb") as file:
        raw = file.read(MAX_ARCHIVE_BYTES + 1)
    with contextlib.ExitStack() as stack:
        added, report = add_receipt(raw, reply, _published(arguments.log, trust, stack), trust)
    write_new(arguments.out, added, PUBLIC_MODE)
    say(f"added: {arguments.out} shows {counted(len(report.receipts), 'receipt')}; this one:")
    for line in next(one.lines for one in report.receipts if one.digest == canonical.digest(reply[0])):
        say(f"  {line}")
    return 0


def _read(arguments: argparse.Namespace) -> Reply:
    raw = _bytes(arguments.file)
    whole = raw.lstrip()[:1] == b"{"
    if whole == (arguments.answers is not None):
        raise MalformedError("give the whole reply, or the receipt with --answers")
    return read_reply(raw) if whole else (raw.strip(), read_answers(_bytes(arguments.answers)))


def _log(place: str | None, trust: Trust, stack: contextlib.ExitStack) -> LogAtHand | None:
    """The log; lists of receipts are fetched as long as the stack is open."""
    return None if place is None else _published(place, trust, stack)


def _published(place: str, trust: Trust, stack: contextlib.ExitStack) -> LogAtHand:
    published = stack.enter_context(open_published(place))
    with asking.progress("reading") as report:
        return read_log(published, trust, progress=report)


def _map(path: Path | None, trust: Trust, stack: contextlib.ExitStack) -> Snapshot | None:
    if path is None:
        return None
    snapshot = stack.enter_context(open_verified(path, trust, None))
    stack.enter_context(snapshot.in_one_read())
    return snapshot


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_REPLY_BYTES + 1)


def _show(report: ReceiptReport) -> None:
    receipt = report.receipt
    say(f"{report.outcome}{': ' + report.code if report.code else ''}: receipt {report.digest}")
    for step in report.steps:
        say(f"  {step.line}")
    for leaf in report.leaves:
        say(f"{leaf.verdict}: {leaf.reason} for {leaf.query.key if leaf.query else 'a question not understood'}")
    say(f"As of checkpoint {receipt.checkpoint.size}, issued {receipt.issued_at}, judged at {report.at}. Assumed:")
    for assumption in report.assumptions:
        say(f"  - {assumption}")
