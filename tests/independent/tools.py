"""Other people's programs, which check what this project makes."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

GO_SOURCE = Path(__file__).parent / "tlogcheck"
# Where Debian's package golang-golang-x-mod-dev puts its sources.
GO_PATH = Path("/usr/share/gocode")


def missing(tool: str, hint: str) -> NoReturn:
    """Fail where every tool has to be there; elsewhere say what was not checked."""
    message = f"{tool} is not here ({hint}), so nobody but ourselves checked this"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def build_tlogcheck(folder):
    """The verifier of logs, compiled.

    Returns:
        Path of the program.
    """
    go = shutil.which("go")
    if go is None or not (GO_PATH / "src/golang.org/x/mod/sumdb").is_dir():
        missing("Go with golang.org/x/mod", "apt-get install golang-go golang-golang-x-mod-dev")
    program = folder / "tlogcheck"
    settings = {"GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    subprocess.run([go, "build", "-o", program, "."], cwd=GO_SOURCE, env={**os.environ, **settings}, check=True)
    return program
