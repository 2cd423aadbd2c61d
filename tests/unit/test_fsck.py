"""A whole log, derived again from what was published: clean, wrong, or not to be checked."""

import shutil
import sqlite3
from datetime import UTC, datetime

import msgspec
import pytest

from priorconsent import canonical, names, times
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.log.note import split_note
from priorconsent.offers import TextPin
from tests import court_world
from tests import scenario as cast
from tests.answering import granted
from tests.court_world import World, honest
from tests.tsa import make_authority
from tests.unit.test_receipt_checks import acknowledge, lost, withdrawn
from tests.unit.test_verify import LOG_ENDED, LOG_NEXT, rotate, second_keyset

TRUST = cast.trust()
BLOBS = {"offer": court_world.OFFER.digest, "token": canonical.digest(honest().made.token), "keyset": cast.REGISTRY}
ENTRIES, HASHES = "log/tile/entries/000.p/22", "log/tile/0/000.p/22"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return honest().publish(tmp_path_factory.mktemp("published"))


@pytest.fixture
def folder(published, tmp_path):
    """A copy to break."""
    return shutil.copytree(published, tmp_path / "copy")


def check(folder, trust=TRUST):
    return fsck(Folder(folder), trust)


def assert_wrong(folder, match, trust=TRUST):
    found = check(folder, trust)
    assert found.exit_code == Exit.INVALID
    assert any(match in str(line) for line in found.wrong), found
    return found


def hex_of(digest):
    return digest.removeprefix("sha256:")


def test_an_honest_log_is_clean(published):
    steps = []
    found = fsck(Folder(published), TRUST, lambda done, total: steps.append((done, total)))
    assert (found.exit_code, found.wrong, found.unable, found.alarms, found.unchecked) == (
        Exit.PERMITTED,
        [],
        [],
        [],
        set(),
    )
    assert (found.size, found.leaves, found.map_roots) == (22, 12, 3)
    assert steps[-1] == (22, 22)
    assert found.to_json()["outcome"] == "clean"


def test_evidence_not_at_hand_is_counted_and_the_log_is_not_clean(folder):
    gone = [digest for digests in honest().made.statements.values() for digest in digests][:3]
    for digest in gone:
        (folder / "evidence" / "sha256" / hex_of(digest)).unlink()
    found = check(folder)
    assert (found.exit_code, found.unchecked, found.wrong) == (Exit.COULD_NOT_CHECK, set(gone), [])


def test_evidence_that_holds_something_else_is_wrong(folder):
    digest = honest().made.statements[18][0]
    (folder / "evidence" / "sha256" / hex_of(digest)).write_bytes(b"{}")
    assert_wrong(folder, f"evidence {digest}")


@pytest.mark.parametrize("what", BLOBS)
def test_a_missing_blob_stops_the_check(folder, what):
    (folder / "blob" / "sha256" / hex_of(BLOBS[what])).unlink()
    found = check(folder)
    assert (found.exit_code, found.wrong) == (Exit.COULD_NOT_CHECK, [])
    assert len(found.unable) == 1


@pytest.mark.parametrize("what", BLOBS)
def test_a_blob_that_holds_something_else_is_wrong(folder, what):
    path = folder / "blob" / "sha256" / hex_of(BLOBS[what])
    raw = path.read_bytes()
    path.write_bytes(raw[:-10] + bytes([raw[-10] ^ 1]) + raw[-9:])
    assert check(folder).exit_code == Exit.INVALID


@pytest.mark.parametrize("tile", [ENTRIES, HASHES])
def test_a_changed_tile_is_wrong(folder, tile):
    path = folder / tile
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    assert check(folder).exit_code == Exit.INVALID


@pytest.mark.parametrize(
    "path",
    [
        "log/checkpoint",
        ENTRIES,
        HASHES,
        "snapshots/latest.json",
        "snapshots/22.sqlite",
    ],
)
def test_a_missing_file_could_not_be_checked(folder, path):
    (folder / path).unlink()
    found = check(folder)
    assert (found.exit_code, found.wrong) == (Exit.COULD_NOT_CHECK, []), found


def test_a_checkpoint_by_another_key_is_wrong(folder):
    (folder / "log" / "checkpoint").write_bytes(cast.sign_log(honest().made.events, signer=cast.GRANT_KEY))
    assert_wrong(folder, "checkpoint")


def test_a_checkpoint_over_other_entries_is_wrong(folder):
    events = honest().made.events
    (folder / "log" / "checkpoint").write_bytes(cast.sign_log([*events[:-2], events[-1], events[-1]]))
    assert_wrong(folder, "root of the checkpoint")


def test_another_registry_or_root_is_wrong(folder):
    assert_wrong(folder, "another registry", cast.trust(registry="sha256:" + "0" * 64))
    assert_wrong(folder, "0 of the 1", cast.trust(roots=(cast.LOG_KEY.jwk.thumbprint,)))


def test_a_snapshot_with_a_changed_leaf_is_wrong(folder):
    with sqlite3.connect(folder / "snapshots" / "22.sqlite") as connection:
        connection.execute("UPDATE leaves SET state = replace(state, 'E3', 'E2') WHERE name LIKE 'work:%'")
    connection.close()
    assert_wrong(folder, "snapshot")


def test_an_older_snapshot_of_the_same_log_is_clean_and_one_of_a_fork_is_wrong(folder, tmp_path):
    fork = World().begin()
    fork.log(
        {"t": "party", "party": "urn:uuid:00000000-0000-4000-8000-000000000009", "kind": "person", "members": None},
        cast.BATCH_B,
    )
    fork.seal(cast.BATCH_B)
    older = World().begin()
    for world, match in ((older, None), (fork, "another log")):
        shutil.rmtree(folder / "snapshots")
        shutil.copytree(world.publish(tmp_path / str(match)) / "snapshots", folder / "snapshots")
        assert check(folder).exit_code == (Exit.INVALID if match else Exit.PERMITTED)
    assert_wrong(folder, "another log")


def test_a_snapshot_newer_than_the_checkpoint_is_no_contradiction(folder, tmp_path):
    older = World().begin().publish(tmp_path / "older")
    shutil.rmtree(older / "snapshots")
    shutil.copytree(folder / "snapshots", older / "snapshots")
    found = check(older)
    assert (found.exit_code, found.wrong) == (Exit.COULD_NOT_CHECK, [])


# A registry that signs anything


def publish(world, tmp_path):
    world.seal(cast.BATCH_B)
    return world.publish(tmp_path / "published")


def test_a_map_that_does_not_follow_from_the_events_is_wrong(tmp_path):
    world = World().begin()
    name = names.work(cast.FILM)
    world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], links=()))
    assert_wrong(publish(world, tmp_path), "not that of the map replayed")


def test_a_grant_without_an_approval_is_an_alarm_and_its_map_is_wrong(tmp_path):
    world = World().begin()
    world.force(world.sign_grant(approvers=[cast.STUDIO]), court_world.OFFER, cast.BATCH_B)
    found = assert_wrong(publish(world, tmp_path), "not that of the map replayed")
    assert any("needs 2 approvals" in str(alarm) for alarm in found.alarms)


def test_an_alarm_without_effect_is_told(tmp_path):
    world = World().begin()
    world.append(world.sign_grant(approvers=[cast.STUDIO]), cast.BATCH_B)
    found = check(publish(world, tmp_path))
    assert (found.exit_code, len(found.alarms)) == (Exit.PERMITTED, 1)


def test_a_statement_by_the_wrong_party_is_fraud(tmp_path):
    world = World().begin()
    world.force(world.sign_grant(approvers=[cast.STUDIO, cast.VENDOR]), court_world.OFFER, cast.BATCH_B)
    assert_wrong(publish(world, tmp_path), "who cannot make it")


def test_a_log_that_does_not_end_in_a_map_root_is_wrong(folder):
    world = World().begin()
    raw = world.made.events[:-1]
    shutil.rmtree(folder / "log")
    world.made.events[:] = raw
    world.maps[len(raw)] = {}
    world.publish(folder)
    assert_wrong(folder, "last entry is no map-root")


def test_a_checkpoint_by_a_log_key_whose_time_is_over_is_wrong(tmp_path):
    world = World().begin()
    keyset = second_keyset("log", *LOG_ENDED, LOG_NEXT)
    rotate(world, cast.BATCH_B, keyset)
    world.seal(cast.BATCH_B)
    assert check(world.publish(tmp_path / "in time")).exit_code == Exit.PERMITTED
    world.seal(cast.BATCH_C)
    assert_wrong(world.publish(tmp_path / "late"), f"signed by no log key of the registry at {cast.BATCH_C}")


# What its holder shows, and what others said of it


def test_a_promise_that_was_not_kept_is_withdrawal_unlogged(tmp_path):
    world, digest = withdrawn()
    lost_one = lost(world)
    world.seal(cast.BATCH_C)
    world.seal(times.plus(cast.BATCH_C, 60))
    folder = Folder(world.publish(tmp_path / "published"))
    assert fsck(folder, TRUST, None, [acknowledge(digest)]).exit_code == Exit.PERMITTED
    found = fsck(folder, TRUST, None, [acknowledge(digest), acknowledge(canonical.digest(lost_one))])
    assert [one.code for one in found.wrong] == ["withdrawal_unlogged"]
    later = acknowledge(canonical.digest(lost_one), received_at=times.plus(cast.BATCH_C, 60))
    assert [one.code for one in fsck(folder, TRUST, None, [later]).unable] == ["not_due"]


@pytest.mark.parametrize(
    "event",
    [
        {"t": "withdraw", "parties": [cast.STUDIO], "ends_at": times.plus(cast.BATCH_C, 99)},
        {"t": "supersede", "next": cast.GRANT},
    ],
    ids=["spent on an event that does nothing", "excused by one"],
)
def test_an_event_without_effect_keeps_no_promise_and_excuses_none(tmp_path, event):
    world, _ = granted()
    statement = lost(world)
    digest = canonical.digest(statement)
    world.made.evidence[digest] = statement
    cited = {"statements": [digest]} if event["t"] == "withdraw" else {}
    world.append({**event, "grant": cast.GRANT, **cited}, cast.BATCH_C)
    world.seal(cast.BATCH_C)
    world.seal(times.plus(cast.BATCH_C, 60))
    folder = Folder(world.publish(tmp_path / "published"))
    found = fsck(folder, TRUST)
    assert (found.exit_code, len(found.alarms)) == (Exit.PERMITTED, 1)
    found = fsck(folder, TRUST, None, [acknowledge(digest)])
    assert (found.exit_code, [one.code for one in found.wrong]) == (Exit.INVALID, ["withdrawal_unlogged"])


def test_time_stamps_are_of_this_log_and_by_an_authority_that_is_trusted(folder, tmp_path):
    authority = make_authority(tmp_path / "tsa")
    text = split_note((folder / "log" / "checkpoint").read_bytes())[0].encode()
    path = folder / "timestamps" / "22" / "0123456789abcdef.tsr"
    path.parent.mkdir(parents=True)
    path.write_bytes(authority.stamp(text, datetime(2027, 3, 1, 1, tzinfo=UTC)))
    trusting = cast.trust(tsa_ca=(authority.root,))
    assert check(folder, trusting).exit_code == Exit.PERMITTED
    assert check(folder).uncovered == ["timestamps/22/0123456789abcdef.tsr"]
    path.write_bytes(authority.stamp(b"another log", datetime(2027, 3, 1, 1, tzinfo=UTC)))
    assert_wrong(folder, "timestamps/22", trusting)


def test_a_text_that_an_offer_pins_has_to_be_there(tmp_path):
    world = World().begin()
    text = b"the contract"
    pin = TextPin(lang="en", media_type="text/plain", digest=canonical.digest(text))
    offer = msgspec.structs.replace(court_world.OFFER, texts=(pin,))
    world.log(world.sign_grant(offer), cast.BATCH_B)
    found = check(publish(world, tmp_path))
    assert (found.exit_code, [one.subject for one in found.unable]) == (Exit.COULD_NOT_CHECK, ["event 18"])
    world.made.blobs[pin.digest] = text
    assert check(world.publish(tmp_path / "published")).exit_code == Exit.PERMITTED


STOLEN = cast.KEY_RECORDS[cast.STUDIO].key_id
KEY_SUSPENDED = {"t": "suspend", "cause": "key", "party": cast.STUDIO, "statement": None}
LATER = times.plus(cast.BATCH_B, 3600)


def key_end(since, key=STOLEN):
    event = {"t": "party-key-end", "party": cast.STUDIO, "key": key, "reason": "stolen", "statement": None}
    return event | {"suspect_from": since}


@pytest.mark.parametrize(
    ("since", "batches", "missing"),
    [
        (cast.BATCH_A, [["end"]], True),
        (cast.BATCH_B, [["end"]], True),
        (cast.BATCH_B, [["end", "suspend"]], False),
        (cast.BATCH_B, [["suspend", "end"]], False),
        (cast.BATCH_B, [["end"], ["suspend"]], True),
        (cast.BATCH_B, [["suspend"], ["end"]], False),
        (cast.BATCH_B, [["end", "court"]], True),
        (cast.BATCH_B, [["end", "another holder's"]], True),
        (cast.BATCH_B, [["end", "court", "suspend"]], False),
        (LATER, [["end"]], False),
        (None, [["end"]], False),
    ],
)
def test_a_grant_that_a_suspect_key_approved_falls_in_the_same_batch(tmp_path, since, batches, missing):
    world = World().begin()
    grant = world.sign_grant()
    world.log(grant, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    suspend = KEY_SUSPENDED | {"grant": grant["grant"]}
    events = {"end": key_end(since), "suspend": suspend, "court": suspend | {"cause": "court", "party": None}}
    events["another holder's"] = suspend | {"party": cast.PUBLISHER}
    for hour, batch in enumerate(batches, 1):
        time = times.plus(cast.BATCH_B, 3600 * hour)
        for event in batch:
            world.log(events[event], time)
        world.seal(time)
    found = check(world.publish(tmp_path))
    assert [(one.code, one.subject) for one in found.wrong] == (
        [("suspension_missing", f"grant {grant['grant']}")] if missing else []
    )
    assert found.alarms == []


def test_a_grant_that_had_ended_or_was_approved_by_other_keys_need_not_fall(tmp_path):
    world = honest()
    now = world.ledger.last_time or ""
    world.log(key_end(cast.BATCH_A), now)
    world.seal(now)
    ended = check(world.publish(tmp_path / "ended"))
    other = World().begin()
    other.log(other.sign_grant(), cast.BATCH_B)
    stranger = next(record for party, record in cast.KEY_RECORDS.items() if party not in court_world.HOLDERS)
    other.log(key_end(cast.BATCH_A, stranger.key_id) | {"party": stranger.party}, cast.BATCH_B)
    other.seal(cast.BATCH_B)
    assert (ended.wrong, check(other.publish(tmp_path / "other")).wrong) == ([], [])


def test_a_grant_that_its_holder_resumed_at_once_had_fallen(tmp_path):
    world = World().begin()
    grant = world.sign_grant()
    world.log(grant, cast.BATCH_B)
    world.log(key_end(cast.BATCH_B), cast.BATCH_B)
    suspended = len(world.made.events)
    world.log(KEY_SUSPENDED | {"grant": grant["grant"]}, cast.BATCH_B)
    resumption = {"t": "resume", "grant": grant["grant"], "ends": suspended, "party": cast.STUDIO}
    world.log(resumption | {"statement": canonical.digest(b"not at hand")}, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    found = check(world.publish(tmp_path))
    assert (found.wrong, found.alarms) == ([], [])
