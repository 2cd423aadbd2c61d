"""What the demo leaves behind for whoever plays on, and the note by which a later run knows that it is done."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

from api import bundles
from api.demo.cast import ROLES, WORKS, Files
from api.demo.stage import Stage
from api.demo.story import Story
from api.published import reading
from priorconsent import canonical
from priorconsent.errors import MalformedError
from priorconsent.records import Digest, Record, Time, convert
from transparency.files import public_folder, write_file

STRANGERS_FILES = Files(20, "crawled-{:03}.bin", "application/octet-stream")


class Note(Record, frozen=True):
    """What a finished demo knows about itself; ids by the names that the story uses."""

    registry: Digest
    begin: Time
    parties: dict[str, str]
    works: dict[str, str]
    grants: dict[str, str]


class Folder:
    """``demo/`` below the data folder.

    ``begun`` is written before anything else, holds the registry's name once there is one, and is removed after
    ``note``: between the two, what lies in the database is half a demo.
    """

    def __init__(self, data: Path) -> None:
        self.path = data / "demo"
        self.begun = self.path / "begun"
        self.note = self.path / "demo.json"
        self.keys = self.path / "keys"
        self.files = self.path / "files"
        self.manifest = self.path / "manifest.csv"
        self.snapshot = self.path / "snapshot.sqlite"
        self.bundle = self.path / "training-grant.zip"
        self.ended_bundle = self.path / "withdrawn-grant.zip"

    def read_note(self) -> Note | None:
        """The note of a finished demo; ``None`` before."""
        try:
            return convert(canonical.parse(self.note.read_bytes()), Note)
        except FileNotFoundError:
            return None
        except MalformedError as error:
            raise MalformedError(f"{self.note} is damaged: {error}; move it away") from error

    def finish(self, stage: Stage, story: Story) -> Note:
        """Write everything down, the note last."""
        note = Note(
            registry=stage.registry,
            begin=story.begin,
            parties=stage.parties,
            works=stage.works,
            grants={label: offer.grant for label, offer in story.grants.items()},
        )
        self._write_files()
        with reading(stage.now) as published:
            write_file(self.bundle, bundles.bundle(note.grants["training"], published))
            write_file(self.ended_bundle, bundles.bundle(note.grants["withdrawn"], published))
        self.copy_snapshot()
        write_file(self.note, note.encode())
        self.begun.unlink(missing_ok=True)
        return note

    def copy_snapshot(self) -> None:
        """The newest snapshot, for questions without a server."""
        newest = max((public_folder() / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))
        write_file(self.snapshot, newest.read_bytes())

    def clear(self) -> None:
        """Remove all that a demo writes here."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _write_files(self) -> None:
        """Every file of the cast, and a vendor's manifest of them and of some that nobody registered."""
        self.files.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["file", "sha256"])
        crawled = [files for piece in WORKS.values() for files in piece.files] + [STRANGERS_FILES]
        for files in crawled:
            for name in files.names():
                content = files.content(name)
                # Worth nothing and made again at will: no need to wait for the disk each time.
                (self.files / name).write_bytes(content)
                rows.writerow([name, canonical.digest(content)])
        write_file(self.manifest, text.getvalue().encode())


def called(role: str) -> str:
    """What a party is called in English."""
    return ROLES[role].names["en"]
