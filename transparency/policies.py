"""Whose signatures a checkpoint of this log needs: for the log itself, and for those who read it."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from priorconsent.log.cosignature import COSIGNATURE_ML_DSA_44, Cosigner
from priorconsent.log.countersigners import OWN_ML_DSA, Countersigners
from priorconsent.log.note import Verifier
from priorconsent.log.policy import Group, Log, Policy, Witness
from transparency import signers


def verifiers() -> tuple[Verifier, ...]:
    """The log's Ed25519 keys, as notes name them; several while one takes over from another, and afterwards."""
    return tuple(Verifier(settings.PRIORCONSENT_ORIGIN, jwk.raw) for jwk in signers.public_halves("log"))


def own_cosigner(public_key: bytes) -> Cosigner:
    """A ML-DSA-44 key of the log, which signs as a witness of its name would."""
    return Cosigner(settings.PRIORCONSENT_ORIGIN, public_key, COSIGNATURE_ML_DSA_44)


def log_policy() -> Policy:
    """What the log itself must have signed, by a key of each kind. Nobody but this server goes by it alone."""
    return _policy(*_own_keys(), Countersigners())


def own_policy() -> Policy:
    """What readers are told to ask for: the log's own signatures, and those of witnesses that its operator chose."""
    return _policy(*_own_keys(), settings.PRIORCONSENT_WITNESS_POLICY)


def _own_keys() -> tuple[tuple[Log, ...], tuple[Cosigner, ...]]:
    logs = tuple(Log(verifier, f"{settings.PRIORCONSENT_BASE_URL}/log") for verifier in verifiers())
    return logs, tuple(own_cosigner(public_key) for public_key in signers.mldsa_public_halves())


# A publication asks for it dozens of times.
@lru_cache(maxsize=8)
def _policy(logs: tuple[Log, ...], keys: tuple[Cosigner, ...], chosen: Countersigners) -> Policy:
    if len(keys) == 1:
        return chosen.with_log(Policy(logs, (Witness(OWN_ML_DSA, keys[0]),), OWN_ML_DSA))
    own = tuple(Witness(f"{OWN_ML_DSA}-{number}", key) for number, key in enumerate(keys, 1))
    # Any of them: while one takes over from another, and for the checkpoints of its time afterwards.
    group = Group(OWN_ML_DSA, 1, tuple(one.name for one in own))
    return chosen.with_log(Policy(logs, (*own, group), OWN_ML_DSA))
