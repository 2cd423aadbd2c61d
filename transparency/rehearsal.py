"""What a unit would do in the log, tried before a key touches it: the replay of everybody, and nothing is kept.

A signature cannot be taken back. So the token is first signed by a key that is thrown away, under a keyset that
names just that key, and has to pass there as it will have to pass everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from priorconsent import canonical, names
from priorconsent.errors import NotTrustedError, PriorConsentError
from priorconsent.keys import Keyset, PrivateKey, RegistryKey, sign_keyset
from priorconsent.records import in_order
from priorconsent.states import KeysetState
from transparency import drafts
from transparency.alarms import DatabaseChangedError
from transparency.archive import DatabaseArchive
from transparency.overlay import Overlay
from transparency.store import DatabaseLedger, keyset


class RehearsalError(NotTrustedError):
    """The log would not take what is about to be signed."""

    code = "rehearsal_failed"


class Rehearsal:
    """A log that exists only here: the newest one, with the grant key of the registry exchanged.

    Args:
        key: signs in place of the real one, and is gone afterwards.
    """

    def __init__(self, ledger: DatabaseLedger, now: str) -> None:
        self.key = PrivateKey.generate()
        self._time = max(now, ledger.last_time or now)
        self._ledger = Overlay(ledger)
        exchanged = _exchange(keyset(ledger), RegistryKey(jwk=self.key.jwk, use="grant", from_=self._time, until=None))
        self._archive = _Archive({exchanged.digest: sign_keyset(exchanged, [self.key])})
        state = KeysetState(version=exchanged.version, digest=exchanged.digest, pos=ledger.size - 1)
        self._ledger.put(names.KEYSET, state)

    def replay(self, unit: Sequence[dict[str, Any]], blobs: Mapping[str, bytes], evidence: Mapping[str, bytes]) -> None:
        """Replay a unit's drafts in order.

        Raises:
            RehearsalError: the log would refuse one of them, or evidence is missing.
        """
        self._archive.add(blobs, evidence)
        for draft in unit:
            try:
                drafts.take(canonical.encode(draft), self._time, self._ledger, self._archive)
            except DatabaseChangedError:
                # Not the draft's fault: nothing may be signed on such ground.
                raise
            except PriorConsentError as error:
                raise RehearsalError(str(error)) from error


class _Archive(DatabaseArchive):
    """What the database holds, and what the unit would bring."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        super().__init__()
        self._brought = {**blobs}
        self._told: dict[str, bytes] = {}

    def add(self, blobs: Mapping[str, bytes], evidence: Mapping[str, bytes]) -> None:
        self._brought.update(blobs)
        self._told.update(evidence)

    def blob(self, digest: str) -> bytes | None:
        """Implements ``Archive``."""
        return self._brought.get(digest) or super().blob(digest)

    def evidence(self, digest: str) -> bytes | None:
        """Implements ``Archive``."""
        return self._told.get(digest) or super().evidence(digest)


def _exchange(current: Keyset, key: RegistryKey) -> Keyset:
    """The keyset with this key as the only one for its use."""
    others = [one for one in current.keys if one.use != key.use]
    return replace(current, registry=current.registry_id, keys=in_order((*others, key)))
