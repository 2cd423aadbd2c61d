"""Who acts: every verb takes an ``Actor`` and the time, and decides on nothing else about the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["operator", "signer", "member"]
Proof = Literal["statement", "api_key", "operator", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One who acts, in which role, and by which proof.

    Args:
        party: ``urn:uuid:`` of the party acted for; ``None`` for the registry itself.
        role: ``operator`` runs the registry, ``signer`` signs for a party, ``member`` prepares for it.
        proof: ``statement`` a verified signature of the party, ``api_key`` a key that it holds,
            ``operator`` somebody at the machine, ``system`` the server on its own.
        label: for the record, such as the name of an API key; never a secret, never decided on.
    """

    party: str | None
    role: Role
    proof: Proof
    label: str = ""
