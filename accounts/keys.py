"""API keys: ``pc_<prefix>_<secret>``, shown once, stored as a digest.

The secret has 256 random bits, so one SHA-256 is enough: there is nothing to guess that a slow hash could slow down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import cast

from django.db.models import Q

from accounts.models import ApiKey, Membership
from priorconsent import times
from priorconsent.errors import MalformedError, NotAllowedError
from registry.actor import Actor, Role

PREFIX_BYTES = 6
SECRET_BYTES = 32
DEFAULT_LIFE_S = 365 * 86400
# How exact "last used" is; a write per request would cost more than the answer.
LAST_USED_STEP_S = 600

# scope → roles that may hold it
SCOPES = {
    "read": frozenset({"operator", "signer", "member"}),
    "write": frozenset({"operator", "signer"}),
    "operate": frozenset({"operator"}),
}
_BEGINNING = re.compile(r"pc_([0-9a-f]{12})(?![^_])", re.ASCII)
_SPELLING = re.compile(r"pc_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)


def create_api_key(
    membership: Membership, *, label: str, scopes: Iterable[str], at: str, expires_at: str | None = None
) -> tuple[ApiKey, str]:
    """Make a key for one membership.

    Args:
        scopes: of ``SCOPES``, at least one.
        expires_at: ``None`` for a year after ``at``.

    Returns:
        The stored key, and the secret text that nobody can show again.

    Raises:
        MalformedError: no scope, an unknown one, or an end that is not after ``at``.
        NotAllowedError: a scope beyond the role.
    """
    wanted = sorted(set(scopes))
    if not wanted or not SCOPES.keys() >= set(wanted):
        raise MalformedError("scopes are one or more of " + ", ".join(SCOPES))
    if beyond := [scope for scope in wanted if membership.role not in SCOPES[scope]]:
        raise NotAllowedError(f"a {membership.role} may not hold the scope {beyond[0]}")
    end = times.plus(at, DEFAULT_LIFE_S) if expires_at is None else expires_at
    if end <= at:
        raise MalformedError("a key has to end after it begins")
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_hex(SECRET_BYTES)
    key = ApiKey.objects.create(
        membership=membership,
        label=label,
        prefix=prefix,
        secret_sha256=_digest(secret),
        scopes=wanted,
        created_at=times.parse(at),
        expires_at=times.parse(end),
    )
    return key, f"pc_{prefix}_{secret}"


def keys_named(text: str) -> list[ApiKey]:
    """The key whose secret begins so (``pc_`` and its prefix; the rest is not looked at), or all keys of a user.

    Args:
        text: such a beginning, or an e-mail address.
    """
    beginning = _BEGINNING.match(text)
    keys = ApiKey.objects.select_related("membership__user").order_by("created_at", "pk")
    return list(keys.filter(prefix=beginning[1]) if beginning else keys.filter(membership__user__email__iexact=text))


def revoke_api_key(key: ApiKey, at: str) -> None:
    """End a key for good; ending it again changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=times.parse(at))


def actor_for_key(secret: str, at: str, *, scope: str) -> Actor:
    """Who acts with this key.

    Args:
        secret: the whole text ``pc_<prefix>_<secret>``.
        scope: what the caller is about to do.

    Raises:
        NotAllowedError: no such key, expired, revoked, its user inactive, or without the scope. The first four
            are told in the same words, so that nobody learns which keys exist.
    """
    spelled = _SPELLING.fullmatch(secret)
    prefix, rest = spelled.groups() if spelled else ("", "")
    key = ApiKey.objects.select_related("membership__user").filter(prefix=prefix).first()
    # Compared also where there is no key: the time taken tells nothing either.
    same = hmac.compare_digest(_digest(rest), key.secret_sha256 if key else _digest("no key"))
    if key is None or not same or not _is_alive(key, at):
        raise NotAllowedError("this API key is unknown or has ended")
    if scope not in key.scopes:
        raise NotAllowedError(f"this API key has no scope {scope}")
    _note_use(key, at)
    # A constraint of the table holds the role to these words.
    role = cast("Role", key.membership.role)
    return Actor(party=key.membership.party_urn, role=role, proof="api_key", label=key.label)


def _is_alive(key: ApiKey, at: str) -> bool:
    now = times.parse(at)
    return key.revoked_at is None and key.created_at <= now < key.expires_at and key.membership.user.is_active


def _note_use(key: ApiKey, at: str) -> None:
    since = times.parse(times.plus(at, -LAST_USED_STEP_S))
    unused = Q(last_used_at=None) | Q(last_used_at__lt=since)
    ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=times.parse(at))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
