"""What is published, as this process answers from it: the newest map, verified, and the trust file.

The process verifies a snapshot once, when it begins, and from then on follows the log step by step
(``priorconsent.current_map``): what an event changed is answered as soon as its checkpoint is public, and no
question waits until a large map is written and verified anew. No answer comes from a row of the database.
Whoever changes rows, or files, changes no answer: there is none.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from api.problems import UnverifiedError
from api.shapes import Mark
from priorconsent import canonical, names
from priorconsent.client import Latest
from priorconsent.current_map import CurrentMap
from priorconsent.errors import FraudError, MalformedError, NotTrustedError, StaleError
from priorconsent.freshness import check_fresh
from priorconsent.keys import Keyset, payload_of
from priorconsent.log.opening import open_checkpoint
from priorconsent.records import convert
from priorconsent.states import KeysetState
from priorconsent.trust import Trust, read_trust
from transparency.files import public_folder
from transparency.steps import next_step


@dataclass(frozen=True)
class Published:
    """The newest map, and what it was verified with.

    Args:
        told: the bytes of the trust file.
        note: the public checkpoint that led to this map; empty at the beginning.
    """

    folder: Path
    told: bytes
    trust: Trust
    map: CurrentMap
    note: bytes = b""

    @property
    def size(self) -> int:
        """Number of events that the map is of."""
        return self.map.head.checkpoint.size

    @property
    def mark(self) -> Mark:
        """Which checkpoint this is."""
        head = self.map.head
        root = "sha256:" + head.checkpoint.root.hex()
        return Mark(origin=head.checkpoint.origin, size=head.checkpoint.size, root=root, time=head.quorum_time)

    @property
    def latest(self) -> Latest:
        """The newest snapshot to fetch; of a large map it may be of an earlier checkpoint."""
        with _verified():
            return _latest(self.folder)

    def check_public(self) -> None:
        """Refuse to sign for a map that is ahead of the checkpoint which the public sees.

        Raises:
            UnverifiedError: it is.
        """
        with _verified():
            newest = open_checkpoint((self.folder / "log" / "checkpoint").read_bytes(), self.trust.policy).checkpoint
            if newest.size < self.size:
                raise NotTrustedError(f"the public sees {newest.size} events, the map is of {self.size}")

    def keyset(self) -> Keyset:
        """The keyset in force, from its blob; its digest stands in the map."""
        state = self.map.state(names.KEYSET)
        if not isinstance(state, KeysetState):
            raise UnverifiedError("the map names no keyset")
        with _verified():
            keyset = payload_of((self.folder / "blob" / state.digest.replace(":", "/")).read_bytes())
            if keyset.digest != state.digest:
                raise NotTrustedError("the keyset is not the one that the map names")
        return keyset


@contextlib.contextmanager
def reading(now: str) -> Iterator[Published]:
    """Answer from the map of the newest published checkpoint; one thread of a process at a time.

    Raises:
        StaleError: it is too old.
        UnverifiedError: there is none, or it is not what it should be. Also on leaving, if the file
            changed meanwhile: then nothing that was read may be told.
    """
    with _lock:
        with _verified():
            current = _newest(public_folder())
            check_fresh(current.map.head, current.trust, now)
        yield current
        with _verified():
            current.map.check_unchanged()


_lock = threading.Lock()
_opened: dict[Path, Published] = {}
# The largest map that this process answered from.
_largest: dict[Path, int] = {}


def _newest(folder: Path) -> Published:
    opened = _opened.get(folder)
    if opened is None or _was_written_to(opened.map):
        opened = _open(folder)
    # Read after the snapshot was opened: a snapshot is of a checkpoint that is public already.
    note = (folder / "log" / "checkpoint").read_bytes()
    if note != opened.note:
        opened = _opened[folder] = replace(_follow(opened, note), note=note)
    if opened.size < _largest.get(folder, 0):
        # It would be sound and perhaps even fresh, and not know what has ended since.
        raise NotTrustedError(f"a map of {opened.size} events was put in place of a newer one")
    _largest[folder] = opened.size
    return opened


def _follow(opened: Published, note: bytes) -> Published:
    """Go on to the checkpoint that is public; who is ahead of it stays there.

    Raises:
        NotTrustedError: there is no way to it, or it contradicts the map. What was opened remains, and answers nothing.
    """
    if _trust_file() != opened.told:
        opened = _open(opened.folder)
    newest = open_checkpoint(note, opened.trust.policy).checkpoint
    _take_steps(opened.map, newest.size)
    if opened.size < newest.size and _latest(opened.folder).size > opened.size:
        # Somebody who slept so long that the steps were removed.
        opened = _open(opened.folder)
        _take_steps(opened.map, newest.size)
    here = opened.map.head.checkpoint
    if here.size < newest.size:
        raise NotTrustedError(f"nothing leads from the map of {here.size} events to the newest, of {newest.size}")
    if here.size == newest.size and here.root != newest.root:
        raise FraudError(f"two checkpoints of {here.size} events", evidence=(opened.map.head.note, note))
    return opened


def _take_steps(current: CurrentMap, size: int) -> None:
    while (step := next_step(current.head.checkpoint.size, size)) is not None:
        current.advance(step)


def _open(folder: Path) -> Published:
    told = _trust_file()
    trust = read_trust(told)
    opened = Published(folder, told, trust, CurrentMap(folder / "snapshots" / _latest(folder).file, trust))
    while _opened:
        _opened.popitem()[1].map.close()
    _opened[folder] = opened
    return opened


def _latest(folder: Path) -> Latest:
    return convert(canonical.parse((folder / "snapshots" / "latest.json").read_bytes()), Latest)


def _trust_file() -> bytes:
    raw: bytes = (settings.PRIORCONSENT_DATA / "trust.json").read_bytes()
    return raw


def _was_written_to(current: CurrentMap) -> bool:
    try:
        current.check_unchanged()
    except NotTrustedError:
        return True
    return False


@contextlib.contextmanager
def _verified() -> Iterator[None]:
    try:
        yield
    except StaleError:
        raise
    except FileNotFoundError:
        raise UnverifiedError("nothing has been published yet") from None
    except (MalformedError, NotTrustedError, OSError) as error:
        raise UnverifiedError("the newest map could not be verified; tell the operator") from error
