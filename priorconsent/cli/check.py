"""``priorconsent check KEY --use U …``: one question, decided here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from priorconsent import canonical, home, query
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, EXIT_NOT_PERMITTED, asking
from priorconsent.cli.saying import say
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.home import Answer
from priorconsent.reasons import Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("key", metavar="KEY", help="a URL, sha256:… of a file, a work's urn:uuid:…, or id:scheme:value")
    asking.add_question(parser)
    asking.add_source(parser)
    parser.add_argument("--json", action="store_true", help="print the whole answer as one line of JSON")


def run(arguments: argparse.Namespace) -> int:
    """Answer, or say why no answer is possible; both go to standard output."""
    answer = _ask(arguments)
    _show(arguments.json, answer)
    if answer.checkpoint is None:
        return EXIT_COULD_NOT_CHECK
    return EXIT_DONE if answer.decision.verdict is Verdict.PERMITTED else EXIT_NOT_PERMITTED


def _ask(arguments: argparse.Namespace) -> Answer:
    asking.warn_of_unknown(arguments.use)
    kind = query.kind_of(arguments.key)
    if kind is None and Path(arguments.key).is_file():
        raise MalformedError(f"{arguments.key} is a file here: give its digest, as sha256sum prints it")
    asked = {kind or "url": arguments.key, **asking.question(arguments)}
    try:
        trust = asking.read_trust_file(arguments.trust)
    except NotTrustedError as error:
        return home.could_not_check(error)
    return home.ask(asked, arguments.snapshot or arguments.registry, trust)


def _show(as_json: bool, answer: Answer) -> None:  # noqa: FBT001 (it is the option)
    told: dict[str, Any] = answer.decision.to_json()
    if answer.detail:
        told["detail"] = answer.detail
    if as_json:
        checkpoint = {} if answer.checkpoint is None else {"checkpoint": dict(answer.checkpoint)}
        print(canonical.encode({**told, **checkpoint}).decode())
        return
    say(f"{answer.decision.verdict.value}: {answer.decision.reason}")
    say(asking.sentence(answer.decision.reason))
    for name, value in told.items():
        if value and name not in {"verdict", "reason"}:
            say(f"  {name}: {_plain(value)}")
    if answer.checkpoint is not None:
        say("  as of checkpoint {size} of {origin}, {time}, fresh until {fresh_until}".format(**answer.checkpoint))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return value if isinstance(value, str) else canonical.encode(value).decode()
