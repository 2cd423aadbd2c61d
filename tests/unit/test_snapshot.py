"""A snapshot is believed as a whole or not at all."""

import sqlite3
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from priorconsent import canonical, merkle_map, query, snapshot
from priorconsent.decision import decide
from priorconsent.errors import MalformedError, NotTrustedError, ProofError, SignatureError, StaleError
from priorconsent.leaf_file import SCHEMA
from priorconsent.reasons import Verdict
from tests import scenario as cast
from tests.scenario import BATCH_C, FILM, VECTOR, scenario, trust, with_shipped_table, write_snapshot

SOON = "2027-03-01T10:00:00Z"
PAGE = 4096


@pytest.fixture
def path(tmp_path):
    return write_snapshot(tmp_path / "22.sqlite")


def states_of(opened):
    found = {name: opened.state(name) for name in scenario().leaves()}
    return {name: state and state.encode() for name, state in found.items()}


def test_a_snapshot_answers_with_the_states_of_its_map(path):
    with snapshot.open_verified(path, trust(), SOON) as opened:
        assert opened.head.checkpoint.size == 22
        assert states_of(opened) == scenario().leaves()
        assert opened.state("host:www.studio.example") is None


def test_a_yes_comes_out_of_a_snapshot(tmp_path):
    opened = snapshot.open_verified(write_snapshot(tmp_path / "s", with_shipped_table()), trust(), None)
    with opened, opened.in_one_read() as states:
        decision = decide(query.parse(cast.QUESTION, now=SOON), states)
    assert decision.verdict is Verdict.PERMITTED
    assert decision.works == (FILM,)


def test_the_order_in_which_leaves_are_given_does_not_matter(tmp_path, path):
    leaves = sorted(scenario().leaves().items(), reverse=True)
    snapshot.build(tmp_path / "b", leaves, registry=cast.REGISTRY, **scenario().head())
    with snapshot.open_verified(tmp_path / "b", trust(), None) as opened:
        keys = [key for key, _, _ in opened.leaves()]
    assert keys == sorted(keys)
    assert len(keys) == 12


def test_a_name_given_twice_leaves_no_file(tmp_path):
    leaves = [*scenario().leaves().items(), ("registry:keyset", b"{}")]
    with pytest.raises(MalformedError):
        snapshot.build(tmp_path / "b", leaves, registry=cast.REGISTRY, **scenario().head())
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_breaks_half_way_leaves_no_file(tmp_path):
    def leaves():
        yield from scenario().leaves().items()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        snapshot.build(tmp_path / "b", leaves(), registry=cast.REGISTRY, **scenario().head())
    assert list(tmp_path.iterdir()) == []


def test_it_is_fresh_until_its_limit_to_the_second(path):
    snapshot.open_verified(path, trust(), "2027-03-01T23:59:59Z").close()
    with pytest.raises(StaleError):
        snapshot.open_verified(path, trust(), "2027-03-02T00:00:00Z")


def test_the_readers_own_limit_counts_where_it_is_shorter(path):
    with pytest.raises(StaleError):
        snapshot.open_verified(path, trust(max_age_s=3600), "2027-03-01T01:00:00Z")


def test_a_clock_far_behind_the_checkpoint_is_no_clock(path):
    snapshot.open_verified(path, trust(), "2027-02-28T23:55:00Z").close()
    with pytest.raises(StaleError):
        snapshot.open_verified(path, trust(), "2027-02-28T23:54:59Z")


def test_a_snapshot_of_another_registry_is_refused(path):
    with pytest.raises(NotTrustedError, match="another registry"):
        snapshot.open_verified(path, trust(registry=canonical.digest(b"staging")), None)


def test_a_checkpoint_by_another_key_is_refused(tmp_path):
    entries = scenario().events
    forged = {
        "checkpoint": cast.sign_log(entries, signer=cast.key("log-2")),
        "proof": cast.prove(entries, 21, signer=cast.key("log-2")),
    }
    with pytest.raises(SignatureError):
        snapshot.open_verified(write_snapshot(tmp_path / "s", **forged), trust(), None)


def test_an_old_map_under_a_new_checkpoint_is_refused(tmp_path):
    stale = {"map_root": scenario().map_root("B"), "proof": scenario().proof(19, "C")}
    with pytest.raises(ProofError, match="not the last one"):
        snapshot.open_verified(write_snapshot(tmp_path / "s", **stale), trust(), None)


def test_the_proof_must_be_for_the_checkpoint_beside_it(tmp_path):
    with pytest.raises(ProofError):
        snapshot.open_verified(write_snapshot(tmp_path / "s", checkpoint=scenario().checkpoint("B")), trust(), None)


def test_another_event_than_a_map_root_is_refused(tmp_path):
    other = {"map_root": scenario().events[20], "proof": scenario().proof(20)}
    with pytest.raises(NotTrustedError):
        snapshot.open_verified(write_snapshot(tmp_path / "s", **other), trust(), None)


def edit(*statements):
    def damage(path):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA writable_schema=ON")
        for statement, *values in statements:
            connection.execute(statement, *values)
        connection.close()

    return damage


def rebuilt(schema, *, order="ORDER BY key"):
    """The same leaves in a table of another shape."""

    def damage(path):
        old = sqlite3.connect(path)
        meta = old.execute("SELECT * FROM meta").fetchall()
        leaves = old.execute(f"SELECT * FROM leaves {order}").fetchall()  # noqa: S608
        old.close()
        path.unlink()
        new = sqlite3.connect(path)
        new.execute(SCHEMA["meta"])
        new.execute(schema)
        new.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        new.executemany("INSERT INTO leaves VALUES (?, ?, ?)", leaves)
        new.commit()
        new.close()

    return damage


def pretending(damage):
    """After the damage, the schema's text is what a snapshot's is."""

    def both(path):
        damage(path)
        edit(
            ("DELETE FROM sqlite_master WHERE type = 'index'",),
            ("UPDATE sqlite_master SET sql = ? WHERE name = 'leaves'", (SCHEMA["leaves"],)),
        )(path)

    return both


def with_bytes(change):
    def damage(path):
        raw = bytearray(path.read_bytes())
        change(raw)
        path.write_bytes(raw)

    return damage


def swap_cells(raw):
    """Swap the first two cell pointers of the leaves' first page with cells."""
    page = next(
        start
        for start in range(0, len(raw), PAGE)
        if raw[start] == 10 and struct.unpack_from(">H", raw, start + 3)[0] > 6
    )
    raw[page + 8 : page + 12] = raw[page + 10 : page + 12] + raw[page + 8 : page + 10]


def swap_pages(raw):
    raw[PAGE : 2 * PAGE], raw[2 * PAGE : 3 * PAGE] = raw[2 * PAGE : 3 * PAGE], raw[PAGE : 2 * PAGE]


def alter_state(raw):
    at = raw.index(b'"complete":true')
    raw[at + 11 : at + 15] = b"trUe"


FILM_KEY = merkle_map.map_key(f"work:{FILM}")
BAD = {
    "view": edit(("CREATE VIEW w AS SELECT 1",)),
    "trigger": edit(("CREATE TRIGGER t BEFORE INSERT ON leaves BEGIN SELECT 1; END",)),
    "extra_table": edit(("CREATE TABLE more(x)",)),
    "extra_index": edit(("CREATE INDEX i ON leaves(name)",)),
    "statistics": edit(("ANALYZE",)),
    "leaves_is_a_view": edit(
        ("ALTER TABLE leaves RENAME TO hidden",),
        ("CREATE VIEW leaves AS SELECT key, name, state FROM hidden",),
    ),
    "no_leaves": edit(("DROP TABLE leaves",)),
    "with_rowid": rebuilt(SCHEMA["leaves"].replace(" WITHOUT ROWID", "")),
    "with_rowid_pretending": pretending(rebuilt(SCHEMA["leaves"].replace(" WITHOUT ROWID", ""))),
    "descending": rebuilt(SCHEMA["leaves"].replace("PRIMARY KEY", "PRIMARY KEY DESC")),
    "unordered_pretending": pretending(
        rebuilt("CREATE TABLE leaves(key BLOB, name TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID")
    ),
    "generated_column": rebuilt(
        "CREATE TABLE leaves(key BLOB PRIMARY KEY, name TEXT NOT NULL, state BLOB NOT NULL, "
        "more AS (name)) WITHOUT ROWID"
    ),
    "leaf_missing": edit(("DELETE FROM leaves WHERE key = ?", (FILM_KEY,))),
    "leaf_added": edit(
        (
            "INSERT INTO leaves VALUES (?, ?, ?)",
            (merkle_map.map_key("host:x.example"), "host:x.example", scenario().leaves()["host:studio.example"]),
        )
    ),
    "state_changed": edit(("UPDATE leaves SET state = ? WHERE key = ?", (b"{}", FILM_KEY))),
    "state_not_canonical": edit(("UPDATE leaves SET state = CAST(state || ' ' AS BLOB) WHERE key = ?", (FILM_KEY,))),
    "state_as_text": edit(("UPDATE leaves SET state = CAST(state AS TEXT) WHERE key = ?", (FILM_KEY,))),
    "name_as_bytes": edit(("UPDATE leaves SET name = CAST(name AS BLOB) WHERE key = ?", (FILM_KEY,))),
    "name_not_utf8": edit(("UPDATE leaves SET name = CAST(X'FF' AS TEXT) WHERE key = ?", (FILM_KEY,))),
    "name_of_another_key": edit(("UPDATE leaves SET name = 'host:x.example' WHERE key = ?", (FILM_KEY,))),
    "key_as_text": edit(("UPDATE leaves SET key = 'x' WHERE key = ?", (FILM_KEY,))),
    "meta_missing": edit(("DELETE FROM meta WHERE k = 'format'",)),
    "meta_extra": edit(("INSERT INTO meta VALUES ('note', X'00')",)),
    "meta_as_text": edit(("UPDATE meta SET v = CAST(v AS TEXT) WHERE k = 'registry'",)),
    "meta_too_long": edit(("UPDATE meta SET v = zeroblob(200000) WHERE k = 'checkpoint'",)),
    "another_format": edit(("UPDATE meta SET v = X'32' WHERE k = 'format'",)),
    "cells_swapped": with_bytes(swap_cells),
    "pages_swapped": with_bytes(swap_pages),
    "state_altered_on_the_page": with_bytes(alter_state),
    "cut_short": with_bytes(lambda raw: raw.__delitem__(slice(2 * PAGE, None))),
    "zeros": with_bytes(lambda raw: raw.__setitem__(slice(PAGE, None), bytes(len(raw) - PAGE))),
    "empty": with_bytes(lambda raw: raw.clear()),
    "no_database": with_bytes(lambda raw: raw.__setitem__(slice(0, 16), b"not a database!!")),
}


@pytest.mark.parametrize("name", BAD)
def test_a_crafted_file_is_refused_by_our_own_error(path, name):
    BAD[name](path)
    with pytest.raises(NotTrustedError):
        snapshot.open_verified(path, trust(), None)


def test_no_flipped_byte_changes_an_answer(path):
    sound = path.read_bytes()
    for position in range(0, len(sound), 251):
        raw = bytearray(sound)
        raw[position] ^= 0x41
        path.write_bytes(raw)
        try:
            opened = snapshot.open_verified(path, trust(), None)
        except NotTrustedError:
            continue
        # Some bytes of a SQLite file say nothing.
        with opened:
            assert states_of(opened) == scenario().leaves()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotTrustedError, match="cannot read"):
        snapshot.open_verified(tmp_path / "none", trust(), None)


def test_another_thread_may_ask(path):
    with snapshot.open_verified(path, trust(), None) as opened, ThreadPoolExecutor(1) as pool:
        assert pool.submit(states_of, opened).result() == scenario().leaves()


def test_a_file_replaced_by_another_goes_on_answering_from_the_first(tmp_path, path):
    with snapshot.open_verified(path, trust(), None) as opened, opened.in_one_read():
        write_snapshot(tmp_path / "other", with_shipped_table()).replace(path)
        assert states_of(opened) == scenario().leaves()


def test_answers_from_a_file_written_to_meanwhile_are_void(path):
    with snapshot.open_verified(path, trust(), None) as opened:
        time.sleep(0.02)

        def ask_while_somebody_writes():
            with opened.in_one_read() as states:
                alter = with_bytes(alter_state)
                alter(path)
                states.state(f"work:{FILM}")

        with pytest.raises(NotTrustedError, match="written to"):
            ask_while_somebody_writes()


def test_a_journal_beside_the_file_is_not_read(path):
    path.with_name(path.name + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
    path.with_name(path.name + "-wal").write_bytes(bytes(32))
    with snapshot.open_verified(path, trust(), None) as opened:
        assert opened.state(f"work:{FILM}") is not None


def test_the_registrys_table_of_the_vector_is_what_the_snapshot_commits_to(path):
    with snapshot.open_verified(path, trust(), BATCH_C) as opened:
        assert "sha256:" + opened.head.root.hex() == VECTOR["maps"]["C"]["root"]
