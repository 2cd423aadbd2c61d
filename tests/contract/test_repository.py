"""What the repository promises about itself: locked packages, no addresses, one licence."""

import re
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pinned(lock: Path) -> dict[str, str]:
    """Name → version of every package of a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_has_hashes_and_no_addresses(lock):
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+ .*\\\n", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_what_runs_is_what_was_tested():
    everything = pinned(ROOT / "requirements-test.lock")
    served = pinned(ROOT / "requirements.lock")

    assert served.items() <= everything.items()


def test_the_lock_files_fulfil_the_project_file():
    groups = PROJECT["dependency-groups"]
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = {
        "requirements.lock": PROJECT["project"]["dependencies"] + extras["server"],
        "requirements-test.lock": groups["test"] + groups["lint"],
        "requirements-build.lock": groups["build"] + PROJECT["build-system"]["requires"],
    }
    for name, requirements in wanted.items():
        versions = pinned(ROOT / name)
        for requirement in map(Requirement, requirements):
            locked = versions[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(locked), f"{name}: {requirement} is locked as {locked}"


def test_the_client_needs_no_framework():
    names = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}

    assert names == {"can_ada", "cryptography", "httpx2", "msgspec", "rich"}
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["priorconsent"]


def test_the_wheel_holds_the_client_alone(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]

    assert {name.split("/")[0] for name in names} == {"priorconsent", "priorconsent-0.1.0.dist-info"}
    assert "License-Expression: Apache-2.0" in metadata


def test_the_starter_alone_says_what_it_can_do():
    shown = subprocess.run(["sh", "run"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert shown.returncode == 2
    for command in ("demo", "test", "check", "bench", "lock", "manage"):
        assert f"./run {command}" in shown.stderr


def test_tests_reach_this_machine_and_no_other():
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
