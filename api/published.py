"""What is published, as this process answers from it: the newest snapshot, verified once, and the trust file.

No answer comes from a row of the database. Whoever changes rows, or the file, changes no answer: there is none.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from api.problems import UnverifiedError
from api.shapes import Mark
from priorconsent import canonical, names
from priorconsent.bucket import SnapshotBuckets
from priorconsent.client import Latest
from priorconsent.errors import MalformedError, NotTrustedError, StaleError
from priorconsent.freshness import check_fresh
from priorconsent.keys import Keyset, payload_of
from priorconsent.records import convert
from priorconsent.snapshot import Snapshot, open_verified
from priorconsent.states import KeysetState
from priorconsent.trust import Trust, read_trust


@dataclass(frozen=True)
class Published:
    """A verified snapshot, and what is worked out from it once."""

    folder: Path
    latest: Latest
    trust: Trust
    snapshot: Snapshot

    @property
    def mark(self) -> Mark:
        """Which checkpoint this is."""
        head = self.snapshot.head
        root = "sha256:" + head.checkpoint.root.hex()
        return Mark(origin=head.checkpoint.origin, size=head.checkpoint.size, root=root, time=head.quorum_time)

    @functools.cached_property
    def buckets(self) -> SnapshotBuckets:
        """Every bucket of it. Costs one scan."""
        return SnapshotBuckets(self.snapshot)

    @functools.cached_property
    def counts(self) -> Counter[str]:
        """Number of leaves by kind of name. Costs one scan."""
        return Counter(names.kind_of(name) for _, name, _ in self.snapshot.leaves())

    def keyset(self) -> Keyset:
        """The keyset in force, from its blob; its digest stands in the map."""
        state = self.snapshot.state(names.KEYSET)
        if not isinstance(state, KeysetState):
            raise UnverifiedError("the map names no keyset")
        with _verified():
            keyset = payload_of((self.folder / "blob" / state.digest.replace(":", "/")).read_bytes())
            if keyset.digest != state.digest:
                raise NotTrustedError("the keyset is not the one that the map names")
        return keyset


def public_folder() -> Path:
    """What everybody may read."""
    folder: Path = settings.PRIORCONSENT_DATA / "public"
    return folder


@contextlib.contextmanager
def reading(now: str) -> Iterator[Published]:
    """Answer from the newest published snapshot; one thread of a process at a time.

    Raises:
        StaleError: it is too old.
        UnverifiedError: there is none, or it is not what it should be. Also on leaving, if the file
            changed meanwhile: then nothing that was read may be told.
    """
    with _lock:
        with _verified():
            current = _newest(public_folder())
            check_fresh(current.snapshot.head, current.trust, now)
        yield current
        with _verified():
            current.snapshot.check_unchanged()


_lock = threading.Lock()
_opened: dict[Path, Published] = {}
# The largest snapshot that this process answered from.
_largest: dict[Path, int] = {}


def _newest(folder: Path) -> Published:
    latest = convert(canonical.parse((folder / "snapshots" / "latest.json").read_bytes()), Latest)
    opened = _opened.get(folder)
    if latest.size < _largest.get(folder, 0):
        # It would be sound and perhaps even fresh, and not know what has ended since.
        raise NotTrustedError(f"a snapshot of {latest.size} events was put in place of a newer one")
    if opened is None or opened.latest != latest:
        trust = read_trust((settings.PRIORCONSENT_DATA / "trust.json").read_bytes())
        snapshot = open_verified(folder / "snapshots" / latest.file, trust, None)
        _forget()
        opened = _opened[folder] = Published(folder, latest, trust, snapshot)
        _largest[folder] = snapshot.head.checkpoint.size
    return opened


@contextlib.contextmanager
def _verified() -> Iterator[None]:
    try:
        yield
    except StaleError:
        raise
    except FileNotFoundError:
        raise UnverifiedError("nothing has been published yet") from None
    except (MalformedError, NotTrustedError, OSError) as error:
        # The next question looks at the file anew.
        _forget()
        raise UnverifiedError("the newest snapshot could not be verified; tell the operator") from error


def _forget() -> None:
    while _opened:
        _opened.popitem()[1].snapshot.close()
