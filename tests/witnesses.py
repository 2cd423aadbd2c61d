"""Witnesses for tests: keys from names, and lines under checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from priorconsent import times
from priorconsent.log import note
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Cosigner
from priorconsent.log.policy import Group, Log, Policy, Witness
from tests import scenario as cast

LOG = note.Verifier(cast.ORIGIN, cast.LOG_KEY.jwk.raw)

_KINDS: dict[int, Callable[[bytes], Ed25519PrivateKey | MLDSA44PrivateKey]] = {
    COSIGNATURE_ED25519: Ed25519PrivateKey.from_private_bytes,
    COSIGNATURE_ML_DSA_44: MLDSA44PrivateKey.from_seed_bytes,
}


class Signs:
    """A cosigner with its private key.

    Args:
        name: key name; the seed is the SHA-256 of it.
    """

    def __init__(self, name: str, kind: int = COSIGNATURE_ED25519) -> None:
        key = _KINDS[kind](hashlib.sha256(name.encode()).digest())
        self.sign = key.sign
        self.cosigner = Cosigner(name, key.public_key().public_bytes_raw(), kind)

    def line(self, checkpoint: Checkpoint, at: str | int) -> note.SignatureLine:
        """A cosignature at an instant, or at so many seconds since 1970."""
        return self.cosigner.cosign(checkpoint, times.to_unix(at) if isinstance(at, str) else at, self.sign)


OWN = Signs(cast.ORIGIN, COSIGNATURE_ML_DSA_44)
W1 = Signs("witness.example/1")
W2 = Signs("witness.example/2", COSIGNATURE_ML_DSA_44)
W3 = Signs("witness.example/3")
BY_NAME = {"own": OWN, "w1": W1, "w2": W2, "w3": W3}
WITNESSES = tuple(Witness(name, signs.cosigner) for name, signs in BY_NAME.items())


def policy(quorum: str | None, *groups: Group) -> Policy:
    """The log, its own ML-DSA key and three witnesses."""
    return Policy((Log(LOG),), (*WITNESSES, *groups), quorum)


def signed(checkpoint: Checkpoint, *lines: note.SignatureLine) -> bytes:
    """The checkpoint under the log's Ed25519 key, and with these lines."""
    own = note.sign_line(checkpoint.text(), LOG, cast.LOG_KEY.sign)
    return note.assemble_note(checkpoint.text(), [own, *lines])


def cosigned(checkpoint: Checkpoint, **at: str | int) -> bytes:
    """The checkpoint as signed by the log, and by ``own``, ``w1`` … at an instant each."""
    return signed(checkpoint, *(BY_NAME[name].line(checkpoint, when) for name, when in at.items()))
