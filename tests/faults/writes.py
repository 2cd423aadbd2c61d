"""Every write of a process, counted as it happens, and one of them struck.

The calls of the operating system and of the databases themselves are wrapped, so that a write that somebody adds to
the product is found by itself. ``unseen`` names those that got past the wrappers: an audit hook sees them all.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

Fault = Literal["none", "fails", "fails after", "full", "killed"]

WRITING_MODES = frozenset("wax+")
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
WRITING_SQL = ("INSERT", "UPDATE", "DELETE", "COPY", "REPLACE", "CREATE")
FILLING = frozenset({"INTO", "FROM", "OR", "IGNORE", "TABLE"})
# Part of a transaction that is not committed yet.
PENDING = " (pending)"
# These give room, or take none: they work on a full disk too.
TAKE_NO_ROOM = frozenset({"unlink", "remove", "rmdir", "rename", "replace", "DELETE"})
# Calls of the os module that write, and which of their arguments says where.
CALLS = {
    "fsync": 0, "fdatasync": 0, "ftruncate": 0, "truncate": 0, "mkdir": 0, "rmdir": 0, "unlink": 0, "remove": 0,
    "replace": 1, "rename": 1, "link": 1, "symlink": 1, "write": 0, "pwrite": 0,
}  # fmt: skip
AUDITED = {
    "os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.link": 1, "os.truncate": 0, "os.symlink": 1,
}  # fmt: skip


class Writes:
    """Watches this process from now on.

    Args:
        root: writes elsewhere are nobody's business.
        fault: what happens to the write of number ``strike``, and on a full disk to all that follow.
        strike: from 1; 0 for none.
    """

    def __init__(self, root: Path, fault: Fault = "none", strike: int = 0) -> None:
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self._root, self._fault, self._strike = str(root), fault, strike
        self._within = 0

    def watch(self) -> None:
        """Begin; there is no end, since the process ends soon."""
        for name, place in CALLS.items():
            setattr(os, name, self._wrapped(name, getattr(os, name), place))
        os.open = self._opening(os.open, lambda flags, *_, **__: bool(flags & WRITING_FLAGS))
        modules: tuple[Any, ...] = (io, builtins)
        for module in modules:
            module.open = self._opening(module.open, _is_writing)
        sqlite3.connect = sqlite3.dbapi2.connect = self._connecting(sqlite3.connect)
        connection.execute_wrappers.append(self._execute)
        base: Any = BaseDatabaseWrapper
        commit = base._commit
        base._commit = lambda one: self.write("COMMIT", lambda: commit(one), OperationalError)
        sys.addaudithook(self._audit)

    def write(self, name: str, act: Callable[[], Any], error: Callable[..., Exception] = OSError) -> Any:
        """Do what writes, unless it is to be struck."""
        if self._within:
            return act()
        self.seen.append(name)
        number = len(self.seen)
        if number == self._strike and self._fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self._strike and self._fault == "fails":
            raise error(errno.EIO, f"write {number} fails: {name}")
        if (
            self._strike
            and number >= self._strike
            and self._fault == "full"
            and name.split(maxsplit=1)[0] not in TAKE_NO_ROOM
        ):
            raise error(errno.ENOSPC, f"the disk is full at write {number}: {name}")
        self._within += 1
        try:
            done = act()
        finally:
            self._within -= 1
        if number == self._strike and self._fault == "fails after":
            raise error(errno.EIO, f"write {number} fails after it was done: {name}")
        return done

    def _wrapped(self, name: str, call: Callable[..., Any], place: int) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            where = self._below(args[place], kwargs)
            return self.write(f"{name} {where}", lambda: call(*args, **kwargs)) if where else call(*args, **kwargs)

        return wrapped

    def _opening(self, call: Callable[..., Any], is_writing: Callable[..., bool]) -> Callable[..., Any]:
        def opening(file: Any, *args: Any, **kwargs: Any) -> Any:
            # What is open already was counted when it was opened; an opener opens by itself.
            if isinstance(file, int) or kwargs.get("opener") or not is_writing(*args, **kwargs):
                return call(file, *args, **kwargs)
            where = self._below(file, kwargs)
            if not where:
                return call(file, *args, **kwargs)
            return self.write(f"open {where}", lambda: call(file, *args, **kwargs))

        return opening

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        writes = self

        class Connection(sqlite3.Connection):
            """Django's cursors have a wrapper of their own; these are the files written without Django."""

            watched = False

            def execute(self, sql: str, *args: Any) -> Any:
                return self._watched(sql, functools.partial(super().execute, sql, *args))

            def executemany(self, sql: str, *args: Any) -> Any:
                return self._watched(sql, functools.partial(super().executemany, sql, *args))

            def _watched(self, sql: str, act: Callable[[], Any]) -> Any:
                if not self.watched:
                    return act()
                return writes._sql(sql, act, sqlite3.OperationalError, pending=self.in_transaction)

        def connecting(database: Any, *args: Any, **kwargs: Any) -> Any:
            made = connect(database, *args, factory=Connection, **kwargs)
            file = urlsplit(database).path if kwargs.get("uri") else database
            made.watched = file not in {"", ":memory:"} and bool(writes._below(file, {}))
            return made

        return connecting

    def _execute(self, execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        def act() -> Any:
            return execute(sql, params, many, context)

        return self._sql(sql, act, OperationalError, pending=connection.in_atomic_block)

    def _sql(self, sql: str, act: Callable[[], Any], error: type[Exception], *, pending: bool) -> Any:
        words = [*(word.strip('"') for word in sql.split(maxsplit=5) if word.upper() not in FILLING), "", ""]
        if words[0].upper() == "COMMIT":
            return self.write("COMMIT", act, error)
        if words[0].upper() not in WRITING_SQL:
            return act()
        return self.write(f"{words[0]} {words[1]}{PENDING if pending else ''}", act, error)

    def _below(self, file: Any, kwargs: dict[str, Any]) -> str:
        """Where that is below the root; empty if it is elsewhere."""
        # Nothing of pathlib here: it calls what is wrapped.
        if isinstance(file, int):
            path = os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115
        else:
            inside = kwargs.get("dir_fd")
            folder = os.getcwd() if inside is None else os.readlink(f"/proc/self/fd/{inside}")  # noqa: PTH109, PTH115
            path = os.path.normpath(os.path.join(folder, os.fsdecode(file)))  # noqa: PTH118
        return path[len(self._root) + 1 :] if path.startswith(f"{self._root}/") else ""

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self._within:
            return
        if event == "open" and isinstance(args[0], (str, bytes)) and _opens_for_writing(*args[1:]):
            self._note(event, args[0])
        elif event in AUDITED and isinstance(args[AUDITED[event]], (str, bytes, os.PathLike)):
            self._note(event, args[AUDITED[event]])

    def _note(self, event: str, file: Any) -> None:
        where = self._below(file, {})
        # A file that is opened under a name chosen by its opener is told as its folder, and was counted.
        if where and not os.path.isdir(os.fsdecode(file)):  # noqa: PTH112
            self.unseen.append(f"{event} {where}")


def _is_writing(mode: str = "r", *_: Any, **__: Any) -> bool:
    return bool(WRITING_MODES & set(mode))


def _opens_for_writing(mode: str | None, flags: int) -> bool:
    return _is_writing(mode) if mode is not None else bool(flags & WRITING_FLAGS)
