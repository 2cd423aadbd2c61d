"""What the commands that ask have in common: the question, what to trust, and where the map comes from."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from priorconsent import trust
from priorconsent import vocabulary as words
from priorconsent.cli.saying import say
from priorconsent.errors import NotTrustedError
from priorconsent.home import reason_of
from priorconsent.reasons import REASONS
from priorconsent.trust import Trust

# Options of a question → what they say.
OPTIONS = {
    "use": "code of the use, such as train.generative.pretrain",
    "vendor": "party id of the vendor who acts",
    "territory": "country of the act, ISO 3166-1 alpha-2",
    "modality": "kind of data that goes in",
    "modality_out": "kind of data that comes out",
    "model": "name of the model",
    "distribution": "internal, api or open_weights",
    "at": "time asked about; default {now}",
    "acquired_at": "when the copy was made; default the time asked about",
    "min_level": "weakest evidence to rely on, E1 to E3",
    "min_method": "weakest signatures to rely on: account, passkey or key",
}


def add_question(parser: argparse.ArgumentParser, *, required: bool = True, now: str = "now") -> None:
    """Add the options of a question.

    Args:
        now: what an instant that is not said defaults to.
    """
    for member, purpose in OPTIONS.items():
        flag, told = "--" + member.replace("_", "-"), purpose.format(now=now)
        parser.add_argument(flag, metavar=member[0].upper(), help=told, required=required and member == "use")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the map comes from and whom to trust."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--snapshot", metavar="FILE", type=Path, help="snapshot to answer from; the registry sees nothing"
    )
    source.add_argument("--registry", metavar="URL", help="registry to fetch from; decided here all the same")
    add_trust(parser)


def add_trust(parser: argparse._ActionsContainer) -> None:
    """Add ``--trust``. Without it nothing can be checked, which is told by exit code 4."""
    parser.add_argument("--trust", metavar="FILE", type=Path, help="trust.json: the registry and log to believe")


def question(arguments: argparse.Namespace) -> dict[str, Any]:
    """The members of a query but its key, as far as they were given."""
    return {member: getattr(arguments, member) for member in OPTIONS if getattr(arguments, member) is not None}


def read_trust_file(path: Path | None) -> Trust:
    """Read ``trust.json``.

    Raises:
        NotTrustedError: there is none, or it is not sound; so nothing can be checked.
    """
    if path is None:
        raise NotTrustedError("no trust file was given: add --trust FILE")
    return trust.read_trust_file(path)


@contextlib.contextmanager
def snapshot_file(arguments: argparse.Namespace) -> Iterator[Path]:
    """The snapshot given, or one fetched for this one use."""
    if arguments.snapshot is not None:
        yield arguments.snapshot
        return
    with tempfile.TemporaryDirectory(prefix="priorconsent-") as folder:
        path = Path(folder) / "snapshot.sqlite"
        fetch(arguments.registry, path, lambda _: None)
        yield path


def fetch(url: str, path: Path, verify: Callable[[Path], None]) -> None:
    """Download the newest snapshot of a registry."""
    from priorconsent.client import Registry

    with Registry(url) as registry, progress("fetching") as report:
        registry.fetch_snapshot(path, verify, report)


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on a terminal, silence anywhere else."""
    if not sys.stderr.isatty():
        yield _silence
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _silence(done: int, total: int | None) -> None:
    """Report to nobody."""


def sentence(reason: str) -> str:
    """What a reason says, in the language of the terminal where there is such a sentence."""
    language = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "en")[:2]
    return REASONS[reason].sentence(language)


def complain(text: str, *, only_on_a_terminal: bool = False) -> None:
    """Say something to a person, beside the output."""
    if sys.stderr.isatty() or not only_on_a_terminal:
        say(text, sys.stderr)


def warn_of_unknown(use: str) -> None:
    """Say that a use is none of ours: mostly a slip, and otherwise a no for good."""
    if use not in words.USES:
        complain(f"warning: {use} is no use that this version knows, so nothing permits it")


def complain_of(error: NotTrustedError) -> None:
    """Say that, and why, nothing could be checked."""
    reason = reason_of(error)
    complain(f"{reason}: {sentence(reason)} {error}")
