"""The share-set document: who holds which right in a work, and what the work links to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from priorconsent import canonical
from priorconsent.errors import MalformedError
from priorconsent.records import Bytes16, Code, Digest, Record, Urn, Versioned


class Share(Record, frozen=True):
    """One holder of one right."""

    right: Code
    party: Urn


class Link(Record, frozen=True):
    """A tie to another work; ``work`` null: a work is known, but not registered."""

    rel: Code
    work: Urn | None


class ShareSet(Versioned, frozen=True):
    """One version of the holders and links of a work. Kept in the evidence archive."""

    registry: Digest
    work: Urn
    version: Annotated[int, Meta(ge=1)]
    previous: Digest | None
    shares: tuple[Share, ...]
    links: tuple[Link, ...]
    complete: bool
    salt: Bytes16

    @property
    def digest(self) -> str:
        """Digest of the canonical bytes."""
        return canonical.digest(self.encode())

    def check(self) -> None:
        """Check what the document shows of itself.

        Raises:
            MalformedError: complete although a source is not registered, or a work linked to itself.
        """
        if self.complete and any(link.work is None for link in self.links):
            raise MalformedError("a set with an unregistered work is not complete", pointer="/complete")
        if any(link.work == self.work for link in self.links):
            raise MalformedError("a work linked to itself", pointer="/links")
