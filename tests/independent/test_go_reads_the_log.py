"""A verifier built on Go's transparency log packages accepts our logs of every awkward size, and no changed one."""

import hashlib
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent.log import proof, tree
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.tiles import Tile, encode_entries, entries_path, tile_bytes, tile_path, tiles_to_write

# Around the widths of tiles of three levels; the last one leaves a partial tile on each.
SIZES = (0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)
LARGEST = SIZES[-1]
ORIGIN = "log.registry.example/1"
KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a log for Go").digest())
PUBLIC = KEY.public_key().public_bytes_raw()
VKEY = Verifier(ORIGIN, PUBLIC).vkey()
PROVED = (0, 255, 256, 65_535, 65_536, LARGEST - 1)


def entry(index):
    return b'{"event":%d}' % index


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One log that grew through all sizes, with the checkpoint of each and proofs under the last."""
    folder = tmp_path_factory.mktemp("site")
    nodes = tree.Appended([tree.leaf_hash(entry(index)) for index in range(LARGEST)])
    for old, new in zip((0, *SIZES), SIZES, strict=False):
        for tile in tiles_to_write(old, new):
            write(folder / tile.path, content(tile, nodes))
        head = Checkpoint(ORIGIN, new, tree.tree_root(new, nodes))
        write(folder / f"checkpoint-{new}", sign_checkpoint(head, KEY.sign, PUBLIC))
    last = (folder / f"checkpoint-{LARGEST}").read_bytes()
    for index in PROVED:
        path = tuple(tree.inclusion_proof(index, LARGEST, nodes))
        write(folder / f"proof-{index}", proof.LogProof(index, path, last).to_bytes())
        write(folder / f"entry-{index}", entry(index))
    return folder


def content(tile, nodes):
    if tile.level is None:
        first = tile.index * 256
        return encode_entries([entry(index) for index in range(first, first + tile.width)])
    return tile_bytes(tile, nodes)


def write(path, raw):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def run(tlogcheck, site, *options, size=LARGEST):
    command = [tlogcheck, *map(str, options), site, site / f"checkpoint-{size}", VKEY]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("size", SIZES)
def test_go_accepts_the_log_at_each_size_and_that_it_continues_all_before(tlogcheck, site, size):
    older = [option for old in SIZES if old < size for option in ("-old", site / f"checkpoint-{old}")]
    seen = run(tlogcheck, site, *older, size=size)
    assert seen.stdout.startswith(f"PASS: {size} entries, {len(older) // 2} older checkpoints"), seen.stdout


def test_go_accepts_our_proofs_of_inclusion(tlogcheck, site):
    options = [option for index in PROVED for option in proof_options(site, index, index)]
    assert f"{len(PROVED)} proofs" in run(tlogcheck, site, *options).stdout


def test_go_refuses_a_proof_for_the_neighbour(tlogcheck, site):
    seen = run(tlogcheck, site, *proof_options(site, 255, 256))
    assert (seen.returncode, "FAIL" in seen.stdout) == (1, True)


def proof_options(site, index, shown):
    return "-proof", site / f"proof-{index}", "-entry", site / f"entry-{shown}"


FILES = [
    entries_path(7, 256),
    entries_path(273, 112),
    tile_path(0, 3, 256),
    tile_path(1, 1, 17),
    tile_path(2, 0, 1),
    f"checkpoint-{LARGEST}",
    "checkpoint-257",
]


@pytest.mark.parametrize("path", FILES)
def test_go_sees_one_changed_byte(tlogcheck, site, path):
    raw = (site / path).read_bytes()
    try:
        (site / path).write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
        seen = run(tlogcheck, site, "-old", site / "checkpoint-257")
    finally:
        (site / path).write_bytes(raw)
    assert (seen.returncode, "FAIL" in seen.stdout) == (1, True), seen.stdout


def test_a_tile_is_spelled_as_go_spells_it():
    assert Tile(0, 1_234_067).path == "tile/0/x001/x234/067"
