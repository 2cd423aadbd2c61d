"""The registry's keysets in its log: the founding, and what follows from a ceremony.

The roots of a real registry are held offline by several people, who sign its keysets in a ceremony
(docs/guides/keys.md). Without one, for a demo, a single root key is made beside the online keys.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import transaction

from priorconsent import rights
from priorconsent.errors import ConflictError, SigningError
from priorconsent.keys import KEY_CHECK, Keyset, RegistryKey, SigningKey, read_keyset, sign_keyset
from priorconsent.records import in_order
from transparency import sequencer, signers
from transparency.append import append_all, sequenced_by_caller
from transparency.files import write_file
from transparency.models import Head, Pending
from transparency.signers import ONLINE_USES, make_keys, signer
from transparency.store import keyset as keyset_in_force
from transparency.store import own_trust, registry_id

LOG_FORMAT = 1
# Of a demo.
THRESHOLD = 1


def found_registry(now: str, first: bytes | None = None) -> str:
    """Make the keys that are missing, the first leaves, the first checkpoint and the trust file; what is there stays.

    Args:
        first: keyset 1 of a ceremony; ``None``: a root key is made beside the online ones, for a demo.

    Returns:
        The registry's name, a digest.

    Raises:
        ConflictError: the first leaves were refused (the alarm says why), or the log has another keyset 1.
        SigningError: a key of the keyset does not sign here.
    """
    make_keys(root=first is None and Head.now().size == 0)
    # A crash from here on: keys without a log. The next call goes on with the same keys.
    if Head.now().size == 0:
        with sequenced_by_caller(), transaction.atomic():
            if not Pending.objects.filter(state=Pending.State.PENDING).exists():
                _append_first_leaves(*_first_keyset(now, first))
        sequencer.sequence(now)
        if Head.now().size == 0:
            raise ConflictError("the registry could not be founded; see the alarms")
    if first is not None and read_keyset(first, None).digest != registry_id():
        raise ConflictError("the log begins with another keyset than that of this ceremony")
    sequencer.finish(now)
    write_trust()
    return registry_id()


def install_keyset(now: str, signed: bytes) -> Keyset:
    """Log the next keyset of a ceremony; it is in force from its position on.

    Raises:
        FraudError: it does not follow the one in force.
        SignatureError: too few of its roots signed, or of those before.
        SigningError: a key of the keyset does not sign here, so that the registry would stand still.
        ConflictError: the log refused it; the alarm says why.
    """
    before = keyset_in_force()
    following = read_keyset(signed, before)
    check_signing(following, before, now)
    with sequenced_by_caller():
        with transaction.atomic():
            draft = {"t": "keyset", "version": following.version, "digest": following.digest}
            append_all([draft], blobs={following.digest: signed})
        sequencer.run(now)
    if keyset_in_force() != following:
        raise ConflictError("the keyset is not in force; see the alarms")
    write_trust()
    return following


def check_signing(keyset: Keyset, before: Keyset | None, at: str) -> None:
    """See this process's keys sign under a keyset, before it is logged and cannot be taken back.

    Args:
        before: the keyset in force; keys that it has already need not be here any more.

    Raises:
        SigningError: a use would have no key, a new key does not sign here, or the key of older checkpoints is
            not known any more.
    """
    for use in ONLINE_USES:
        signers.in_force(use, keyset, at)
        at_hand = {one.kid: one for one in signers.signers(use)}
        known = {(key.use, key.jwk) for key in before.keys} if before else set()
        for key in keyset.keys:
            if key.use == use and (use, key.jwk) not in known:
                _see_it_sign(at_hand.get(key.jwk.thumbprint), key)
    lost = {key.jwk for key in before.keys if key.use == "log"} - {*signers.public_halves("log")} if before else set()
    if lost:
        told = " ".join(f"public:{jwk.x}" for jwk in sorted(lost, key=lambda jwk: jwk.x))
        raise SigningError(f"older checkpoints verify under a key that PRIORCONSENT_LOG_KEY must go on naming: {told}")


def write_trust() -> None:
    """Write the trust file that the operator hands out."""
    write_file(settings.PRIORCONSENT_DATA / "trust.json", own_trust().encode())


def _see_it_sign(one: SigningKey | None, key: RegistryKey) -> None:
    if one is None:
        raise SigningError(f"the new {key.use} key {key.jwk.thumbprint} is not at hand, so it could not sign")
    challenge = KEY_CHECK + secrets.token_bytes(32)
    key.jwk.verify(one.sign(challenge), challenge)


def _append_first_leaves(keyset: Keyset, signed: bytes) -> None:
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


def _first_keyset(now: str, first: bytes | None) -> tuple[Keyset, bytes]:
    """Keyset 1 of the ceremony, or one whose root key lies beside the online keys."""
    if first is not None:
        keyset = read_keyset(first, None)
        check_signing(keyset, None, now)
        return keyset, first
    online = [RegistryKey(jwk=signer(use).jwk, use=use, from_=now, until=None) for use in ONLINE_USES]
    root = signer("root")
    keyset = Keyset(
        v=1,
        registry=None,
        version=1,
        previous=None,
        threshold=THRESHOLD,
        roots=(root.jwk,),
        keys=in_order(online),
        key_delay_s=settings.PRIORCONSENT_KEY_DELAY_S,
    )
    return keyset, sign_keyset(keyset, [root])
