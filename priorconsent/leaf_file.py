"""Leaves of a map in a SQLite file, under the head of a checkpoint (docs/spec/files.md, section 3).

SQLite is only a container, and a crafted one is an attack: nothing is read before schema and ``meta`` are
known to be those below, to the letter, and nothing but the head is believed before all leaves were read.
What they must add up to is for ``snapshot`` and ``current_map`` to say.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from priorconsent import canonical, merkle_map
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.files import draft_of, whole_file
from priorconsent.head import Head, open_head
from priorconsent.states import AliasState, State, kind_of_state, read_state
from priorconsent.trust import Trust

FORMAT = b"1"
MAX_META_BYTES = 1 << 18
MAX_ROW_BYTES = canonical.MAX_JSON_BYTES + 16_384

SCHEMA = {
    "meta": "CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
    "leaves": "CREATE TABLE leaves(key BLOB PRIMARY KEY, name TEXT NOT NULL, state BLOB NOT NULL) WITHOUT ROWID",
}
META = ("checkpoint", "format", "map_root", "map_root_proof", "registry")

Leaf = tuple[str, bytes]  # name, canonical state
Row = tuple[bytes, str, bytes]  # key, name, canonical state

FIRST_KEY = bytes(merkle_map.HASH_BYTES)
LAST_KEY = b"\xff" * merkle_map.HASH_BYTES

_encoder = msgspec.json.Encoder(order="sorted")


def write(
    path: Path, leaves: Iterable[Leaf], *, registry: str, checkpoint: bytes, map_root: bytes, proof: bytes
) -> None:
    """Write a file of leaves, whole or not at all. Memory does not grow with their number.

    What is given is written as it is: who reads it tells whether it fits together.

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


class LeafFile:
    """A file of leaves whose container and head are verified, and its leaves not yet.

    Everything comes through one connection, opened once, in one read transaction, and the file may not
    change as long as anything is taken from it. Not to be used by two threads at once: who shares it
    among several holds a lock.

    Raises:
        NotTrustedError: the file is not what it should be; nothing of it may be used.
    """

    def __init__(self, path: Path, trust: Trust) -> None:
        self.path = path
        with contextlib.ExitStack() as opened:
            self._file = _open_file(path)
            opened.callback(os.close, self._file)
            self._stamp = _stamp(self._file)
            self._changed_ns = os.fstat(self._file).st_ctime_ns
            self._connection = _connect(path)
            opened.callback(self._connection.close)
            if _stamp(path) != self._stamp:
                raise NotTrustedError(f"{path} was replaced while it was opened; try again")
            self.head = self._open_head(trust)
            self._closing = opened.pop_all()

    def checked_leaves(self) -> Iterator[Row]:
        """All leaves, each of which may stand in a map by itself: key, name, state.

        Raises:
            NotTrustedError: one may not, or they are not ascending by key.
        """
        last = b""
        with ours(self.path):
            for count, row in enumerate(self._connection.execute("SELECT key, name, state FROM leaves"), 1):
                key, name, state = row
                if type(name) is not str or merkle_map.map_key(name) != key:
                    raise MalformedError(f"leaf {count} does not stand under the key of its name")
                if key <= last:
                    raise MalformedError(f"leaf {count} is not above the one before")
                check_state(name, state)
                last = key
                yield row

    def leaves(self, first: bytes = FIRST_KEY, last: bytes = LAST_KEY) -> Iterator[Row]:
        """Key, name and state of the leaves in a range of keys, both ends included, ascending; unchecked."""
        with ours(self.path):
            yield from self._connection.execute(
                "SELECT key, name, state FROM leaves WHERE key BETWEEN ? AND ? ORDER BY key", (first, last)
            )

    def state_bytes(self, name: str) -> bytes | None:
        """The bytes under a name, unchecked; ``None``: there are none."""
        with ours(self.path):
            row = self._connection.execute(
                "SELECT state FROM leaves WHERE key = ?", (merkle_map.map_key(name),)
            ).fetchone()
        return None if row is None else row[0]

    @contextlib.contextmanager
    def in_one_read(self) -> Iterator[Self]:
        """Several look-ups, after which the file is known not to have changed meanwhile.

        Raises:
            NotTrustedError: it did; what was looked up is void.
        """
        yield self
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was opened.

        SQLite reads pages again, so what was scanned counts only as long as nobody writes. A new file
        in its place does no harm: the one that was opened stays.
        """
        status = os.fstat(self._file)
        # Who writes can set the time of writing back, but not that of the change. It also moves when another
        # file takes the name, and then this one has none left.
        touched = status.st_nlink > 0 and status.st_ctime_ns != self._changed_ns
        if touched or _stamp(self._file) != self._stamp:
            raise NotTrustedError(f"{self.path} was written to while it was in use; fetch it anew")

    def close(self) -> None:
        """Release the file."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_head(self, trust: Trust) -> Head:
        with ours(self.path):
            _check_schema(self._connection)
            meta = _read_meta(self._connection)
            if meta["format"] != FORMAT:
                raise MalformedError("a snapshot of another format")
            if meta["registry"] != trust.registry.encode():
                raise NotTrustedError(f"a snapshot of another registry, not of {trust.registry}")
            return open_head(meta["checkpoint"], meta["map_root"], meta["map_root_proof"], trust)


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


def decode_state(name: str, raw: bytes) -> State:
    """A state from bytes that ``check_state`` has accepted for the name."""
    state: State = _decoder(kind_of_state(name)).decode(raw)
    return state


@contextlib.contextmanager
def ours(path: Path) -> Iterator[None]:
    """Turn whatever a broken file leads to into our own error, naming the file."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, MemoryError) as error:
        raise NotTrustedError(f"{path} is no sound snapshot: {error}; fetch it anew") from None
    except MalformedError as error:
        raise NotTrustedError(f"{path} is no sound snapshot: {error}; fetch it anew") from error


@functools.cache
def _decoder(kind: type[State]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _write(path: Path, meta: dict[str, bytes], leaves: Iterable[Leaf]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The file appears by renaming, so a crash can leave nothing half written under its name.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-8192")
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
    with ours(path):
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
