"""``priorconsent snapshot fetch|info|verify FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from priorconsent import canonical, home, times
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, asking
from priorconsent.cli.saying import say
from priorconsent.errors import NotTrustedError
from priorconsent.snapshot import Snapshot, open_verified
from priorconsent.trust import Trust


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="fetch|info|verify")
    for name, purpose in (
        ("fetch", "download the newest snapshot; it is kept only if it verifies and is fresh"),
        ("info", "verify a snapshot and say what it is, however old"),
        ("verify", "verify a snapshot and that it may be answered from now"),
    ):
        action = actions.add_parser(name, description=purpose, help=purpose, allow_abbrev=False)
        action.add_argument("file", metavar="FILE", type=Path, help="the snapshot")
        asking.add_trust(action)
        action.add_argument("--json", action="store_true", help="print one line of JSON")
        if name == "fetch":
            action.add_argument("--registry", metavar="URL", required=True, help="where to fetch it from")


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says, then describe the snapshot."""
    now = times.now()
    try:
        trust = asking.read_trust_file(arguments.trust)
        if arguments.action == "fetch":
            asking.fetch(arguments.registry, arguments.file, lambda draft: _admitted(draft, trust, now))
        with open_verified(arguments.file, trust, None) as snapshot:
            if arguments.action == "verify":
                home.admit(snapshot.head, trust, now)
            found = _described(snapshot, arguments.file, trust)
    except NotTrustedError as error:
        asking.complain_of(error)
        return EXIT_COULD_NOT_CHECK
    if arguments.json:
        print(canonical.encode(found).decode())
    else:
        for name, value in found.items():
            say(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    return EXIT_DONE


def _admitted(draft: Path, trust: Trust, now: str) -> None:
    with open_verified(draft, trust, None) as snapshot:
        home.admit(snapshot.head, trust, now)


def _described(snapshot: Snapshot, file: Path, trust: Trust) -> dict[str, Any]:
    return {
        "registry": trust.registry,
        **home.about(snapshot.head, trust),
        "map_root": snapshot.head.map_root.root,
        "names": snapshot.head.map_root.n,
        "bytes": file.stat().st_size,
    }
