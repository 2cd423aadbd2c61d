"""A registry that can be put back to where it was, with its witness, its time-stamp authority and its processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from priorconsent import times
from priorconsent.cli.witness import Unprotected
from priorconsent.log.note import Verifier
from priorconsent.witness import config
from priorconsent.witness.protocol import Submission
from priorconsent.witness.server import WitnessServer
from priorconsent.witness.witness import Answer, Witness
from tests.tsa import make_authority, serving

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "localhost/faults/1"


# Files below the data folder.
_PARTS = {
    "database": ("db.sqlite3*",),
    "public files": ("public", "changes"),
    "store": ("signed.sqlite3",),
    "store gone": ("signed.sqlite3",),
    "store damaged": ("signed.sqlite3",),
}
_LOST = {"store gone", "store damaged"}


class AskedWitness(Witness):
    """A real one that keeps what it was asked, and lives by the clock of the test."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(config.state(folder), config.open_keys(folder, config.read(folder), Unprotected()), clock)
        self.notes: list[bytes] = []

    def add_checkpoint(self, raw: bytes) -> Answer:
        self.notes.append(Submission.parse(raw).note)
        return super().add_checkpoint(raw)


class Clock:
    """The time for everybody in the test."""

    def __init__(self, now: str) -> None:
        self.now = now

    def __call__(self) -> str:
        return self.now


class Registry:
    """Everything that one has on disk, and a program that runs its processes.

    Args:
        folder: for all of it.
        server: URL of an empty PostgreSQL, or ``None``: a file of SQLite.
    """

    def __init__(self, folder: Path, server: str | None, clock: Clock, authority: tuple[str, str]) -> None:
        self._database = f"faults_{folder.parent.name}"
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"
        self.clock, self._server = clock, server
        for made in (self.data, self.out):
            made.mkdir(parents=True)
        config.make(self._witness_folder, "witness.example/1", {"ed25519": "key.pem"}, Unprotected())
        self.witness = AskedWitness(self._witness_folder, clock)
        self._listening = WitnessServer(("127.0.0.1", 0), self.witness)
        self._thread = threading.Thread(target=self._listening.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.environment = self._environment(*authority)
        if server is not None:
            self._sql(f"CREATE DATABASE {self._database}")
        self._program: subprocess.Popen[str] | None = None

    @property
    def _witness_folder(self) -> Path:
        return self.folder / "witness"

    def do(
        self, deed: str, fault: str = "none", strike: int = 0, *, together: int = 1, **other: Any
    ) -> list[dict[str, Any]]:
        """Have it done by so many processes at once, at the clock; tells how each ended."""
        if self._program is None:
            self._program = self._start()
        asked = {"do": deed, "fault": fault, "strike": strike, "together": together, "now": self.clock.now, **other}
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(asked) + "\n")
        self._program.stdin.flush()
        line = self._program.stdout.readline()
        assert line, f"the program ended: {(self.out / 'stderr').read_text()}"
        told: list[dict[str, Any]] = json.loads(line)
        return told

    def must(self, deed: str, **other: Any) -> dict[str, Any]:
        """Have it done by one process, which has to succeed."""
        [told] = self.do(deed, **other)
        assert told["status"] == 0, f"{deed}: {told.get('error', told)}"
        return told

    def save(self, name: str) -> None:
        """Remember how everything is now."""
        kept = self.folder / name
        shutil.copytree(self.data, kept / "data")
        shutil.copytree(self._witness_folder, kept / "witness")
        shutil.copytree(self.out, kept / "out")
        if self._server is not None:
            self._sql(f"CREATE DATABASE {self._database}_{name} TEMPLATE {self._database}")

    def restore(self, name: str, *, only: frozenset[str] = frozenset({"data", "witness", "out", "database"})) -> None:
        """Put everything back to how it was."""
        for part in only & {"data", "witness", "out"}:
            target = self.folder / part
            # What is removed is the content: the folder itself may be the root of a disk.
            for path in target.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(self.folder / name / part, target, dirs_exist_ok=True)
        if "witness" in only:
            self.witness.notes.clear()
        if self._server is not None and "database" in only:
            self._sql(
                f"DROP DATABASE {self._database} WITH (FORCE)",
                f"CREATE DATABASE {self._database} TEMPLATE {self._database}_{name}",
            )

    def bring_back(self, name: str, part: str) -> None:
        """Put one part alone back to how it was; ``store gone`` and ``store damaged`` need no backup."""
        if part == "database" and self._server is not None:
            self.restore(name, only=frozenset({"database"}))
            return
        for pattern in _PARTS[part]:
            for path in self.data.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for path in () if part in _LOST else (self.folder / name / "data").glob(pattern):
                (shutil.copytree if path.is_dir() else shutil.copy)(path, self.data / path.name)
        if part == "store damaged":
            (self.data / "signed.sqlite3").write_bytes(b"SQLite format 3\0 and nothing more")

    @property
    def signed(self) -> int:
        """How many times any process signed."""
        return (self.out / "signed").read_bytes().count(b"\n=====\n")

    def trust_log_key(self) -> None:
        """Let the witness know the log."""
        config.state(self._witness_folder).add_key(Verifier.parse(self.must("make log key")["found"]))

    def close(self) -> None:
        """End the program and the witness."""
        if self._program is not None:
            assert self._program.stdin is not None
            assert self._program.stdout is not None
            self._program.stdin.close()
            self._program.wait(10)
            self._program.stdout.close()
        self._listening.shutdown()
        self._thread.join()
        self._listening.server_close()
        if self._server is not None:
            found = self._sql(f"SELECT datname FROM pg_database WHERE datname LIKE '{self._database}%'")  # noqa: S608 (ours)
            self._sql(*(f"DROP DATABASE {name} WITH (FORCE)" for (name,) in found))

    def _start(self) -> subprocess.Popen[str]:
        with (self.folder / "stderr").open("wb") as stderr:
            program = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.faults.process"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        assert program.stdout is not None
        if not program.stdout.readline():
            program.communicate()
            raise AssertionError((self.folder / "stderr").read_text())
        return program

    def _environment(self, authority_url: str, authority_root: str) -> dict[str, str]:
        witness = config.read(self._witness_folder).cosigners[0]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PRIORCONSENT_")}
        database = (
            {} if self._server is None else {"DATABASE_URL": f"{self._server.rpartition('/')[0]}/{self._database}"}
        )
        for name in ("DATABASE_URL", "REDIS_URL"):
            inherited.pop(name, None)
        return (
            inherited
            | database
            | {
                "PYTHONPATH": str(ROOT),
                # So that sets are walked in the same order in each program.
                "PYTHONHASHSEED": "0",
                "SECRET_KEY": "of a test" * 10,
                "FAULTS_OUT": str(self.out),
                "PRIORCONSENT_DATA": str(self.data),
                "PRIORCONSENT_ORIGIN": ORIGIN,
                "PRIORCONSENT_KEY_DELAY_S": "0",
                "PRIORCONSENT_WITNESS_POLICY": f"witness one {witness.vkey()} {self._listening.url}/\nquorum one\n",
                "PRIORCONSENT_TSA_URLS": authority_url,
                "PRIORCONSENT_TSA_CA": authority_root,
                "PRIORCONSENT_LOG_LEVEL": "error",
            }
        )

    def _sql(self, *statements: str) -> list[Any]:
        assert self._server is not None
        found: list[Any] = []
        with psycopg.connect(self._server, autocommit=True) as connected:
            for statement in statements:
                cursor = connected.execute(statement)
                found = cursor.fetchall() if cursor.description else []
        return found


@contextmanager
def registry_in(folder: Path, server: str | None, now: str) -> Iterator[Registry]:
    """A registry whose databases are migrated and whose witness knows its key; saved as ``empty``."""
    clock = Clock(now)
    authority = make_authority(folder / "authority")
    with serving(lambda query: authority.answer_at(query, times.parse(clock.now))) as url:
        made = Registry(folder / "registry", server, clock, (url, authority.root))
        try:
            made.must("migrate")
            made.trust_log_key()
            made.save("empty")
            yield made
        finally:
            made.close()
