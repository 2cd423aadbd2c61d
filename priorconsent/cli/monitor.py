"""``priorconsent log monitor PLACE --trust F --state FILE``: follow a registry, and tell what concerns somebody."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priorconsent import canonical, times
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, EXIT_NOT_PERMITTED, asking, keyfile
from priorconsent.cli.saying import say
from priorconsent.court.published import open_published
from priorconsent.court.report import Exit
from priorconsent.errors import MalformedError, UnreachableError
from priorconsent.freshness import state_directory
from priorconsent.jws import MAX_TOKEN_BYTES
from priorconsent.monitor.interests import KINDS, MAX_INTERESTS_BYTES, Interests, read_interests
from priorconsent.monitor.memory import Memory
from priorconsent.monitor.reports import Report
from priorconsent.monitor.rounds import Monitor, Round
from priorconsent.monitor.webhook import Webhook
from priorconsent.trust import Trust

EXIT_REPORTED = EXIT_NOT_PERMITTED
LEAST_PAUSE_S = 1

_EPILOG = """exit code: 0 nothing to report, 3 something was reported, 4 could not check all (also: evidence is not
served, or the webhook did not take a report), 5 the registry's own signatures prove something false; the gravest one
counts."""


def configure(actions: Any) -> None:
    """Declare the arguments."""
    purpose = "follow a registry: see that its log is honest, and learn what concerns you"
    action = actions.add_parser("monitor", description=purpose, help=purpose, epilog=_EPILOG, allow_abbrev=False)
    action.add_argument("place", metavar="PLACE", help="URL or folder that holds log/, blob/, evidence/")
    asking.add_trust(action)
    action.add_argument("--state", metavar="FILE", type=Path, help="what is remembered between rounds")
    for kind, told in _WATCHED.items():
        action.add_argument(f"--{kind}", metavar=kind[0].upper(), action="append", default=[], help=told)
    action.add_argument("--watch", metavar="FILE", type=Path, help='a list: "party P", "work W", "name N", one a line')
    action.add_argument("--key", metavar="K", action="append", default=[], help="your own key: its file, or its key id")
    action.add_argument(
        "--signed-by-me", metavar="PATH", type=Path, help="your own statements: a file of one, or a folder of them"
    )
    action.add_argument("--webhook", metavar="URL", help="also post each report there, as JSON")
    action.add_argument("--every", metavar="S", type=int, help="go on, with so many seconds between rounds")
    action.add_argument("--json", action="store_true", help="a line of JSON for each report, also on a terminal")
    action.set_defaults(act=run)


_WATCHED = {
    "party": "party to watch; may be repeated",
    "work": "work to watch; may be repeated",
    "name": "sha256:, url:, prefix:, host: or id: to watch, with places below it; may be repeated",
}


def run(arguments: argparse.Namespace) -> int:
    """Follow once, or for ever."""
    if arguments.every is not None and arguments.every < LEAST_PAUSE_S:
        raise MalformedError(f"--every takes {LEAST_PAUSE_S} s at least")
    trust = asking.read_trust_file(arguments.trust)
    interests = _interests(arguments)
    path = arguments.state or _usual_state(trust)
    with contextlib.ExitStack() as opened:
        hook = opened.enter_context(Webhook(arguments.webhook)) if arguments.webhook else None
        memory = opened.enter_context(Memory(path, trust, posts=hook is not None))
        _check_same_interests(memory, interests)
        telling = Telling(memory, hook, as_json=arguments.json or not sys.stdout.isatty())
        monitor = Monitor(memory, trust, interests, telling.tell)
        while True:
            with open_published(arguments.place) as published, asking.progress("following") as report:
                telling.failed = None
                seen = monitor.follow(published, times.now(), report)
            code = _judge(seen, telling)
            if arguments.every is None or code == Exit.INVALID:
                return code
            time.sleep(arguments.every)


@dataclass
class Telling:
    """Hands out reports: to standard output, and to a webhook.

    Args:
        failed: why the webhook did not take one in this round; then it gets the rest in the next.
    """

    memory: Memory
    hook: Webhook | None
    as_json: bool
    failed: UnreachableError | None = None

    def tell(self) -> None:
        """Hand out what is kept. A crash between telling and noting so tells once more, under the same id."""
        while untold := self.memory.untold("printed"):
            for one in untold:
                self._print(one.report)
            sys.stdout.flush()
            self.memory.told("printed", [one.number for one in untold])
        if self.hook is not None and self.failed is None:
            self._post(self.hook)

    def _print(self, report: Report) -> None:
        if self.as_json:
            print(canonical.encode(report).decode())
        else:
            say(report.sentence())

    def _post(self, hook: Webhook) -> None:
        while untold := self.memory.untold("posted"):
            for one in untold:
                try:
                    hook.post(one.report)
                except UnreachableError as error:
                    self.failed = error
                    return
                self.memory.told("posted", [one.number])


def _judge(seen: Round, telling: Telling) -> int:
    for error in (seen.problem, telling.failed):
        if error is not None:
            asking.complain(f"{error.code}: {error}")
    if seen.fraud is not None:
        asking.complain(f"{seen.fraud.code}: {seen.fraud.summary}; evidence: {telling.memory.evidence_of(seen.fraud)}")
        return int(Exit.INVALID)
    if seen.problem is not None or telling.failed is not None or seen.unchecked:
        return EXIT_COULD_NOT_CHECK
    asking.complain(f"{seen.size} entries followed, {seen.reported} new reports", only_on_a_terminal=True)
    return EXIT_REPORTED if seen.reported else EXIT_DONE


def _interests(arguments: argparse.Namespace) -> Interests:
    found = Interests()
    given: dict[str, Iterable[str]] = {
        "party": arguments.party,
        "work": arguments.work,
        "name": arguments.name,
        "key": map(_key_id, arguments.key),
        "statement": _own_statements(arguments.signed_by_me),
    }
    for kind, texts in given.items():
        for text in texts:
            found = found.join(KINDS[kind](text))
    if arguments.watch is not None:
        with arguments.watch.open("rb") as file:
            found = found.join(read_interests(file.read(MAX_INTERESTS_BYTES + 1)))
    return found


def _key_id(text: str) -> str:
    return text if text.startswith("sha256:") else keyfile.read_record(Path(text)).key_id


def _own_statements(path: Path | None) -> list[str]:
    if path is None:
        return []
    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    digests = []
    for one in files:
        with one.open("rb") as file:
            # Editors end a file with a line feed, and no statement does.
            digests.append(canonical.digest(file.read(MAX_TOKEN_BYTES + 1).strip()))
    return digests


def _usual_state(trust: Trust) -> Path:
    folder = state_directory(dict(os.environ))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = canonical.digest(f"{trust.registry} {trust.policy.origin}".encode()).removeprefix("sha256:")
    return folder / f"monitor-{name}.sqlite"


def _check_same_interests(memory: Memory, interests: Interests) -> None:
    """Say so where the past was read with other interests: it is not read again."""
    told = canonical.digest(canonical.encode(sorted(interests.names)))
    if memory.keep("interests", told) not in {"", told} and memory.ledger.size:
        asking.complain(
            f"you watch for something else than before: entries up to {memory.ledger.size} were not looked at for it; "
            "name another --state file to look back"
        )
