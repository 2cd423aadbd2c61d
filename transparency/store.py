"""What replay stands on, backed by the database and checked against what the log signed.

Before a row decides anything, it is followed up to the newest checkpoint: a state through its bucket to the
map root, an event through its tiles to the root of the tree. A row that was changed by hand leads elsewhere,
and then nothing is sequenced, signed or decided (``DatabaseChangedError``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.conf import settings

from priorconsent import canonical, keys, names, states
from priorconsent import events as ev
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.errors import ConflictError, NotFoundError
from priorconsent.merkle_map import ZERO, map_key, value_hash
from priorconsent.states import KeysetState, State
from priorconsent.trust import Trust
from transparency.alarms import DatabaseChangedError
from transparency.anchors import check_tree, event_bytes
from transparency.archive import DatabaseArchive
from transparency.bulk import chunks
from transparency.models import EvidenceItem, Head, MapLeaf, Spent
from transparency.policies import own_policy
from transparency.trees import log_nodes, read_slice

# What the trust file suggests: a day, as the map-root says too.
MAX_AGE_S = 86400
# States read before anybody asked for them, so that a web of links cannot fill the memory.
MAX_STATES_AHEAD = 20_000


T = TypeVar("T")


class MovedOnError(ConflictError):
    """The log moved on between two reads that have to be of one size: begin again."""


class DatabaseLedger:
    """Everything sequenced so far, published or not, at one size.

    What is read once is kept, so an object serves one batch or one request.

    Raises:
        DatabaseChangedError: at opening or at any read, a row leads to another root than the signed one.
        MovedOnError: the log moved on while this object was read; begin again.
    """

    def __init__(self) -> None:
        self._open()

    def _open(self) -> None:
        head = Head.now()
        self._size, self.leaves = head.size, head.leaves
        self._nodes = log_nodes(self._size)
        self._events: dict[int, ev.Event] = {}
        self._states: dict[str, State | None] = {}
        self._spent: dict[str, bool] = {}
        self._once: dict[Hashable, Any] = {}
        self.root = check_tree(self._nodes)
        self.map_root = ZERO
        if self._size:
            last = self.event(self._size - 1)
            if not isinstance(last, ev.MapRoot):
                raise DatabaseChangedError("the log does not end in a map-root")
            if last.n != self.leaves:
                raise DatabaseChangedError(f"the map has {last.n} leaves, not {self.leaves}")
            self.map_root = canonical.digest_bytes(last.root)

    @property
    def size(self) -> int:
        """Implements ``Ledger``."""
        return self._size

    @property
    def last_time(self) -> str | None:
        """Implements ``Ledger``."""
        return self.event(self._size - 1).time if self._size else None

    def state(self, name: str) -> State | None:
        """Implements ``Ledger``; reads one bucket unless ``load`` did."""
        if name not in self._states:
            self.load([name])
        return self._states[name]

    def event(self, pos: int) -> ev.Event:
        """Implements ``Ledger``; proves the event into the tree."""
        if pos not in self._events:
            self._events[pos] = ev.read_event(event_bytes(pos, self._nodes, self.root))
        return self._events[pos]

    def is_spent(self, digest: str) -> bool:
        """Implements ``Ledger``."""
        if digest not in self._spent:
            self.load_spent([digest])
        return self._spent[digest]

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, worked out once for as long as this object lasts."""
        if name not in self._once:
            self._once[name] = make()
        made: T = self._once[name]
        return made

    def load(self, wanted: Iterable[str]) -> None:
        """Read many states at once."""
        new = [name for name in dict.fromkeys(wanted) if name not in self._states]
        if not new:
            return
        part = read_slice(new)
        if part.root != self.map_root:
            self._refuse_or_follow(new)
            return
        values = {key: value for items in part.items.values() for key, value in items.items()}
        raws: dict[bytes, bytes] = {}
        for some in chunks(map_key(name) for name in new):
            rows = MapLeaf.objects.filter(key__in=some).values_list("key", "state")
            raws.update((bytes(key), bytes(state)) for key, state in rows)
        for name in new:
            raw = raws.get(map_key(name))
            if (value_hash(raw) if raw is not None else None) != values.get(map_key(name)):
                self._refuse_or_follow(new)
                return
            self._states[name] = states.read_state(name, raw) if raw is not None else None

    def load_tied(self, wanted: Iterable[str]) -> None:
        """Read many states, and those that consent will look at next to them: holders and linked works.

        A handful of statements for each step along the links, however many works there are. What is beyond
        ``MAX_STATES_AHEAD`` is read when it is asked for.
        """
        frontier = list(wanted)
        while frontier and len(self._states) < MAX_STATES_AHEAD:
            self.load(frontier)
            works = [state for state in map(self._states.get, frontier) if isinstance(state, states.WorkState)]
            tied = [names.party(holder.party) for work in works for holder in work.holders]
            tied += [names.work(link.work) for work in works for link in work.links if link.work is not None]
            frontier = [name for name in dict.fromkeys(tied) if name not in self._states]

    def load_spent(self, digests: Iterable[str]) -> None:
        """Look up many evidence digests at once."""
        for some in chunks(digests):
            found = set(Spent.objects.filter(digest__in=some).values_list("digest", flat=True))
            # In two tables, so that no single row deleted by hand lets a statement count again.
            logged = EvidenceItem.objects.filter(digest__in=some, pos__isnull=False)
            found.update(logged.values_list("digest", flat=True))
            self._spent.update((digest, digest in found) for digest in some)

    def _refuse_or_follow(self, wanted: list[str]) -> None:
        """Tell a batch that was sequenced between two reads from a row that was changed."""
        size = self._size
        if Head.now().size == size:
            raise DatabaseChangedError(f"a state in the bucket of {', '.join(wanted[:3])} is not the one in the map")
        if self._states:
            raise MovedOnError("the log moved on meanwhile; begin again")
        self._open()
        self.load(wanted)


_reading: ContextVar[DatabaseLedger | None] = ContextVar("one_reading", default=None)


@contextmanager
def one_reading() -> Iterator[DatabaseLedger]:
    """Within this block ``current_states`` gives this one object, so that no row is proved twice.

    For lists of many acts. It is of one size: if the log moves on meanwhile, what was read stays as it was, and what
    was not read yet is refused (``MovedOnError``). The sequencer judges each act once more, by the newest states.
    """
    ledger = DatabaseLedger()
    token = _reading.set(ledger)
    try:
        yield ledger
    finally:
        _reading.reset(token)


def current_states() -> DatabaseLedger:
    """The newest sequenced map, for deciding what may be offered, signed and issued; not for answers."""
    return _reading.get() or DatabaseLedger()


def keyset(states: States | None = None) -> keys.Keyset:
    """The keyset in force.

    Args:
        states: of the map to judge by; ``None``: the newest.

    Raises:
        NotFoundError: the registry has not been founded.
    """
    judged_by = states or current_states()
    if isinstance(judged_by, DatabaseLedger):
        return judged_by.once("keyset", lambda: _keyset(judged_by))
    return _keyset(judged_by)


def _keyset(states: States) -> keys.Keyset:
    state = states.state(names.KEYSET)
    if not isinstance(state, KeysetState):
        raise NotFoundError("the registry has not been founded: manage.py found_registry")
    return keys.payload_of(DatabaseArchive().keyset(state.digest))


def registry_id() -> str:
    """The name of this registry: the digest of its first keyset."""
    return keyset().registry_id


def own_trust() -> Trust:
    """What the operator hands out: the registry's name, its log's keys and its roots."""
    # Those of the first keyset, whoever is a root today: the way back to the registry's name begins there.
    first = keys.payload_of(DatabaseArchive().keyset(registry_id()))
    return Trust(
        v=1,
        registry=first.digest,
        log_policy=own_policy().text(),
        roots=tuple(sorted(root.thumbprint for root in first.roots)),
        threshold=first.threshold,
        tsa_ca=settings.PRIORCONSENT_TSA_CA,
        max_age_s=MAX_AGE_S,
        key_delay_s=0,
        min_level=words.LEAST_LEVEL,
        min_method=words.USUAL_METHOD,
    )
