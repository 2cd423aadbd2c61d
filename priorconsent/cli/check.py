"""``priorconsent check KEY --use U …``: one question, decided here."""

from __future__ import annotations

import argparse
import re
from typing import Any

from priorconsent import canonical, query, times
from priorconsent.cli import EXIT_COULD_NOT_CHECK, EXIT_DONE, EXIT_NOT_PERMITTED, asking
from priorconsent.cli.saying import say
from priorconsent.decision import Decision, decide, refuse
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.reasons import Verdict
from priorconsent.trust import Trust

_KINDS = (
    ("sha256", re.compile(r"sha256:.*|[0-9a-fA-F]{64}", re.ASCII | re.DOTALL)),
    ("work", re.compile(r"urn:uuid:.*", re.DOTALL)),
    ("identifier", re.compile(r"id:.*", re.DOTALL)),
    ("url", re.compile(r".*", re.DOTALL)),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("key", metavar="KEY", help="a URL, sha256:…, a work's urn:uuid:…, or id:scheme:value")
    asking.add_question(parser)
    asking.add_source(parser)
    parser.add_argument("--json", action="store_true", help="print the whole answer as one line of JSON")


def run(arguments: argparse.Namespace) -> int:
    """Answer, or say why no answer is possible; both go to standard output."""
    now = times.now()
    try:
        trust = asking.read_trust_file(arguments.trust)
        asked = {kind_of(arguments.key): arguments.key, **asking.question(arguments, trust)}
        decision, about = asking.ask(arguments, trust, now, lambda found: _answer(asked, found, now, trust))
    except NotTrustedError as error:
        reason = asking.reason_of(error)
        _show(arguments.json, refuse(reason), {"detail": str(error)})
        return EXIT_COULD_NOT_CHECK
    _show(arguments.json, decision, about)
    return EXIT_DONE if decision.verdict is Verdict.PERMITTED else EXIT_NOT_PERMITTED


def kind_of(key: str) -> str:
    """Which kind of key this is; what is nothing else is taken for a URL, and refused as one."""
    return next(kind for kind, spelling in _KINDS if spelling.fullmatch(key))


def _answer(asked: dict[str, Any], found: asking.Map, now: str, trust: Trust) -> tuple[Decision, dict[str, Any]]:
    about = {"checkpoint": asking.about(found.head, trust)}
    try:
        return decide(query.parse(asked, now=now), found), about
    except MalformedError as error:
        return refuse("invalid_query"), {**about, "detail": str(error)}


def _show(as_json: bool, decision: Decision, about: dict[str, Any]) -> None:  # noqa: FBT001 (it is the option)
    if as_json:
        print(canonical.encode({**decision.to_json(), **about}).decode())
        return
    say(f"{decision.verdict.value}: {decision.reason}")
    say(asking.sentence(decision.reason))
    for name, value in {**decision.to_json(), "detail": about.get("detail")}.items():
        if value and name not in {"verdict", "reason"}:
            say(f"  {name}: {_plain(value)}")
    if "checkpoint" in about:
        say("  as of checkpoint {size} of {origin}, {time}, fresh until {fresh_until}".format(**about["checkpoint"]))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return value if isinstance(value, str) else canonical.encode(value).decode()
