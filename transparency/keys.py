"""The founding of a registry: its keys, its first keyset, the first leaves of its log."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from priorconsent import rights
from priorconsent.errors import ConflictError
from priorconsent.keys import Keyset, RegistryKey, sign_keyset
from transparency import sequencer
from transparency.append import append_all, sequenced_by_caller
from transparency.files import write_file
from transparency.models import Head, Pending
from transparency.signers import USES, Signer, make_keys, signer
from transparency.store import own_trust, registry_id

__all__ = ["Signer", "found_registry", "signer"]

LOG_FORMAT = 1
THRESHOLD = 1


def found_registry(now: str) -> str:
    """Make keys, keyset, the first leaves, the first checkpoint and the trust file; what is there stays.

    Returns:
        The registry's name, a digest.

    Raises:
        ConflictError: the first leaves were refused; the alarm says why.
    """
    make_keys()
    # A crash from here on: keys without a log. The next call goes on with the same keys.
    if not Head.objects.filter(size__gt=0).exists():
        with sequenced_by_caller(), transaction.atomic():
            if not Pending.objects.filter(state=Pending.State.PENDING).exists():
                _append_first_leaves(now)
        sequencer.sequence(now)
        if not Head.objects.filter(size__gt=0).exists():
            raise ConflictError("the registry could not be founded; see the alarms")
    sequencer.finish(now)
    write_file(settings.PRIORCONSENT_DATA / "trust.json", own_trust().encode())
    return registry_id()


def _append_first_leaves(now: str) -> None:
    keyset, signed = _first_keyset(now)
    table = rights.LATEST
    append_all(
        [
            {
                "t": "log-open",
                "format": LOG_FORMAT,
                "origin": settings.PRIORCONSENT_ORIGIN,
                "registry": keyset.digest,
                "keyset": keyset.digest,
            },
            {"t": "keyset", "version": keyset.version, "digest": keyset.digest},
            {"t": "rights-table", "version": table.version, "digest": table.digest},
        ],
        blobs={keyset.digest: signed, table.digest: table.encode()},
    )


def _first_keyset(now: str) -> tuple[Keyset, bytes]:
    online = [RegistryKey(jwk=signer(use).jwk, use=use, from_=now, until=None) for use in USES if use != "root"]
    root = signer("root")
    keyset = Keyset(
        v=1,
        registry=None,
        version=1,
        previous=None,
        threshold=THRESHOLD,
        roots=(root.jwk,),
        keys=tuple(sorted(online, key=lambda key: key.encode())),
        key_delay_s=settings.PRIORCONSENT_KEY_DELAY_S,
    )
    return keyset, sign_keyset(keyset, [root.key])
