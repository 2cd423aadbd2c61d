"""What a check of a whole registry found, each with its code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from priorconsent import canonical
from priorconsent.court.report import Exit
from priorconsent.errors import NotAvailableError, NotFoundError, PriorConsentError, UnreachableError

# What keeps a check from being made, as opposed to what it finds.
UNABLE = (NotFoundError, UnreachableError, NotAvailableError)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Args:
        code: stable; docs/spec/files.md lists them.
        subject: what it is about: a file, ``event`` and its position, ``log``.
    """

    code: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.detail} ({self.code})"

    def to_json(self) -> dict[str, str]:
        """The finding as plain JSON values."""
        return {"code": self.code, "subject": self.subject, "detail": self.detail}


@dataclass
class Findings:
    """What was found.

    Args:
        files: how many were compared; ``None``: over HTTP nobody can list them.
        alarms: events that broke a rule, and had no effect.
        unchecked: evidence digests that were not at hand.
        uncovered: files that nothing signed covers, and nobody reads.
        wrong: what contradicts what the registry signed.
        unable: why something could not be checked.
    """

    registry: str
    size: int = 0
    leaves: int = 0
    map_roots: int = 0
    files: int | None = None
    alarms: list[Finding] = field(default_factory=list)
    unchecked: set[str] = field(default_factory=set)
    uncovered: list[str] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    unable: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> Exit:
        """5 if anything is wrong, 4 if anything could not be checked."""
        if self.wrong:
            return Exit.INVALID
        return Exit.COULD_NOT_CHECK if self.unable or self.unchecked else Exit.PERMITTED

    def to_json(self) -> dict[str, Any]:
        """The findings as plain JSON values."""
        return {
            "outcome": {Exit.PERMITTED: "clean", Exit.INVALID: "wrong"}.get(self.exit_code, "unchecked"),
            "registry": self.registry,
            "size": self.size,
            "leaves": self.leaves,
            "map_roots": self.map_roots,
            "files": self.files,
            "alarms": [one.to_json() for one in self.alarms],
            "unchecked": canonical.sorted_set(self.unchecked),
            "uncovered": sorted(self.uncovered),
            "wrong": [one.to_json() for one in self.wrong],
            "unable": [one.to_json() for one in self.unable],
        }

    def tell(self, code: str, subject: str, detail: str) -> None:
        """Note something wrong."""
        self.wrong.append(Finding(code, subject, detail))

    @contextlib.contextmanager
    def telling(self, subject: str) -> Iterator[None]:
        """Note what goes wrong within the block, which ends there."""
        try:
            yield
        except PriorConsentError as error:
            self.tell_error(subject, error)

    def tell_error(self, subject: str, error: PriorConsentError) -> None:
        """Note an error: something is wrong, or could not be checked."""
        there = self.unable if isinstance(error, UNABLE) else self.wrong
        there.append(Finding(error.code, subject, str(error)))
