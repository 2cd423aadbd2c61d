"""An API key in a file of its own: on the command line others could read it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from priorconsent.errors import MalformedError, NotAllowedError

MAX_FILE_BYTES = 4096
_SPELLING = re.compile(r"pc_[0-9a-f]{12}_[0-9a-f]{64}", re.ASCII)


def add_api_key(parser: argparse.ArgumentParser, purpose: str, *, required: bool = False) -> None:
    """Add ``--api-key``."""
    parser.add_argument("--api-key", metavar="FILE", type=Path, required=required, help=f"file with pc_…; {purpose}")


def read_api_key(path: Path | None) -> str | None:
    """The key in a file; ``None`` without one.

    Raises:
        MalformedError: no API key, so nothing of the file is sent anywhere; a private key is never one.
        NotAllowedError: others can read the file.
    """
    if path is None:
        return None
    with path.open("rb") as file:
        text = file.read(MAX_FILE_BYTES).decode("ascii", "replace").strip()
    if _SPELLING.fullmatch(text) is None:
        raise MalformedError(f"{path} holds no API key (pc_…), and is sent nowhere")
    if path.stat().st_mode & 0o077:
        raise NotAllowedError(f"others can read {path}; run: chmod 600 {path}")
    return text
