"""The trust file: what a reader decides to believe, kept outside everything that is checked with it.

Which of it counts where: an answer at home (``check``, ``filter``, ``snapshot``) rests on the log's keys
and the witnesses in ``log_policy``, and on no root. Asking the roots as well would stop nobody there: who
stole the log's keys can sign a false map with the true keyset in it. ``verify`` and ``log fsck`` go back to
the roots, and to every signature, which the log's keys cannot make.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from priorconsent import canonical
from priorconsent.errors import MalformedError, NotAvailableError, NotTrustedError
from priorconsent.log.policy import MAX_POLICY_BYTES, Policy
from priorconsent.records import Bytes32, Count, Digest, Text, Versioned, convert
from priorconsent.timestamps import read_authorities

MAX_TRUST_BYTES = 1 << 18


class Trust(Versioned, frozen=True):
    """One registry, its log's keys and witnesses, its offline roots, and the reader's own limits.

    Args:
        log_policy: text of a C2SP tlog-policy.
        roots: RFC 7638 thumbprints of the root keys, sorted; counted, like ``threshold``, in ``verify``
            and ``log fsck`` alone.
        threshold: how many distinct roots must sign a keyset.
        tsa_ca: root certificates of time-stamp authorities, PEM, one each; if there are any, ``verify`` asks for one
            of their time-stamps.
        max_age_s: how old a checkpoint may be, in seconds; the map-root's own limit applies too.
        key_delay_s: a longer delay for first keys than the registry's; counts in ``verify`` alone.
        min_level: what ``check`` asks for where the question does not say; so is ``min_method``.
    """

    registry: Digest
    log_policy: Annotated[str, Meta(min_length=1, max_length=MAX_POLICY_BYTES)]
    roots: Annotated[tuple[Bytes32, ...], Meta(min_length=1)]
    threshold: Annotated[int, Meta(ge=1)]
    tsa_ca: tuple[Text, ...]
    max_age_s: Count
    key_delay_s: Count
    min_level: Literal["E1", "E2", "E3"]
    min_method: Literal["account", "passkey", "key"]

    @property
    def policy(self) -> Policy:
        """The log policy, parsed."""
        return Policy.parse(self.log_policy)

    def check(self) -> None:
        """Check what the trust file shows of itself.

        Raises:
            MalformedError: a policy that is none, or a threshold that no keyset can meet.
            NotAvailableError: keys of a type that nobody here knows.
        """
        if self.threshold > len(self.roots):
            raise MalformedError(
                f"{len(self.roots)} roots cannot meet a threshold of {self.threshold}", pointer="/threshold"
            )
        try:
            read_authorities(self.tsa_ca)
        except MalformedError as error:
            raise MalformedError(error.detail, pointer="/tsa_ca") from None
        Policy.parse(self.log_policy)


def read_trust(raw: bytes) -> Trust:
    """Read a trust file. People edit it, so any spelling of its JSON will do.

    Raises:
        MalformedError: not a trust file; the pointer says where.
        NotAvailableError: it trusts something that comes later.
    """
    value = canonical.parse(raw, max_bytes=MAX_TRUST_BYTES)
    canonical.check_sorted(value)
    trust = convert(value, Trust)
    trust.check()
    return trust


def read_trust_file(path: Path) -> Trust:
    """Read a trust file by its path.

    Raises:
        NotTrustedError: it cannot be read, or is not sound; so nothing can be checked.
    """
    try:
        return read_trust(path.read_bytes())
    except OSError as error:
        raise NotTrustedError(f"cannot read the trust file {path}: {error.strerror}") from None
    except (MalformedError, NotAvailableError) as error:
        raise NotTrustedError(f"the trust file {path} is not sound: {error}") from None
