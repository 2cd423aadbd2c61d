"""A map that follows its log is at each moment, in full, one that the log committed to."""

import contextlib
import os
import sqlite3
import time

import pytest

from priorconsent import bucket, merkle_map, names, query
from priorconsent.current_map import CurrentMap
from priorconsent.decision import decide
from priorconsent.errors import NotTrustedError, ProofError, SignatureError
from priorconsent.merkle_buckets import TOP, nodes_over
from priorconsent.reasons import Verdict
from priorconsent.snapshot import open_verified
from tests import scenario as cast
from tests.scenario import FILM, publish, scenario, trust, with_shipped_table, write_snapshot

SOON = "2027-03-01T10:00:00Z"
ALIAS = scenario().leaves()[f"sha256:{cast.FILM_FILE}"]
NEW_FILE = "sha256:" + "1" * 64


@pytest.fixture
def base(tmp_path):
    with CurrentMap(write_snapshot(tmp_path / "base", with_shipped_table()), trust()) as whole:
        yield whole


def changes(path, changed, before=None, *, padding=1, **other):
    """A file of changed leaves under the head of the map that they lead to, and that map."""
    leaves = {**(with_shipped_table() if before is None else before), **changed}
    head = publish(leaves, padding=padding)
    return write_snapshot(path, changed, **{**head, **other}), leaves


def states_of(whole, leaves):
    found = {name: whole.state(name) for name in leaves}
    return {name: state and state.encode() for name, state in found.items()}


def is_the_map_of(whole, leaves):
    """By every door that a map has."""
    ascending = sorted(leaves.items(), key=lambda leaf: merkle_map.map_key(leaf[0]))
    assert [(name, state) for _, name, state in whole.leaves()] == ascending
    assert states_of(whole, leaves) == leaves
    items = [(merkle_map.map_key(name), merkle_map.value_hash(state)) for name, state in ascending]
    assert whole.nodes == nodes_over(items)
    assert whole.head.root == whole.nodes[TOP].hash
    assert whole.counts == {kind: sum(names.kind_of(name) == kind for name in leaves) for kind in whole.counts}
    assert whole.counts.total() == whole.head.map_root.n == len(leaves)
    for prefix in ("00", "7f", merkle_map.map_key(f"work:{FILM}").hex()):
        opened = bucket.open_bucket(bucket.of_map(whole, prefix), prefix, trust())
        assert {name: state.encode() for name, state in opened.states.items()} == {
            name: state for name, state in leaves.items() if merkle_map.map_key(name).hex().startswith(prefix)
        }
    return True


def test_it_begins_as_its_snapshot(base):
    assert is_the_map_of(base, with_shipped_table())


def test_after_each_step_it_is_the_map_of_that_checkpoint(base, tmp_path):
    assert base.state(NEW_FILE) is None
    first, one = changes(tmp_path / "1", {NEW_FILE: ALIAS})
    ended = {f"grant:{cast.GRANT}": scenario().leaves("C")[f"grant:{cast.GRANT}"]}
    second, two = changes(tmp_path / "2", ended, one, padding=5)
    third, three = changes(tmp_path / "3", {}, two, padding=6)
    assert base.counts["sha256"] == 1
    for path, leaves in ((first, one), (second, two), (third, three)):
        base.advance(path)
        assert is_the_map_of(base, leaves)


def test_what_a_step_ended_is_a_no_at_once(base, tmp_path):
    asked = query.parse(cast.QUESTION, now=SOON)
    assert decide(asked, base).verdict is Verdict.PERMITTED
    path, _ = changes(tmp_path / "1", {f"sha256:{cast.FILM_FILE}": ALIAS.replace(b'"E3"', b'"E0"')})
    base.advance(path)
    assert decide(asked, base).reason == "no_record"


def without(name):
    def damage(path):
        edit(path, "DELETE FROM leaves WHERE name = ?", name)

    return damage


def edit(path, statement, *values):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def with_a_state(name, state):
    def damage(path):
        edit(path, "INSERT OR REPLACE INTO leaves VALUES (?, ?, ?)", merkle_map.map_key(name), name, state)

    return damage


BAD = {
    "a_change_withheld": without(NEW_FILE),
    "another_state": with_a_state(NEW_FILE, ALIAS.replace(b'"E3"', b'"E2"')),
    "a_name_more": with_a_state("sha256:" + "2" * 64, ALIAS),
    "a_state_that_is_none": with_a_state(NEW_FILE, b"{}"),
    "the_key_of_another_name": lambda path: edit(path, "UPDATE leaves SET key = zeroblob(32) WHERE name = ?", NEW_FILE),
    "a_view": lambda path: edit(path, "CREATE VIEW w AS SELECT 1"),
    "no_file": lambda path: path.unlink(),
    "no_database": lambda path: path.write_bytes(b"no database"),
}


@pytest.mark.parametrize("name", BAD)
def test_changes_that_lead_elsewhere_leave_the_map_as_it_was(base, tmp_path, name):
    path, after = changes(tmp_path / "1", {NEW_FILE: ALIAS, "host:x.example": ALIAS})
    sound = path.read_bytes()
    BAD[name](path)
    with pytest.raises(NotTrustedError):
        base.advance(path)
    assert is_the_map_of(base, with_shipped_table())

    path.write_bytes(sound)
    base.advance(path)
    assert is_the_map_of(base, after)


def test_changes_of_another_map_lead_nowhere(base, tmp_path):
    _, one = changes(tmp_path / "1", {NEW_FILE: ALIAS})
    second, _ = changes(tmp_path / "2", {"host:x.example": ALIAS}, one, padding=2)
    with pytest.raises(ProofError, match="do not lead"):
        base.advance(second)


def test_it_never_goes_back(base, tmp_path):
    first, one = changes(tmp_path / "1", {NEW_FILE: ALIAS}, padding=3)
    base.advance(first)
    for padding in (0, 3):
        other, _ = changes(tmp_path / "2", {NEW_FILE: ALIAS.replace(b'"E3"', b'"E2"')}, one, padding=padding)
        with pytest.raises(ProofError, match="no later map"):
            base.advance(other)
    assert is_the_map_of(base, one)


def test_a_checkpoint_by_another_key_is_not_followed(base, tmp_path):
    entries = scenario().events
    forged = {
        "checkpoint": cast.sign_log(entries, signer=cast.key("log-2")),
        "map_root": entries[-1],
        "proof": cast.prove(entries, 21, signer=cast.key("log-2")),
    }
    path, _ = changes(tmp_path / "1", {NEW_FILE: ALIAS}, **forged)
    with pytest.raises(SignatureError):
        base.advance(path)


def test_no_file_of_changes_passes_for_a_snapshot(tmp_path):
    path, _ = changes(tmp_path / "1", {NEW_FILE: ALIAS})
    with pytest.raises(ProofError, match="not those"):
        open_verified(path, trust(), None)


def test_nobody_finds_what_changed_in_a_file(base, tmp_path):
    before = set(tmp_path.iterdir())
    path, _ = changes(tmp_path / "1", {NEW_FILE: ALIAS})
    base.advance(path)
    path.unlink()
    assert base.state(NEW_FILE) is not None
    assert set(tmp_path.iterdir()) == before


def test_a_snapshot_written_to_meanwhile_voids_what_was_looked_up(base, tmp_path):
    path, _ = changes(tmp_path / "1", {NEW_FILE: ALIAS})
    base.advance(path)
    time.sleep(0.02)
    snapshot = tmp_path / "base"
    snapshot.write_bytes(snapshot.read_bytes().replace(b'"JP"', b'"FR"'))
    with pytest.raises(NotTrustedError, match="written to"):
        base.check_unchanged()


def test_whoever_writes_to_a_snapshot_that_has_lost_its_name_gets_no_yes(tmp_path):
    # More than SQLite keeps in memory.
    crowd = {f"sha256:{number:064x}": ALIAS for number in range(30_000)}
    path = write_snapshot(tmp_path / "base", with_shipped_table("C") | crowd)
    asked = query.parse({**cast.QUESTION, "at": SOON}, now=SOON)
    with CurrentMap(path, trust()) as whole, path.open("r+b") as held:
        assert whole.nodes
        before = os.fstat(held.fileno())
        # As the publisher does with an old one. From here on the file's times tell nothing.
        path.unlink()
        raw = held.read()
        assert raw.count(b'"ends_at":"2027') == 1
        held.seek(0)
        held.write(raw.replace(b'"ends_at":"2027', b'"ends_at":"9027'))
        held.flush()
        os.utime(held.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(NotTrustedError, match="written to"):
            decide(asked, whole)
        with pytest.raises(NotTrustedError, match="written to"):
            whole.check_unchanged()
