"""The snapshot: the whole map of one checkpoint as a SQLite file (docs/spec/files.md).

Nothing in a file is believed before all of it was scanned: SQLite is only a container, and a crafted
one is an attack. Procedure of ``open_verified``:

1. The schema is, to the letter, the one below and nothing else; ``meta`` holds its five rows.
2. The checkpoint is the trusted log's, and the map-root event its last leaf.
3. One scan of the leaves: keys strictly ascending, each derived anew from its name, each state
   canonical and readable as the state of such a name, number and root those of the map-root.
4. It is fresh, if a clock is given.

Everything comes through one connection, opened once, in one read transaction, and the file may not
change as long as answers are taken from it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from priorconsent import canonical, freshness, merkle_map
from priorconsent.errors import MalformedError, NotTrustedError, ProofError
from priorconsent.files import draft_of, whole_file
from priorconsent.head import Head, open_head
from priorconsent.states import AliasState, State, kind_of_state, read_state
from priorconsent.trust import Trust

FORMAT = b"1"
MAX_META_BYTES = 1 << 17
MAX_ROW_BYTES = canonical.MAX_JSON_BYTES + 16_384
# Decoded states kept in memory: those of works, parties and grants are asked for again and again.
KEPT_STATES = 1 << 15

SCHEMA = {
    "meta": "CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
    "leaves": "CREATE TABLE leaves(key BLOB PRIMARY KEY, name TEXT NOT NULL, state BLOB NOT NULL) WITHOUT ROWID",
}
META = ("checkpoint", "format", "map_root", "map_root_proof", "registry")

Leaf = tuple[str, bytes]  # name, canonical state

_encoder = msgspec.json.Encoder(order="sorted")


def build(
    path: Path, leaves: Iterable[Leaf], *, registry: str, checkpoint: bytes, map_root: bytes, proof: bytes
) -> None:
    """Write a snapshot file, whole or not at all.

    What is given is written as it is: ``open_verified`` tells whether it fits together.

    Args:
        path: replaced atomically.
        leaves: in any order; ascending by key they are written about twice as fast.
        checkpoint: signed note.
        map_root: canonical bytes of the event that is the checkpoint's last leaf.
        proof: its inclusion, a tlog-proof file.

    Raises:
        MalformedError: a name occurs twice.
    """
    meta = {
        "format": FORMAT,
        "registry": registry.encode(),
        "checkpoint": checkpoint,
        "map_root": map_root,
        "map_root_proof": proof,
    }
    try:
        with whole_file(path) as draft:
            _write(draft_of(draft), meta, leaves)
    except sqlite3.IntegrityError as error:
        raise MalformedError(f"no map has these leaves: {error}") from None


def open_verified(path: Path, trust: Trust, now: str | None) -> Snapshot:
    """Open a snapshot and verify all of it, by the procedure above.

    Args:
        now: the clock, for freshness; ``None`` where age does not matter.

    Raises:
        NotTrustedError: the file is not what it should be; nothing of it may be used.
        StaleError: it is, but too old.

    Cost: time grows with the number of leaves, memory does not.
    """
    snapshot = Snapshot(path, trust)
    try:
        if now is not None:
            freshness.check_fresh(snapshot.head, trust, now)
    except BaseException:
        snapshot.close()
        raise
    return snapshot


class Snapshot:
    """A verified map. ``open_verified`` makes one; it is closed after use.

    Not to be used by two threads at once: who shares it among several holds a lock.
    """

    def __init__(self, path: Path, trust: Trust) -> None:
        self._path = path
        with contextlib.ExitStack() as opened:
            self._file = _open_file(path)
            opened.callback(os.close, self._file)
            self._stamp = _stamp(self._file)
            self._changed_ns = os.fstat(self._file).st_ctime_ns
            self._connection = _connect(path)
            opened.callback(self._connection.close)
            if _stamp(path) != self._stamp:
                raise NotTrustedError(f"{path} was replaced while it was opened; try again")
            self.head = self._verified(trust)
            self.check_unchanged()
            self._closing = opened.pop_all()
        # Bound here, not on the class: the cache ends with the snapshot.
        self._kept = functools.lru_cache(maxsize=KEPT_STATES)(self._look_up)

    def state(self, name: str) -> State | None:
        """The state under a name; ``None``: the map holds nothing there. Implements ``States``."""
        return self._kept(name)

    @contextlib.contextmanager
    def in_one_read(self) -> Iterator[Self]:
        """Several look-ups, after which the file is known not to have changed meanwhile.

        Raises:
            NotTrustedError: it did; what was looked up is void.
        """
        yield self
        self.check_unchanged()

    def leaves(self, first: bytes = bytes(32), last: bytes = b"\xff" * 32) -> Iterator[tuple[bytes, str, bytes]]:
        """Key, name and state of the leaves in a range of keys, both ends included, ascending."""
        with _ours(self._path):
            yield from self._connection.execute(
                "SELECT key, name, state FROM leaves WHERE key BETWEEN ? AND ? ORDER BY key", (first, last)
            )

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was verified.

        SQLite reads pages again, so what was scanned counts only as long as nobody writes. A new file
        in its place does no harm: the one that was opened stays.
        """
        status = os.fstat(self._file)
        # Who writes can set the time of writing back, but not that of the change. It also moves when another
        # file takes the name, and then this one has none left.
        touched = status.st_nlink > 0 and status.st_ctime_ns != self._changed_ns
        if touched or _stamp(self._file) != self._stamp:
            raise NotTrustedError(f"{self._path} was written to while it was in use; fetch it anew")

    def close(self) -> None:
        """Release the file."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look_up(self, name: str) -> State | None:
        with _ours(self._path):
            row = self._connection.execute(
                "SELECT state FROM leaves WHERE key = ?", (merkle_map.map_key(name),)
            ).fetchone()
        return None if row is None else _decoder(kind_of_state(name)).decode(row[0])

    def _verified(self, trust: Trust) -> Head:
        with _ours(self._path):
            # 1. Schema and meta.
            _check_schema(self._connection)
            meta = _read_meta(self._connection)
            if meta["format"] != FORMAT:
                raise MalformedError("a snapshot of another format")
            if meta["registry"] != trust.registry.encode():
                raise NotTrustedError(f"a snapshot of another registry, not of {trust.registry}")
            # 2. The head.
            head = open_head(meta["checkpoint"], meta["map_root"], meta["map_root_proof"], trust)
            # 3. The leaves.
            count = 0

            def items() -> Iterator[merkle_map.Item]:
                nonlocal count
                for key, name, state in self._connection.execute("SELECT key, name, state FROM leaves"):
                    count += 1
                    if type(name) is not str or merkle_map.map_key(name) != key:
                        raise MalformedError(f"leaf {count} does not stand under the key of its name")
                    check_state(name, state)
                    yield key, merkle_map.value_hash(state)

            root = merkle_map.root(items())
            if (count, root) != (head.map_root.n, head.root):
                raise ProofError("the leaves are not those that the map-root commits to")
        return head


def check_state(name: str, raw: bytes) -> None:
    """Check that these are the canonical bytes of a state that a name may have.

    Accepts what ``states.read_state`` accepts, but reads the usual states many times faster.

    Raises:
        MalformedError: they are not.
    """
    if type(raw) is not bytes or len(raw) > canonical.MAX_JSON_BYTES:
        raise MalformedError(f"the state of {name[:80]!r} is not bytes, or too many of them")
    kind = kind_of_state(name)
    if not raw.isascii():
        # Only such text can be outside normal form C.
        read_state(name, raw)
        return
    try:
        state = _decoder(kind).decode(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedError(f"the state of {name[:80]!r} is no {kind.__name__}: {error}") from None
    if _encoder.encode(state) != raw:
        raise MalformedError(f"the state of {name[:80]!r} is not in canonical form")
    if type(state) is not AliasState or len(state.claims) > 1:
        canonical.check_sorted(msgspec.json.decode(raw))


@functools.cache
def _decoder(kind: type[State]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _write(path: Path, meta: dict[str, bytes], leaves: Iterable[Leaf]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The file appears by renaming, so a crash can leave nothing half written under its name.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-65536")
        for statement in SCHEMA.values():
            connection.execute(statement)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        rows = ((merkle_map.map_key(name), name, state) for name, state in leaves)
        connection.executemany("INSERT INTO leaves VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")


def _open_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise NotTrustedError(f"cannot read the snapshot {path}: {error.strerror}") from None


def _stamp(file: int | Path) -> tuple[int, ...]:
    """Which file it is, and what changes when it is written to."""
    status = os.fstat(file) if isinstance(file, int) else file.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _connect(path: Path) -> sqlite3.Connection:
    with _ours(path):
        # Immutable: no journal beside the file is read, and no lock is needed on a read-only medium.
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=8, check_same_thread=False)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    # A view, trigger or further table takes part in queries without being seen in them.
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master LIMIT 10").fetchall()
    if sorted(found, key=repr) != sorted((("table", name, name, sql) for name, sql in SCHEMA.items()), key=repr):
        raise MalformedError("the schema is not exactly that of a snapshot")


def _read_meta(connection: sqlite3.Connection) -> dict[str, bytes]:
    rows = connection.execute("SELECT k, v FROM meta LIMIT 10").fetchall()
    if tuple(row[0] for row in rows) != META:
        raise MalformedError(f"meta does not hold exactly {', '.join(META)}")
    for name, value in rows:
        if type(value) is not bytes or len(value) > MAX_META_BYTES:
            raise MalformedError(f"meta {name} is not bytes, or more than {MAX_META_BYTES} of them")
    return dict(rows)


@contextlib.contextmanager
def _ours(path: Path) -> Iterator[None]:
    """Turn whatever a broken file leads to into our own error, naming the file."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, MemoryError) as error:
        raise NotTrustedError(f"{path} is no sound snapshot: {error}; fetch it anew") from None
    except MalformedError as error:
        raise NotTrustedError(f"{path} is no sound snapshot: {error}; fetch it anew") from error
