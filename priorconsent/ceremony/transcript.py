"""What happened at a ceremony, for those who were there to sign on paper, and for whoever asks years later."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata

from priorconsent import canonical
from priorconsent.ceremony.plan import Plan
from priorconsent.ceremony.telling import tell
from priorconsent.keys import Keyset
from priorconsent.records import Digest, Record, Text, Time, Versioned, in_order

TOOLS = ("cryptography", "msgspec", "priorconsent")
LEAVING = "a root of the keyset before"


class Holder(Record, frozen=True):
    """Somebody who keeps a root key, and whether the keyset bears its signature."""

    holder: Text
    kid: Text
    signed: bool


class Transcript(Versioned, frozen=True):
    """What happened.

    Args:
        attended: names of those who were there.
        tools: versions by name.
        files: digests of the files of the ceremony, by name.
        told: the keyset in words, as the root holders read it before they signed.
    """

    title: Text
    registry: Digest
    version: int
    digest: Digest
    finished_at: Time
    threshold: int
    holders: tuple[Holder, ...]
    attended: tuple[Text, ...]
    tools: dict[str, str]
    files: dict[str, str]
    told: str

    def text(self) -> str:
        """For reading, and for signing by hand."""
        signed = [f"  [{'x' if one.signed else ' '}] {one.kid}  {one.holder}" for one in self.holders]
        lines = [
            f"Transcript of a ceremony: {self.title}",
            f"Finished at {self.finished_at}",
            "",
            self.told,
            "",
            "Signed by:",
            *signed,
            "",
            "Made with:",
            *(f"  {name} {version}" for name, version in self.tools.items()),
            "",
            "Files, by SHA-256:",
            *(f"  {digest}  {name}" for name, digest in self.files.items()),
            "",
            "Attended, each signing here that this is what happened:",
            *(f"\n  {name}  ______________________________" for name in self.attended),
            "",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A plan, the keyset that it led to, and the one that this follows."""

    plan: Plan
    keyset: Keyset
    previous: Keyset | None


def write_transcript(
    ceremony: Ceremony, signed_by: Iterable[str], files: Mapping[str, bytes], attended: Iterable[str], now: str
) -> Transcript:
    """What happened at a ceremony that is finished.

    Args:
        signed_by: thumbprints of the roots that signed.
        files: by name; the transcript keeps their digests.
        attended: names of those who were there.
    """
    keyset, kids = ceremony.keyset, frozenset(signed_by)
    named = {root.jwk.thumbprint: root.holder for root in ceremony.plan.roots}
    # A root that is none any more does not stand in the plan, and yet may have had to sign.
    everybody = dict.fromkeys(sorted(kids), LEAVING) | named
    holders = (Holder(holder=name, kid=kid, signed=kid in kids) for kid, name in everybody.items())
    return Transcript(
        v=1,
        title=ceremony.plan.title,
        registry=keyset.registry_id,
        version=keyset.version,
        digest=keyset.digest,
        finished_at=now,
        threshold=keyset.threshold,
        holders=in_order(holders),
        attended=tuple(sorted(set(attended), key=lambda name: name.encode())),
        tools={"python": platform.python_version()} | {name: metadata.version(name) for name in TOOLS},
        files={name: canonical.digest(raw) for name, raw in sorted(files.items())},
        told="\n".join(tell(keyset, ceremony.previous)),
    )
