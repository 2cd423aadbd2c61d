"""A published log taken piece by piece: nothing is given out that does not lead to the signed root."""

import pytest

from priorconsent.errors import MalformedError, NotFoundError, ProofError
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.proved import ProvedLog
from priorconsent.log.tiles import encode_entries
from tests.unit.test_log_tiles import BOUNDARIES, ENTRIES, LEAVES, Files

SIZES = [1, 2, 255, 256, 257, 511, 512, 600]


@pytest.fixture(scope="module")
def log():
    """Files of the log as published at each size, and at the largest ones."""
    files, roots, old = Files(), {}, 0
    for new in BOUNDARIES:
        roots[new] = files.grow(old, new)
        old = new
    return files, roots


def opened(files, roots, size):
    return ProvedLog(files.read, Checkpoint("log.example/1", size, roots[size]))


@pytest.mark.parametrize("size", BOUNDARIES)
def test_every_entry_is_given_from_any_position_and_every_earlier_root(log, size):
    files, roots = log
    proved = opened(files, roots, size)
    for start in {0, 1, size // 2, size - 1, size}:
        assert [raw for some in proved.entries(start) for raw in some] == ENTRIES[start:size]
    for old in BOUNDARIES[: BOUNDARIES.index(size) + 1]:
        assert proved.root_at(old) == roots[old]


def test_a_root_at_any_size_is_that_of_its_leaves(log):
    files, roots = log
    proved = opened(files, roots, 600)
    for size in range(601):
        assert proved.root_at(size) == tree.root(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_a_changed_file_gives_nothing_that_was_not_logged(log, size):
    files, roots = log
    for path in [path for path in files if path.startswith("tile/")]:
        raw = files[path]
        changed = Files(files)
        changed[path] = raw[:-1] + bytes([raw[-1] ^ 1])
        given = []
        try:
            for some in opened(changed, roots, size).entries(0):
                given += some
        except (ProofError, MalformedError):
            pass
        else:
            # It does not belong to a log of this size.
            assert len(given) == size
        assert given == ENTRIES[: len(given)]


def test_entries_and_hashes_that_were_changed_together_are_told_from_those_logged(log):
    files, roots = log
    changed = Files(files)
    entries = [b"other", *ENTRIES[1:256]]
    changed["tile/entries/000"] = encode_entries(entries)
    changed["tile/0/000"] = b"".join(map(tree.leaf_hash, entries))
    with pytest.raises(ProofError, match="does not hold the hashes of this log"):
        list(opened(changed, roots, 600).entries(0))


def test_another_root_or_a_missing_file_gives_nothing(log):
    files, roots = log
    with pytest.raises(ProofError, match="do not lead to the root"):
        ProvedLog(files.read, Checkpoint("log.example/1", 600, roots[512]))
    fewer = Files({path: raw for path, raw in files.items() if not path.startswith("tile/0/002")})
    with pytest.raises(NotFoundError):
        opened(fewer, roots, 600)
