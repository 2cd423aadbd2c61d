"""The archive around a bundle: a ZIP file in exactly one spelling.

Members are stored, not compressed, in ascending order of their names, dated 1980, without comments or
extra fields. So the same files always make the same bytes, a reader rebuilds the archive and compares,
and nothing can hide between members, behind them, or in a second directory.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from priorconsent.errors import MalformedError

MAX_UNPACKED_BYTES = 64 << 20
MAX_MEMBERS = 20_000
MAX_NAME_BYTES = 128
# Each member has two headers with its name, and the archive one end.
MAX_ARCHIVE_BYTES = MAX_UNPACKED_BYTES + MAX_MEMBERS * (30 + 46 + 2 * MAX_NAME_BYTES) + 22

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"

# Version needed 1.0, no flags, stored, midnight of 1980-01-01.
_FIXED = (10, 0, 0, 0, 0x21)
_MADE_BY_UNIX = 3 << 8 | 20
_REGULAR_FILE = 0o100644 << 16


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files.

    Args:
        files: name → content; names are plain ASCII.

    Raises:
        MalformedError: beyond a limit.
    """
    _check_budget(files)
    members, directory = bytearray(), bytearray()
    for name, content in sorted(files.items()):
        raw_name = name.encode("ascii")
        described = (*_FIXED, zlib.crc32(content), len(content), len(content), len(raw_name), 0)
        directory += _CENTRAL.pack(_CENTRAL_MARK, _MADE_BY_UNIX, *described, 0, 0, 0, _REGULAR_FILE, len(members))
        directory += raw_name
        members += _LOCAL.pack(_LOCAL_MARK, *described) + raw_name + content
    end = _END.pack(_END_MARK, 0, 0, len(files), len(files), len(directory), len(members), 0)
    return bytes(members + directory + end)


def unpack(raw: bytes) -> dict[str, bytes]:
    """The files of an archive that ``pack`` made.

    Raises:
        MalformedError: any other archive: compressed, encrypted, packed anew, with something before,
            between or after its members, with a name twice, or beyond a limit.
    """
    if len(raw) > MAX_ARCHIVE_BYTES:
        raise MalformedError(f"an archive of {len(raw)} bytes, at most {MAX_ARCHIVE_BYTES} are read")
    files: dict[str, bytes] = {}
    at = 0
    while raw[at : at + 4] == _LOCAL_MARK:
        if len(files) == MAX_MEMBERS:
            raise MalformedError(f"more than {MAX_MEMBERS} files in the archive")
        name, start, end = _member(raw, at)
        if name in files:
            raise MalformedError(f"the archive holds {name} twice")
        files[name] = raw[start:end]
        at = end
    # Check sums, order, directory and end: all that is not told by the files themselves.
    if not files or pack(files) != raw:
        raise MalformedError("the archive is not as a registry packs it; take the file as it was downloaded")
    return files


def _member(raw: bytes, at: int) -> tuple[str, int, int]:
    """Name of the member whose header begins at ``at``, and where its content lies."""
    head = raw[at : at + _LOCAL.size]
    if len(head) < _LOCAL.size:
        raise MalformedError("the archive ends within a header")
    _, *fixed, _, packed_size, size, name_length, extra_length = _LOCAL.unpack(head)
    if tuple(fixed) != _FIXED or extra_length:
        raise MalformedError("a file in the archive is compressed, encrypted, dated or otherwise packed anew")
    start = at + _LOCAL.size + name_length
    end = start + size
    if packed_size != size or name_length > MAX_NAME_BYTES or end > len(raw):
        raise MalformedError("the archive ends within a file")
    raw_name = raw[at + _LOCAL.size : start]
    if not raw_name.isascii():
        raise MalformedError("a file name in the archive is not ASCII")
    return raw_name.decode("ascii"), start, end


def _check_budget(files: Mapping[str, bytes]) -> None:
    total = sum(map(len, files.values()))
    if total > MAX_UNPACKED_BYTES or len(files) > MAX_MEMBERS:
        raise MalformedError(
            f"{len(files)} files of {total} bytes; at most {MAX_MEMBERS} of {MAX_UNPACKED_BYTES} in all are read"
        )
    for name in files:
        if not name.isascii() or not 0 < len(name) <= MAX_NAME_BYTES:
            raise MalformedError(f"not a file name for a bundle: {name[:60]!r}")
