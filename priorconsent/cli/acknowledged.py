"""``priorconsent log ack ACK --log PLACE --trust F``: was the acknowledged statement logged?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from priorconsent import canonical
from priorconsent.cli import asking
from priorconsent.cli.saying import say
from priorconsent.court.acknowledged import Kept, check_acknowledgement, wanted
from priorconsent.court.log_at_hand import read_log
from priorconsent.court.published import open_published
from priorconsent.errors import MalformedError
from priorconsent.files import PRIVATE_MODE, whole_file
from priorconsent.freshness import state_directory
from priorconsent.jws import MAX_TOKEN_BYTES


def configure(actions: Any) -> None:
    """Declare the arguments."""
    purpose = "see whether a statement that the registry acknowledged is in its log"
    action = actions.add_parser("ack", description=purpose, help=purpose, allow_abbrev=False)
    action.add_argument("ack", metavar="ACK", type=Path, help="the acknowledgement, or the reply that it came in")
    action.add_argument("--log", metavar="PLACE", required=True, help="folder or URL that holds log/ and blob/")
    action.add_argument(
        "--statement", metavar="FILE", type=Path, help="the statement: shows whether another act came first"
    )
    asking.add_trust(action)
    action.add_argument("--json", action="store_true", help="print the finding as one line of JSON")
    action.set_defaults(act=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, and tell by the exit code: 0 logged, 3 another act came first, 4 not due yet, 5 not there."""
    trust = asking.read_trust_file(arguments.trust)
    raw = read_acknowledgement(arguments.ack)
    statement = _token(arguments.statement) if arguments.statement else None
    with open_published(arguments.log) as published, asking.progress("reading") as report:
        log = read_log(published, trust, wanted(raw, statement), report)
    kept = check_acknowledgement(raw, log, trust, statement)
    place = _keep(kept)
    if arguments.json:
        print(canonical.encode({**kept.to_json(), "evidence": place and str(place)}).decode())
    else:
        _show(kept, place)
    return int(kept.exit_code)


def read_acknowledgement(path: Path) -> bytes:
    """An acknowledgement from a file, which may be the reply that it came in."""
    raw = _token(path)
    if raw[:1] != b"{":
        return raw
    told = canonical.parse(raw).get("acknowledgement")
    if not isinstance(told, str):
        raise MalformedError("a reply without an acknowledgement", pointer="/acknowledgement")
    return told.encode("utf-8", "surrogatepass")


def _token(path: Path) -> bytes:
    with path.open("rb") as file:
        # Editors end a file with a line feed, and no token does.
        return file.read(MAX_TOKEN_BYTES + 1).strip()


def _keep(kept: Kept) -> Path | None:
    """Keep both sides of a broken promise; the entries of the log anybody can fetch."""
    if not kept.evidence:
        return None
    name = kept.acknowledgement.statement.removeprefix("sha256:")
    folder = state_directory(dict(os.environ)) / "evidence" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, content in zip(("acknowledgement.jws", f"checkpoint-{kept.size}"), kept.evidence, strict=True):
        with whole_file(folder / file, PRIVATE_MODE) as draft:
            draft.write(content)
    return folder


def _show(kept: Kept, place: Path | None) -> None:
    promise = kept.acknowledgement
    say(f"{kept.outcome.value}: {kept.detail}")
    say(f"  statement {promise.statement}, received {promise.received_at}, promised by {promise.log_by}")
    say(f"  checkpoint of {kept.size} entries, {kept.time}")
    if place is not None:
        say(f"  the registry's own signatures prove it; they are kept in {place}")
