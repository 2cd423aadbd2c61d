"""Private files: their owner's alone, never overwritten, and whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from priorconsent.errors import ConflictError, MalformedError, NotTrustedError, SigningError

PRIVATE_MODE = 0o600
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


def write_new(path: Path, content: bytes, mode: int = PRIVATE_MODE) -> None:
    """Write a file that was not there; after a crash it is whole or not there.

    Args:
        mode: by default for its owner alone.

    Raises:
        ConflictError: it exists; a key that was overwritten is gone for good.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Of mode 600 from the first moment on.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        # Unlike a rename, a link replaces nothing.
        Path(path).hardlink_to(temporary)
    except FileExistsError:
        raise ConflictError(f"{path} exists and is not overwritten") from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
