"""Passphrases and PINs, from a file or from whoever sits at the terminal; never from the command line."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from priorconsent.errors import MalformedError, NotTrustedError, SigningError
from priorconsent.signing.private_files import read_secret


class Terminal:
    """What opens a root key; see ``priorconsent.signing.Secrets``.

    Args:
        file: holds the passphrase or PIN; ``None``: somebody is asked.
        twice: ask for it again, where a slip would lock a new key up for good.
    """

    def __init__(self, file: Path | None, *, twice: bool = False) -> None:
        self._file, self._twice = file, twice

    def passphrase(self, what: str) -> bytes:
        """Of a key file."""
        return self._given(f"Passphrase of {what}: ")

    def pin(self, what: str) -> bytes:
        """Of a token."""
        return self._given(f"PIN of {what}: ")

    def plain(self, what: str) -> None:
        """A root key is never without a passphrase."""
        raise NotTrustedError(f"{what} is not encrypted; a root key has a passphrase")

    def _given(self, prompt: str) -> bytes:
        if self._file is not None:
            return read_secret(self._file)
        if not sys.stdin.isatty():
            raise SigningError("there is no terminal to ask at; name a file by --passphrase-file")
        given = getpass.getpass(prompt)
        if self._twice and getpass.getpass("Once more: ") != given:
            raise MalformedError("the two differ")
        return given.encode("utf-8")
