"""One change in one published file, of whatever kind, is found."""

import re
import shutil

import pytest

from priorconsent import canonical, receipts
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.errors import FraudError
from tests import scenario as cast
from tests.court_world import OFFER, World

TRUST = cast.trust()
RECEIPTS = receipts.write_list([canonical.digest(b"one"), canonical.digest(b"two")])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A log of more than one tile that was published twice, with whatever a registry publishes."""
    folder = tmp_path_factory.mktemp("published")
    world = World().begin()
    world.publish(folder)
    keep_checkpoint(folder)
    anchored = receipts.list_digest(RECEIPTS)
    world.made.blobs[anchored] = RECEIPTS
    world.log({"t": "anchor", "kind": "receipts", "digest": anchored, "party": None, "statement": None}, cast.BATCH_B)
    world.log(world.sign_grant(), cast.BATCH_B)
    for number in range(300):
        party = f"urn:uuid:00000000-0000-4000-9000-{number:012x}"
        world.log({"t": "party", "party": party, "kind": "person", "members": None}, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    world.publish(folder)
    keep_checkpoint(folder)
    (folder / "log" / "unwitnessed").mkdir()
    shutil.copy(folder / "log" / "checkpoint", folder / "log" / "unwitnessed" / "checkpoint")
    return folder


def keep_checkpoint(folder):
    raw = (folder / "log" / "checkpoint").read_bytes()
    kept = folder / "log" / "checkpoints" / raw.split(b"\n")[1].decode()
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(raw)


KINDS = {
    "checkpoint": r"log/checkpoint",
    "earlier checkpoint": r"log/checkpoints/\d+",
    "checkpoint that waits for witnesses": r"log/unwitnessed/checkpoint",
    "full bundle of entries": r"log/tile/entries/000",
    "last bundle of entries": r"log/tile/entries/001\.p/\d+",
    "bundle published earlier": r"log/tile/entries/000\.p/18",
    "full tile": r"log/tile/0/000",
    "last tile": r"log/tile/0/001\.p/\d+",
    "tile published earlier": r"log/tile/0/000\.p/18",
    "tile of the second row": r"log/tile/1/000\.p/1",
    "keyset": "blob/" + cast.REGISTRY.replace(":", "/"),
    "rights table": "blob/" + OFFER.rights_table.replace(":", "/"),
    "offer": "blob/" + OFFER.digest.replace(":", "/"),
    "list of receipts": "blob/" + receipts.list_digest(RECEIPTS).replace(":", "/"),
    "key record": "evidence/" + cast.KEY_RECORDS[cast.STUDIO].key_id.replace(":", "/"),
    "share set": "evidence/" + cast.SHARE_SETS[cast.FILM].digest.replace(":", "/"),
    "any blob": r"blob/sha256/.*",
    "any evidence": r"evidence/sha256/.*",
    "pointer to the snapshot": r"snapshots/latest\.json",
    "snapshot": r"snapshots/\d+\.sqlite",
}


def flip(raw, at):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


CHANGES = {
    "first byte": lambda raw: flip(raw, 0),
    "a byte in the middle": lambda raw: flip(raw, len(raw) // 2),
    "last byte": lambda raw: raw[:-1] + bytes([raw[-1] ^ 4]),
    "a byte less": lambda raw: raw[:-1],
    "a byte more": lambda raw: raw + b"x",
    "nothing left": lambda raw: raw[:0],
}


def files(folder, kind):
    return sorted(path for path in Folder(folder).files() if re.fullmatch(KINDS[kind], path))


def test_the_folder_is_clean_and_every_file_is_of_a_kind(published):
    found = fsck(Folder(published), TRUST)
    assert (found.wrong, found.unable, found.unchecked, found.uncovered) == ([], [], set(), [])
    assert found.files == len(list(Folder(published).files()))
    assert {path for kind in KINDS for path in files(published, kind)} == set(Folder(published).files())


@pytest.mark.parametrize("kind", KINDS)
def test_one_change_in_one_file_is_found(published, kind):
    path = published / files(published, kind)[-1]
    raw = path.read_bytes()
    try:
        for change, make in CHANGES.items():
            path.write_bytes(make(raw))
            found = fsck(Folder(published), TRUST)
            # A signature line that names another key is nobody's, and the checkpoint counts for nothing.
            unsigned = kind == "earlier checkpoint" and len(found.uncovered) == 1
            assert found.exit_code == Exit.INVALID or unsigned, (change, found)
            assert all(one.code for one in (*found.wrong, *found.unable))
    finally:
        path.write_bytes(raw)


def test_an_earlier_checkpoint_of_another_history_is_proof_of_a_fork(published):
    """One whose name gives its size, signed by the log; and one that it signed for another size."""
    kept = sorted((published / "log" / "checkpoints").iterdir(), key=lambda path: int(path.name))
    raw = kept[0].read_bytes()
    fork = World().begin()
    fork.log(fork.sign_grant(), cast.BATCH_B)
    fork.seal(cast.BATCH_B)
    other = cast.sign_log(fork.made.events)
    size = other.split(b"\n")[1].decode()
    path = kept[0].with_name(size)
    assert not path.exists()
    try:
        path.write_bytes(other)
        [wrong] = fsck(Folder(published), TRUST).wrong
        assert wrong.code == FraudError.code
        path.write_bytes(raw)
        [wrong] = fsck(Folder(published), TRUST).wrong
        assert "its name says otherwise" in wrong.detail
    finally:
        path.unlink()


def test_a_checkpoint_of_more_entries_than_the_newest_is_named(published):
    world = World().begin()
    for _ in range(400):
        world.seal(cast.BATCH_A)
    raw = cast.sign_log(world.made.events)
    path = published / "log" / "checkpoints" / raw.split(b"\n")[1].decode()
    path.write_bytes(raw)
    try:
        found = fsck(Folder(published), TRUST)
        assert (found.exit_code, found.uncovered) == (Exit.PERMITTED, [f"log/checkpoints/{path.name}"])
    finally:
        path.unlink()


def test_an_earlier_checkpoint_by_a_key_that_is_not_known_is_named(published):
    path = published / "log" / "checkpoints" / "1"
    path.write_bytes((published / "log" / "checkpoint").read_bytes().replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94 x"))
    try:
        found = fsck(Folder(published), TRUST)
        assert (found.exit_code, found.uncovered) == (Exit.PERMITTED, ["log/checkpoints/1"])
    finally:
        path.unlink()


def test_a_file_that_nobody_reads_is_named(published):
    path = published / "log" / "tile" / "0" / "x001" / "000"
    path.parent.mkdir()
    path.write_bytes(b"later")
    other = published / "readme.txt"
    other.write_bytes(b"welcome")
    try:
        found = fsck(Folder(published), TRUST)
        assert (found.exit_code, found.uncovered) == (Exit.PERMITTED, ["log/tile/0/x001/000", "readme.txt"])
    finally:
        path.unlink()
        path.parent.rmdir()
        other.unlink()
