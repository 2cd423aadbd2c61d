"""What a log sends to a witness, and where a witness shows what it has seen last.

Source: C2SP tlog-witness.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from priorconsent.errors import MalformedError
from priorconsent.log import spelling
from priorconsent.log.note import MAX_NOTE_BYTES, MAX_SIGNATURES, SignatureLine
from priorconsent.log.tree import HASH_BYTES, MAX_PROOF_HASHES

# "old", a number of 19 digits, and hashes of 44 characters, each with its newline.
MAX_HEAD_BYTES = 32 + MAX_PROOF_HASHES * 45
MAX_REQUEST_BYTES = MAX_HEAD_BYTES + 2 + MAX_NOTE_BYTES
# What comes back is signature lines of one witness.
MAX_ANSWER_BYTES = MAX_NOTE_BYTES

ADD_CHECKPOINT = "add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Submission:
    """A new checkpoint, with the proof that it continues what the witness has seen.

    Args:
        old: size of the last checkpoint that the witness cosigned; 0 before the first.
        proof: hashes of 32 bytes in the order of RFC 6962.
        note: the checkpoint as signed.
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the body of a request; the note itself is not looked into.

        Raises:
            MalformedError: another form, or beyond a limit.
        """
        head, blank, note = raw.partition(b"\n\n")
        if not blank or len(note) > MAX_NOTE_BYTES:
            raise MalformedError(f"expected old size, proof, an empty line, a note of at most {MAX_NOTE_BYTES} bytes")
        first, *hashes = spelling.decode_text(head, max_bytes=MAX_HEAD_BYTES).split("\n")
        word, _, size = first.partition(" ")
        if word != "old" or len(hashes) > MAX_PROOF_HASHES:
            raise MalformedError(f"expected 'old', a size, and at most {MAX_PROOF_HASHES} hashes")
        proof = tuple(spelling.from_base64(line, length=HASH_BYTES) for line in hashes)
        return cls(spelling.from_decimal(size), proof, note)

    def to_bytes(self) -> bytes:
        """The body of a request, as ``parse`` reads it."""
        lines = (f"old {self.old}", *map(spelling.to_base64, self.proof), "", "")
        return "\n".join(lines).encode() + self.note


def read_lines(raw: bytes) -> tuple[SignatureLine, ...]:
    """The signature lines that a witness answered; whether they verify is another question.

    Raises:
        MalformedError: another form, or beyond a limit.
    """
    lines = spelling.decode_text(raw, max_bytes=MAX_ANSWER_BYTES).split("\n")
    if lines[-1] or not 1 < len(lines) <= MAX_SIGNATURES + 1:
        raise MalformedError("a witness answers with signature lines, each ended by a newline")
    return tuple(map(SignatureLine.parse, lines[:-1]))


def read_size(raw: bytes) -> int:
    """The size that a witness says it has cosigned last.

    Raises:
        MalformedError: no size.
    """
    text = spelling.decode_text(raw, max_bytes=MAX_HEAD_BYTES)
    if not text.endswith("\n"):
        raise MalformedError("the size that a witness tells ends in a newline")
    return spelling.from_decimal(text[:-1])


def monitoring_path(origin: str) -> str:
    """Where a witness shows the last checkpoint of a log, below its prefix."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def check_url(url: str) -> None:
    """Refuse what is no prefix of a witness.

    Raises:
        MalformedError: no http or https, no host, or more than a path.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or {"?", "#", "@"} & set(url):
        raise MalformedError(f"not the URL of a witness: {url[:100]!r}")
