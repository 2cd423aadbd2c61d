"""What an auditor installs: the wheel, its few dependencies, no network, no Django. And OpenSSL, without us."""

import importlib.metadata
import itertools
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.end_to_end.conftest import ROOT

NO_SOCKETS = """\
import socket
def refused(*_, **__):
    raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = refused
"""


@pytest.fixture(scope="module")
def auditor(tmp_path_factory):
    """An empty environment with the wheel, and with what the wheel says that it needs; nothing else."""
    folder = tmp_path_factory.mktemp("auditor")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")], cwd=ROOT)
    [wheel] = (folder / "dist").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    run([*pip, "--no-index", "--no-deps", "--disable-pip-version-check", str(wheel)])
    [packages] = folder.glob("lib/python*/site-packages")
    for name in closure("priorconsent") - {"priorconsent"}:
        link(importlib.metadata.distribution(name), packages)
    return folder


def test_the_wheel_alone_verifies_the_evidence_without_a_network(auditor, demo):
    answers = {
        demo.folder.bundle: (0, "permitted: granted"),
        demo.folder.ended_bundle: (3, "not_permitted: withdrawn"),
    }
    for bundle, (code, words) in answers.items():
        done = alone(auditor, "bin/priorconsent", "verify", str(bundle), "--trust", str(demo.trust_file))
        assert (done.returncode, done.stderr) == (code, "")
        assert words in done.stdout


def test_the_wheel_alone_answers_from_the_snapshot_and_checks_the_log(auditor, demo):
    lines = [line.split() for _, _, line in demo.commands()]
    [fsck] = [words for words in lines if words[1:3] == ["log", "fsck"] and "http" not in " ".join(words)]
    check = next(words for words in lines if words[1] == "check" and "--snapshot" in words)

    for words in (check, fsck):
        done = alone(auditor, "bin/priorconsent", *words[1:])
        assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_no_django_and_no_network_there(auditor):
    framework = alone(auditor, "bin/python", "-c", "import django")
    network = alone(auditor, "bin/python", "-c", "import socket; socket.create_connection(('127.0.0.1', 9), 1)")

    assert "ModuleNotFoundError: No module named 'django'" in framework.stderr
    assert "OSError" in network.stderr
    assert "refused" not in network.stderr


def test_openssl_verifies_the_grant_by_the_commands_in_the_bundle(demo, tmp_path):
    with zipfile.ZipFile(demo.folder.bundle) as archive:
        archive.extractall(tmp_path)
    lines = (tmp_path / "README.txt").read_text(encoding="utf-8").split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("    cut "))
    told = itertools.takewhile(lambda line: not line.startswith("That this key"), lines[start:])
    script = "set -eu\n    sha256sum --check --strict MANIFEST.sha256\n" + "\n".join(told)

    done = subprocess.run(
        ["sh", "-c", re.sub(r"^    ", "", script, flags=re.MULTILINE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def closure(name: str) -> set[str]:
    """A distribution and all that it needs, without extras."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            needs = map(Requirement, importlib.metadata.requires(one) or ())
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def link(distribution, packages: Path) -> None:
    """Show an installed distribution, as its own record lists it, in another environment."""
    names = {file.parts[0] for file in distribution.files if file.parts[0] not in {"..", "__pycache__"}}
    for name in names:
        target = packages / name
        if not target.exists():
            target.symlink_to(Path(str(distribution.locate_file(name))))


def alone(auditor: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the auditor's programs, in an empty folder and environment, without a network."""
    home = auditor / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    return subprocess.run(
        [*without_network(auditor), str(auditor / program), *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def without_network(auditor: Path) -> list[str]:
    """A namespace of its own where the system lets us; else sockets that do not connect."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    [packages] = auditor.glob("lib/python*/site-packages")
    (packages / "no_sockets.pth").write_text("import no_sockets\n")
    (packages / "no_sockets.py").write_text(NO_SOCKETS)
    return []
