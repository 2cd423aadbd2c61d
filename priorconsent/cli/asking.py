"""What the commands that ask have in common: the question, what to trust, and where the map comes from."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from priorconsent import freshness
from priorconsent.cli.saying import say
from priorconsent.errors import MalformedError, NotTrustedError, StaleError, UnreachableError
from priorconsent.head import NO_QUORUM, Head
from priorconsent.reasons import REASONS
from priorconsent.snapshot import Snapshot, open_verified
from priorconsent.states import State
from priorconsent.trust import Trust, read_trust

T = TypeVar("T")

# Options of a question → what they say.
OPTIONS = {
    "use": "code of the use, such as train.generative.pretrain",
    "vendor": "party id of the vendor who acts",
    "territory": "country of the act, ISO 3166-1 alpha-2",
    "modality": "kind of data that goes in",
    "modality_out": "kind of data that comes out",
    "model": "name of the model",
    "distribution": "internal, api or open_weights",
    "at": "time asked about; default now",
    "acquired_at": "when the copy was made; default the time asked about",
    "min_level": "weakest evidence to rely on, E1 to E3",
    "min_method": "weakest signatures to rely on: account, passkey or key",
}


class MisalignedError(NotTrustedError):
    """Answers that do not line up with the questions."""

    code = "misaligned_answer"


class Map(Protocol):
    """States with the head that they belong to."""

    @property
    def head(self) -> Head:
        """The checkpoint of the map."""

    def state(self, name: str) -> State | None:
        """As ``consent.States``."""


def add_question(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options of a question."""
    for member, purpose in OPTIONS.items():
        flag = "--" + member.replace("_", "-")
        parser.add_argument(flag, metavar=member[0].upper(), help=purpose, required=required and member == "use")


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


def question(arguments: argparse.Namespace, trust: Trust) -> dict[str, Any]:
    """The members of a query but its key; what is not asked for is as strict as the trust file says."""
    given = {member: getattr(arguments, member) for member in OPTIONS if getattr(arguments, member) is not None}
    return {"min_level": trust.min_level, "min_method": trust.min_method, **given}


def read_trust_file(path: Path | None) -> Trust:
    """Read ``trust.json``.

    Raises:
        NotTrustedError: there is none, or it is not sound; so nothing can be checked.
    """
    if path is None:
        raise NotTrustedError("no trust file was given: add --trust FILE")
    try:
        return read_trust(path.read_bytes())
    except OSError as error:
        raise NotTrustedError(f"cannot read the trust file {path}: {error.strerror}") from None
    except MalformedError as error:
        raise NotTrustedError(f"the trust file {path} is not sound: {error}") from None


def ask(arguments: argparse.Namespace, trust: Trust, now: str, put: Callable[[Map], T]) -> T:
    """Put a question to the map, from a snapshot or in buckets, once it is known to be fresh."""
    if arguments.snapshot is not None:
        with whole_map(arguments, trust, now) as snapshot, snapshot.in_one_read():
            return put(snapshot)
    from priorconsent import bucket
    from priorconsent.client import Registry

    def admitted(states: bucket.BucketStates) -> T:
        admit(states.head, trust, now)
        return put(states)

    with Registry(arguments.registry) as registry:
        return bucket.ask(registry.bucket, trust, admitted)


@contextlib.contextmanager
def whole_map(arguments: argparse.Namespace, trust: Trust, now: str) -> Iterator[Snapshot]:
    """The whole map, from the file given or fetched for this one use."""
    with contextlib.ExitStack() as stack:
        path = arguments.snapshot
        if path is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="priorconsent-"))) / "snapshot.sqlite"
            fetch(arguments.registry, path, lambda _: None)
        snapshot = stack.enter_context(open_verified(path, trust, None))
        admit(snapshot.head, trust, now)
        yield snapshot


def admit(head: Head, trust: Trust, now: str) -> None:
    """Refuse a head that is stale, older than one seen before, or half of a fork."""
    freshness.check_fresh(head, trust, now)
    freshness.Memory(freshness.state_directory(dict(os.environ))).remember(head, trust, now)


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


def reason_of(error: NotTrustedError) -> str:
    """The reason that a failed check gives."""
    named = ((StaleError, "stale_snapshot"), (UnreachableError, "unreachable"), (MisalignedError, "misaligned_answer"))
    return next((reason for kind, reason in named if isinstance(error, kind)), "unverified_snapshot")


def sentence(reason: str) -> str:
    """What a reason says, in the language of the terminal where there is such a sentence."""
    language = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "en")[:2]
    return REASONS[reason].sentence(language)


def complain(text: str, *, only_on_a_terminal: bool = False) -> None:
    """Say something to a person, beside the output."""
    if sys.stderr.isatty() or not only_on_a_terminal:
        say(text, sys.stderr)


def about(head: Head, trust: Trust) -> dict[str, Any]:
    """Which checkpoint an answer comes from."""
    return {
        "origin": head.checkpoint.origin,
        "size": head.checkpoint.size,
        "time": head.quorum_time,
        "fresh_until": freshness.fresh_until(head, trust),
        "assumptions": [NO_QUORUM],
    }
