"""Makes ``tests/vectors/quorum.json``: ``python -m tests.quorum_vectors``.

ML-DSA never signs twice the same, so every run makes another file that says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priorconsent import times
from priorconsent.log import note
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.policy import Group, Policy
from tests import scenario as cast
from tests.witnesses import BY_NAME, LOG, W1, W2, W3, cosigned, policy, signed

PATH = Path(__file__).parent / "vectors" / "quorum.json"
CHECKPOINT = Checkpoint(cast.ORIGIN, 489, hashlib.sha256(b"root").digest())
OLDER = Checkpoint(cast.ORIGIN, 488, hashlib.sha256(b"older root").digest())
ELSEWHERE = Checkpoint("log.registry.example/2", 489, CHECKPOINT.root)
T = tuple(f"2027-01-01T00:00:0{second}Z" for second in range(4))

TWO = Group("two", 2, ("w1", "w2", "w3"))
NONE, OWN, WITNESS = policy(None), policy("own"), policy("w1")
BOTH = policy("both", TWO, Group("both", 2, ("own", "two")))
ANY = policy("any", Group("any", 1, ("own", "w1")))


def cases() -> Iterator[tuple[str, Policy, bytes, dict[str, Any]]]:
    """Name, policy, note, and what to find: a quorum time (or none) and who vouched, or an error."""
    everybody = cosigned(CHECKPOINT, own=T[0], w1=T[3], w2=T[1], w3=T[2])
    unsigned = "".join([CHECKPOINT.text(), "\n", W1.line(CHECKPOINT, T[1]).text()]).encode()
    yield "no witness is needed", NONE, everybody, found(None)
    yield "the log's own cosignature dates nothing", OWN, everybody, found(None)
    yield "one witness", WITNESS, everybody, found(T[3], "w1")
    yield "the second of three, and the log itself", BOTH, everybody, found(T[2], "w2", "w3")
    yield "any of which the log is one", ANY, everybody, found(None)
    yield "the earliest of several lines by one witness", WITNESS, several(T[2], T[1]), found(T[1], "w1")
    yield "one witness twice is not two", BOTH, several(T[2], T[1]), error("no_quorum")
    yield "the log is no witness", BOTH, cosigned(CHECKPOINT, own=T[0], w1=T[1]), error("no_quorum")
    yield "the log itself is missing", BOTH, cosigned(CHECKPOINT, w1=T[1], w2=T[1], w3=T[1]), error("no_quorum")
    yield "a time of zero counts for nothing", WITNESS, cosigned(CHECKPOINT, w1=0), error("no_quorum")
    yield "a line for another size", NONE, signed(CHECKPOINT, W1.line(OLDER, T[1])), error("bad_signature")
    yield "a line for another origin", NONE, signed(CHECKPOINT, W2.line(ELSEWHERE, T[1])), error("bad_signature")
    yield "witnesses without the log", WITNESS, unsigned, error("bad_signature")
    yield "another log", WITNESS, cosigned(ELSEWHERE, w1=T[1]), error("not_trusted")
    yield "a stranger's line under a known name", WITNESS, under_a_known_name(), error("no_quorum")


def several(*at: str) -> bytes:
    return signed(CHECKPOINT, *(W1.line(CHECKPOINT, one) for one in at))


def under_a_known_name() -> bytes:
    signature = W3.line(CHECKPOINT, T[1]).signature
    return signed(CHECKPOINT, note.SignatureLine(W1.cosigner.name, W3.cosigner.key_id, signature))


def found(quorum_time: str | None, *vouched: str) -> dict[str, Any]:
    return {"quorum_time": quorum_time, "vouched": list(vouched)}


def error(code: str) -> dict[str, Any]:
    return {"error": code}


def vectors() -> dict[str, Any]:
    """The whole file."""
    return {
        "keys": {"log": LOG.vkey(), **{name: signs.cosigner.vkey() for name, signs in BY_NAME.items()}},
        "cosignatures": [
            {
                "by": name,
                "checkpoint": CHECKPOINT.text(),
                "time": T[1],
                "timestamp": times.to_unix(T[1]),
                "line": signs.line(CHECKPOINT, T[1]).text(),
            }
            for name, signs in BY_NAME.items()
        ],
        "cases": [
            {"name": name, "policy": asks.text(), "checkpoint": raw.decode(), **expected}
            for name, asks, raw, expected in cases()
        ],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
