"""Private files: nobody but their owner may read them, or they are not used."""

from __future__ import annotations

import os
from pathlib import Path

from priorconsent.errors import MalformedError, NotTrustedError, SigningError

OTHERS = 0o077
MAX_PRIVATE_BYTES = 1 << 16


def read_private(path: Path) -> bytes:
    """The bytes of a file that nobody but its owner may read.

    Raises:
        SigningError: there is no such file, or this account may not read it.
        NotTrustedError: others may read it.
        MalformedError: it is too long to be a key.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & OTHERS:
                raise NotTrustedError(f"others may read {path.name}: chmod 600 it, and consider it known to them")
            raw = file.read(MAX_PRIVATE_BYTES + 1)
    except FileNotFoundError:
        raise SigningError(f"there is no {path.name}") from None
    except OSError as error:
        raise SigningError(f"{path.name} cannot be read ({type(error).__name__})") from None
    if len(raw) > MAX_PRIVATE_BYTES:
        raise MalformedError(f"{path.name} is longer than {MAX_PRIVATE_BYTES} bytes")
    return raw


def read_secret(path: Path) -> bytes:
    """A passphrase or PIN in such a file.

    Raises:
        MalformedError: it is empty.
    """
    # Editors and ``echo`` end a file with a line break that belongs to no secret.
    secret = read_private(path).removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise MalformedError(f"{path.name} is empty")
    return secret
