"""The commands to paste into another terminal, each with what it will answer."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from api.demo.cast import WORKS
from api.demo.remains import Folder, Note, called
from api.demo.story import MODEL
from transparency.files import public_folder

YES, NO = 0, 3


@dataclass(frozen=True, slots=True)
class Command:
    """One line for a shell.

    Args:
        says: what it shows.
        code: its exit code.
        online: whether it needs the server.
    """

    says: str
    line: str
    code: int = YES
    online: bool = False


def commands(note: Note, folder: Folder, base_url: str) -> tuple[Command, ...]:
    """All of them, to be run in the checkout, in this order."""
    return tuple(_commands(note, folder, base_url))


def _commands(note: Note, folder: Folder, base_url: str) -> Iterator[Command]:
    reel = _sha256("film")
    vendor_a, vendor_b = note.parties["vendor_a"], note.parties["vendor_b"]
    asked = {"use": "train.generative.pretrain", "territory": "JP", "modality": "video", "model": MODEL}
    asked["distribution"] = "internal"
    training = {"vendor": vendor_a, **asked}
    registry, trust = {"registry": base_url}, {"trust": settings.PRIORCONSENT_DATA / "trust.json"}
    snapshot = {"snapshot": folder.snapshot}
    decisions = f"{base_url}/api/v1/decisions"

    yield Command(
        f"A yes: {called('vendor_a')} asks for a reel of the film",
        _curl(decisions, {"sha256": reel, **training}),
        online=True,
    )
    yield Command(
        f"A no: {called('vendor_b')} asks for the same reel",
        _curl(decisions, {"sha256": reel, **training, "vendor": vendor_b}),
        online=True,
    )
    yield Command(
        "The same yes at home: fetch the map, then ask it; the registry sees no question",
        _own("snapshot", "fetch", folder.snapshot, **registry, **trust),
        online=True,
    )
    yield Command("  a yes", _own("check", f"sha256:{reel}", **training, **snapshot, **trust))
    yield Command(
        f"  a no: the broadcaster has withdrawn what {called('vendor_b')} had",
        _own("check", f"sha256:{_sha256('theme')}", vendor=vendor_b, use=asked["use"], **snapshot, **trust),
        NO,
    )
    yield Command(
        "  a no: nobody knows this address",
        _own("check", "https://elsewhere.example/film-reel-001.mp4", **training, **snapshot, **trust),
        NO,
    )
    yield Command(
        "By address, in buckets of many names: the registry sees which bucket, not which name",
        _own("check", f"{WORKS['film'].folder}film-reel-001.mp4", **training, **registry, **trust),
        online=True,
    )
    yield Command(
        "A whole manifest: only permitted rows remain",
        _own("filter", folder.manifest, folder.path / "permitted.csv", **training, **snapshot, **trust),
    )
    yield Command(
        "The evidence for the grant, for a court",
        shlex.join(
            ["curl", "-sSf", "-o", shown(folder.bundle), f"{base_url}/api/v1/grants/{note.grants['training']}/bundle"]
        ),
        online=True,
    )
    yield Command("  checked without us: valid, and permitted", _own("verify", folder.bundle, **trust))
    yield Command(
        "  of the grant that ended: valid, and no longer permitted", _own("verify", folder.ended_bundle, **trust), NO
    )
    yield Command(
        "The whole log, replayed from its first entry, as published in a folder",
        _own("log", "fsck", public_folder(), **trust),
    )
    yield Command("  and as served", _own("log", "fsck", base_url, **trust), online=True)


def _sha256(work: str) -> str:
    files = WORKS[work].files[0]
    return hashlib.sha256(files.content(files.names()[0])).hexdigest()


def _curl(url: str, asked: dict[str, str]) -> str:
    return shlex.join(["curl", "-sSG", url, *(word for item in asked.items() for word in ("-d", "=".join(item)))])


def _own(*words: str | Path, **options: str | Path) -> str:
    program = Path(sys.executable).with_name("priorconsent")
    flags = [word for name, value in options.items() for word in (f"--{name}", shown(value))]
    return shlex.join([shown(program), *map(shown, words), *flags])


def shown(word: str | Path) -> str:
    """A path below the checkout as seen from there."""
    if isinstance(word, Path) and word.is_relative_to(settings.BASE_DIR):
        return str(word.relative_to(settings.BASE_DIR))
    return str(word)


def first_line() -> str:
    """The command that goes before all others."""
    return shlex.join(["cd", str(settings.BASE_DIR)])
