"""Blobs and evidence as the database holds them, each checked against its digest."""

from __future__ import annotations

from collections.abc import Iterable

from priorconsent.contents import is_content
from priorconsent.replay import Archive
from transparency.alarms import DatabaseChangedError
from transparency.bulk import chunks
from transparency.models import Blob, EvidenceItem, Stored


class DatabaseArchive(Archive):
    """Blobs and evidence, of units that wait and of those that were logged.

    Args:
        used: digests that were asked for and found, so that what an event rests on is known.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._blobs: dict[str, bytes | None] = {}
        self._evidence: dict[str, bytes | None] = {}

    def blob(self, digest: str) -> bytes | None:
        """Implements ``Archive``."""
        return self._get(Blob, self._blobs, digest)

    def evidence(self, digest: str) -> bytes | None:
        """Implements ``Archive``."""
        return self._get(EvidenceItem, self._evidence, digest)

    def load(self, digests: Iterable[str]) -> None:
        """Read many at once."""
        for some in chunks(digests):
            for model, known in ((Blob, self._blobs), (EvidenceItem, self._evidence)):
                known.update(_raws(model, some))

    def _get(self, model: type[Stored], known: dict[str, bytes | None], digest: str) -> bytes | None:
        if digest not in known:
            known[digest] = _raws(model, [digest]).get(digest)
        if known[digest] is not None:
            self.used.add(digest)
        return known[digest]


def _raws(model: type[Stored], digests: list[str]) -> dict[str, bytes | None]:
    """Bytes by digest; those that are not their digest's count as none while nothing logged needs them.

    Raises:
        DatabaseChangedError: a logged event needs them.
    """
    found: dict[str, bytes | None] = {}
    for row in model.objects.filter(digest__in=digests):
        raw = bytes(row.raw)
        if is_content(row.digest, raw):
            found[row.digest] = raw
        elif row.pos is not None:
            raise DatabaseChangedError(f"the bytes under {row.digest} were changed")
    return found
