"""Whether what was published is recent enough to answer from, and never older than what was seen before.

A checkpoint says nothing about later ones, so a reader remembers the largest one that it has seen
(docs/spec/files.md): a smaller one is not used; another root for the same size is a fork, and
both sides are kept as evidence.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from priorconsent import canonical, times
from priorconsent.errors import FraudError, MalformedError, NotTrustedError, StaleError
from priorconsent.files import PRIVATE_MODE, locked, whole_file
from priorconsent.head import Head
from priorconsent.log.note import MAX_NOTE_BYTES
from priorconsent.records import Count, Digest, Time, Versioned
from priorconsent.trust import Trust

MAX_CLOCK_LAG_S = 300
MAX_SEEN_BYTES = 4 * MAX_NOTE_BYTES

Note = Annotated[str, Meta(min_length=1, max_length=MAX_NOTE_BYTES)]


def fresh_until(head: Head, trust: Trust) -> str:
    """The instant from which the head is stale."""
    return times.plus(head.quorum_time, min(head.map_root.fresh_for_s, trust.max_age_s))


def check_fresh(head: Head, trust: Trust, now: str) -> None:
    """Refuse a head that is too old, or a clock that cannot tell.

    Raises:
        StaleError: says which.
    """
    _check_clock(max(head.quorum_time, head.map_root.time), now)
    limit = fresh_until(head, trust)
    if now >= limit:
        raise StaleError(f"the checkpoint of size {head.checkpoint.size} was fresh until {limit}; fetch a newer one")


class Seen(Versioned, frozen=True):
    """The largest checkpoint that this reader has seen of one log.

    Args:
        time: quorum time, the latest one seen.
        fork: another checkpoint of the same size; with ``checkpoint`` it proves two histories.
    """

    registry: Digest
    size: Count
    root: Digest
    time: Time
    checkpoint: Note
    fork: Note | None


class Memory:
    """The largest checkpoint seen of each log, a small file each.

    Args:
        directory: is made where needed. An unwritable one stops every new checkpoint: what cannot be
            remembered cannot be held against the next answer.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def remember(self, head: Head, trust: Trust, now: str) -> None:
        """Compare a verified head with what was seen, and keep it if it is larger.

        Raises:
            StaleError: a larger checkpoint was seen, or the clock is behind one that was.
            FraudError: another root for the same size, now or ever before.
            NotTrustedError: the memory cannot be read or written.
        """
        path = self.path(head, trust)
        seen = _read(path)
        if seen is not None and (seen.size, seen.root, seen.fork) == (head.checkpoint.size, _root(head), None):
            _check_clock(seen.time, now)
            return
        with _locked(path):
            seen = _read(path)
            if seen is not None:
                _check_clock(seen.time, now)
                _check_fork(path, seen, head)
                if head.checkpoint.size < seen.size:
                    raise StaleError(
                        f"a checkpoint of size {seen.size} was seen before this one of {head.checkpoint.size}; "
                        "fetch a newer snapshot"
                    )
            _write(path, _seen(head, trust, seen.time if seen else ""))

    def path(self, head: Head, trust: Trust) -> Path:
        """The file that remembers this log of this registry."""
        name = canonical.digest(f"{trust.registry} {head.checkpoint.origin}".encode()).removeprefix("sha256:")
        return self._directory / f"{name}.json"


def state_directory(environment: dict[str, str]) -> Path:
    """Where a person's programs keep such files.

    Source: XDG base directory specification.
    """
    base = Path(environment.get("XDG_STATE_HOME", ""))
    if base.is_absolute():
        return base / "priorconsent"
    try:
        return Path.home() / ".local" / "state" / "priorconsent"
    except RuntimeError:
        raise NotTrustedError("there is no home directory to remember checkpoints in; set XDG_STATE_HOME") from None


def _check_clock(seen: str, now: str) -> None:
    if times.plus(now, MAX_CLOCK_LAG_S) < seen:
        raise StaleError(f"the clock says {now}, but a checkpoint of {seen} was seen; set the clock")


def _check_fork(path: Path, seen: Seen, head: Head) -> None:
    other = seen.fork
    if other is None and head.checkpoint.size == seen.size and _root(head) != seen.root:
        other = head.note.decode()
        _write(path, msgspec.structs.replace(seen, fork=other))
    if other is not None:
        raise FraudError(
            f"the log signed two histories of size {seen.size}; both are kept in {path}",
            evidence=(seen.checkpoint.encode(), other.encode()),
        )


def _seen(head: Head, trust: Trust, time: str) -> Seen:
    return Seen(
        v=1,
        registry=trust.registry,
        size=head.checkpoint.size,
        root=_root(head),
        time=max(time, head.quorum_time),
        checkpoint=head.note.decode(),
        fork=None,
    )


def _root(head: Head) -> str:
    return "sha256:" + head.checkpoint.root.hex()


def _read(path: Path) -> Seen | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        return Seen.parse(raw[:MAX_SEEN_BYTES])
    except MalformedError as error:
        raise NotTrustedError(f"{path} is damaged ({error}); move it away to start anew") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time: two that write after reading would forget the larger checkpoint."""
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.enter_context(locked(path.with_suffix(".lock")))
        except OSError as error:
            raise _unusable(path, error) from None
        yield


def _write(path: Path, seen: Seen) -> None:
    try:
        with whole_file(path, PRIVATE_MODE) as file:
            file.write(seen.encode())
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> NotTrustedError:
    return NotTrustedError(
        f"cannot keep what was seen in {path.parent}: {error.strerror or error}; "
        "set XDG_STATE_HOME to a writable directory"
    )
