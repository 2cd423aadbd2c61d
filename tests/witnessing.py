"""Real witnesses: programs of their own on free ports of this machine."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from priorconsent.cli.witness import Unprotected
from priorconsent.log.cosignature import Cosigner
from priorconsent.log.note import Verifier
from priorconsent.witness import config

START_LIMIT_S = 20
STOP_LIMIT_S = 10
ROOT = Path(__file__).resolve().parent.parent
# A witness is started many times; its messages end in a line that says where it listens.
LISTENS = re.compile(rb"listens on (http://\S+), for")


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "priorconsent.cli", *map(str, words)]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, check=False)


class RunningWitness:
    """A witness in a folder, and the program that answers for it.

    Args:
        only: kind of its one key; ``None``: one of each kind.
    """

    def __init__(self, folder: Path, name: str, *logs: str, only: config.Kind | None = "ed25519") -> None:
        self.folder, self.name = folder, name
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.url = ""
        kinds: list[config.Kind] = [only] if only else list(config.KINDS)
        config.make(folder, name, {kind: f"{kind}.pem" for kind in kinds}, Unprotected())
        for vkey in logs:
            self.add(vkey)
        self.start()

    @property
    def keys(self) -> tuple[Cosigner, ...]:
        return config.read(self.folder).cosigners

    def add(self, vkey: str) -> None:
        config.state(self.folder).add_key(Verifier.parse(vkey))

    def start(self, *program: str) -> None:
        """Start it, on the port that it had before."""
        serve = ("log", "witness", "serve", self.folder, "--plain", "--listen", f"127.0.0.1:{self.port}")
        self.process = subprocess.Popen(
            [sys.executable, *program, *command(*serve)[3:]] if program else command(*serve),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        self.url = self._where()
        self.port = int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        return self._end(lambda process: process.terminate())

    def kill(self) -> None:
        """End it in the midst of whatever it does."""
        self._end(lambda process: process.kill())

    def wait(self) -> int:
        """Wait until it ended by itself."""
        return self._end(lambda _: None)

    def _end(self, how) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        how(process)
        try:
            return process.wait(STOP_LIMIT_S)
        finally:
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()

    def _where(self) -> str:
        assert self.process is not None
        assert self.process.stderr is not None
        told, end = b"", time.monotonic() + START_LIMIT_S
        while (found := LISTENS.search(told)) is None:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self.process.stderr.fileno(), 4096) if ready else b""
            if not chunk:
                self.kill()
                raise AssertionError(f"the witness did not start: {told.decode(errors='replace')}")
            told += chunk
        return found[1].decode()
