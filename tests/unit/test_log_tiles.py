"""A log written as files and read back."""

import pytest

from priorconsent.errors import MalformedError, NotFoundError, ProofError
from priorconsent.log import tiles, tree

BOUNDARIES = [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537]
ENTRIES = [b"entry %d" % i for i in range(65_537)]
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]


class Files(dict[str, bytes]):
    """Files of a log in memory; counts what is read."""

    reads = 0

    def read(self, path):
        self.reads += 1
        if path not in self:
            raise NotFoundError(path)
        return self[path]

    def grow(self, old, new):
        """Write what a log publishes when it grows, reading back only its own tiles."""
        nodes = tree.Appended(LEAVES[old:new], tiles.TileNodes(self.read, old), old)
        for tile in tiles.tiles_to_write(old, new):
            if tile.level is None:
                first = tile.index * tiles.TILE_WIDTH
                self[tile.path] = tiles.encode_entries(ENTRIES[first : first + tile.width])
            else:
                self[tile.path] = tiles.tile_bytes(tile, nodes)
        return tree.tree_root(new, nodes)


@pytest.fixture(scope="module")
def log():
    """The log at each boundary size, every partial tile left in place."""
    files, roots, old = Files(), {}, 0
    for new in BOUNDARIES:
        roots[new] = files.grow(old, new)
        old = new
    return files, roots


@pytest.mark.parametrize("size", BOUNDARIES)
def test_a_log_that_grew_in_steps_has_the_root_of_its_leaves(log, size):
    files, roots = log
    assert roots[size] == tree.root(LEAVES[:size])
    assert tree.tree_root(size, tiles.TileNodes(files.read, size)) == roots[size]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_proofs_read_from_tiles_hold(log, size):
    files, roots = log
    nodes = tiles.TileNodes(files.read, size)
    for index in {0, size // 3, size - 1}:
        path = tree.inclusion_proof(index, size, nodes)
        tree.check_inclusion(LEAVES[index], index, size, path, roots[size])
    for old in BOUNDARIES[: BOUNDARIES.index(size)]:
        path = tree.consistency_proof(old, size, nodes)
        tree.check_consistency(old, size, roots[old], roots[size], path)


def test_growing_by_one_leaf_reads_a_handful_of_tiles(log):
    files = Files(log[0])
    files.grow(65_536, 65_537)
    assert files.reads <= 3
    files.reads = 0
    tree.inclusion_proof(12_345, 65_537, tiles.TileNodes(files.read, 65_537))
    assert files.reads <= 3


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_entries_are_read_back_in_order(log, size):
    assert list(tiles.read_entries(log[0].read, size)) == ENTRIES[:size]


def test_a_partial_file_that_is_gone_is_cut_from_the_full_one(log):
    files = Files({path: raw for path, raw in log[0].items() if ".p/" not in path})
    assert tree.tree_root(255, tiles.TileNodes(files.read, 255)) == log[1][255]
    assert list(tiles.read_entries(files.read, 255)) == ENTRIES[:255]


def test_a_file_that_never_was_is_not_found():
    with pytest.raises(NotFoundError):
        tiles.TileNodes(Files().read, 300).node(0, 0)
    with pytest.raises(NotFoundError):
        list(tiles.read_entries(Files().read, 300))


def test_a_tile_of_another_length_than_its_width_is_refused(log):
    files = Files(log[0])
    files["tile/0/000"] = files["tile/0/000"] + b"\x00"
    with pytest.raises(MalformedError, match="tile/0/000"):
        tiles.TileNodes(files.read, 600).node(0, 3)


def test_a_changed_tile_leads_to_another_root(log):
    files = Files(log[0])
    files["tile/0/000"] = bytes(32) + files["tile/0/000"][32:]
    nodes = tiles.TileNodes(files.read, 600)
    with pytest.raises(ProofError):
        tree.check_inclusion(LEAVES[1], 1, 600, tree.inclusion_proof(1, 600, nodes), log[1][600])


@pytest.mark.parametrize(("level", "index"), [(0, 600), (1, 300), (9, 1), (10, 0), (0, -1), (-1, 0)])
def test_a_subtree_that_is_not_complete_is_no_node(log, level, index):
    with pytest.raises(ProofError):
        tiles.TileNodes(log[0].read, 600).node(level, index)


def test_nothing_changes_when_nothing_was_added():
    assert list(tiles.tiles_to_write(600, 600)) == []
    assert list(tiles.tiles_to_write(0, 0)) == []


def test_only_what_changes_is_written():
    assert [tile.path for tile in tiles.tiles_to_write(255, 257)] == [
        "tile/entries/000",
        "tile/entries/001.p/1",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
    ]
    assert [tile.path for tile in tiles.tiles_to_write(600, 601)] == ["tile/entries/002.p/89", "tile/0/002.p/89"]


def test_an_entry_of_65535_bytes_fits_and_one_more_byte_does_not():
    longest = b"x" * 65_535
    assert tiles.decode_entries(tiles.encode_entries([longest, b""]), 2) == [longest, b""]
    with pytest.raises(MalformedError):
        tiles.encode_entries([longest + b"x"])


def test_a_bundle_holds_1_to_256_entries():
    for count in (0, 257):
        with pytest.raises(MalformedError):
            tiles.encode_entries([b""] * count)


@pytest.mark.parametrize(
    ("raw", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01ab", 1),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00\x01b", 1),
    ],
)
def test_a_bundle_that_does_not_hold_exactly_its_entries_is_refused(raw, width):
    with pytest.raises(MalformedError):
        tiles.decode_entries(raw, width)


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_no_tile_lies_outside_the_scheme(level, index, width):
    with pytest.raises(MalformedError):
        tiles.tile_path(level, index, width)


def test_a_directory_is_read_and_says_what_it_lacks(tmp_path):
    (tmp_path / "tile" / "0").mkdir(parents=True)
    (tmp_path / "tile" / "0" / "000").write_bytes(b"x")
    read = tiles.directory_reader(tmp_path)
    assert read("tile/0/000") == b"x"
    with pytest.raises(NotFoundError):
        read("tile/0/001")
