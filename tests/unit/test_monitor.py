"""Following a registry: what concerns whom, and what its own signatures prove against it."""

import json
import shutil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from priorconsent import canonical, names
from priorconsent.court.published import Folder
from priorconsent.errors import ConflictError, UnreachableError
from priorconsent.keys import sign_keyset
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import split_note
from priorconsent.monitor import reports
from priorconsent.monitor.interests import Interests, of_key, of_name, of_party, of_work
from priorconsent.monitor.memory import Memory
from priorconsent.monitor.rounds import Monitor
from tests import court_world
from tests import scenario as cast
from tests.court_world import World
from tests.unit.test_verify import KEYSET_2, rotate
from tests.witnesses import cosigned, policy, signed

TRUST = cast.trust()
HOUR = "2026-12-01T01:00:00Z"
LATER = "2026-12-10T13:00:00Z"


class Watch:
    """A monitor with a memory of its own, and all that it told."""

    def __init__(self, path, interests=None, trust=TRUST):
        self.path, self.trust = path, trust
        self.interests = interests or Interests()
        self.told = []

    def look(self, folder, now):
        with Memory(self.path, self.trust) as memory:

            def tell():
                while untold := memory.untold("printed"):
                    self.told += [one.report for one in untold]
                    memory.told("printed", [one.number for one in untold])

            return Monitor(memory, self.trust, self.interests, tell).follow(Folder(folder), now)

    @property
    def codes(self):
        return [report.code for report in self.told if report.kind == "event"]


@pytest.fixture
def watch(tmp_path):
    return lambda *interests, trust=TRUST: Watch(tmp_path / "monitor.sqlite", join(interests), trust)


def join(interests):
    found = Interests()
    for one in interests:
        found = found.join(one)
    return found


@pytest.fixture
def world():
    return World().begin()


def grow(world, *drafts, time=cast.BATCH_B):
    for draft in drafts:
        world.log(draft, time)
    world.seal(time)
    return world


def stranger(number=9):
    return {"t": "party", "party": f"urn:uuid:00000000-0000-4000-8000-{number:012x}", "kind": "person", "members": None}


def alias(name, party=cast.STUDIO, level="E3", **more):
    draft = {"t": "alias", "name": name, "work": cast.FILM, "party": party, "level": level, "ended": False}
    return {**draft, "_signed": ("claim", party, None), **more}


# What concerns whom


def test_nothing_watched_nothing_told(world, tmp_path, watch):
    seen = watch().look(world.publish(tmp_path / "public"), HOUR)
    assert (seen.size, seen.reported, seen.fraud, seen.problem) == (18, 0, None, None)


def test_a_party_learns_of_all_that_is_about_it_and_only_once(world, tmp_path, watch):
    mine = watch(of_party(cast.STUDIO))
    mine.look(world.publish(tmp_path / "public"), HOUR)
    # The film's share set, and its names, are the studio's; the manga is what it is based on.
    assert mine.codes == ["party", "party-key", "work", "alias", "alias", "alias", "share-set"]
    again = mine.look(tmp_path / "public", HOUR)
    assert (again.reported, len(mine.told)) == (0, 7)

    grow(world, world.sign_grant()).publish(tmp_path / "public")
    assert mine.look(tmp_path / "public", LATER).reported == 1
    assert (mine.codes[-1], mine.told[-1].pos) == ("grant", 18)


@pytest.mark.parametrize(
    ("interest", "codes"),
    [
        # Whoever holds the manga learns what becomes of the film, and that it is based on it.
        (of_party(cast.PUBLISHER), ["party", "party-key", "work", "share-set", "share-set", "grant"]),
        (of_party(cast.VENDOR), ["party", "party-key", "grant"]),
        (of_party(cast.STRANGER), ["party"]),
        (of_work(cast.MANGA), ["work", "share-set", "share-set", "grant"]),
        (of_name(f"sha256:{cast.FILM_FILE}"), ["alias"]),
        # Places below a place count, and a grant that names it.
        (of_name("host:studio.example"), ["alias", "alias"]),
        (of_name(cast.FILM_PREFIX), ["alias", "grant"]),
        (of_name("host:elsewhere.example"), []),
    ],
)
def test_each_watcher_hears_what_concerns_it(world, tmp_path, watch, interest, codes):
    mine = watch(interest)
    mine.look(grow(world, world.sign_grant()).publish(tmp_path / "public"), LATER)
    assert mine.codes == codes


def test_a_new_level_is_told_with_the_old_one(world, tmp_path, watch):
    name = "host:studio.example"
    mine = watch(of_name(name))
    folder = grow(world, alias(name, level="E0")).publish(tmp_path / "public")
    mine.look(folder, LATER)
    assert mine.told[-1].summary.endswith("at level E0; level of the claim from E3 to E0")


def test_a_new_keyset_and_the_end_of_the_log_concern_everybody(world, tmp_path, watch):
    mine = watch()
    mine.look(grow(world, {"t": "log-close", "reason": "moved", "next": None}).publish(tmp_path / "public"), LATER)
    assert mine.codes == ["log-close"]


def test_what_was_not_signed_by_the_watcher_is_marked(world, tmp_path, watch):
    own = of_key(cast.KEY_RECORDS[cast.STUDIO].key_id)
    mine = watch(of_party(cast.STUDIO), own)
    mine.look(grow(world, world.sign_grant()).publish(tmp_path / "public"), LATER)
    marked = [(report.code, report.unsigned_by_you) for report in mine.told]
    # That the party was added nobody signed.
    assert marked == [("party", True), *((code, False) for code in mine.codes[1:])]
    [grant] = [report for report in mine.told if report.code == "grant"]
    assert sorted((one.type, one.yours) for one in grant.statements) == [
        ("acceptance", False),
        ("approval", False),
        ("approval", True),
    ]


def test_a_statement_in_ones_name_by_another_key_is_marked(world, tmp_path, watch):
    mine = watch(of_party(cast.STUDIO), of_key("sha256:" + "0" * 64))
    mine.look(world.publish(tmp_path / "public"), HOUR)
    assert {report.unsigned_by_you for report in mine.told} == {True}
    assert "NOT SIGNED BY YOU" in mine.told[-1].sentence()


def test_a_broken_rule_is_an_alarm_for_everybody(world, tmp_path, watch):
    mine = watch()
    world.append(world.sign_grant(approvers=[cast.STUDIO]), cast.BATCH_B)
    mine.look(grow(world).publish(tmp_path / "public"), LATER)
    assert [(report.kind, report.code) for report in mine.told] == [("alarm", "grant")]
    assert "needs 2 approvals" in mine.told[0].summary


def test_evidence_that_is_not_served_is_told_and_never_passed_over(world, tmp_path, watch):
    """It could be forged, and be served again when everybody has gone on."""
    mine = watch()
    mine.look(world.publish(tmp_path / "public"), HOUR)
    folder = grow(world, world.sign_grant()).publish(tmp_path / "public")
    [approval, *_] = world.made.statements[18]
    (folder / "evidence" / approval.replace(":", "/")).unlink()
    seen = mine.look(folder, LATER)
    assert (seen.size, seen.unchecked, seen.fraud, seen.problem) == (20, 1, None, None)
    [told] = mine.told
    assert (told.kind, told.code, told.pos) == ("problem", "unchecked", 18)
    assert approval in told.summary
    again = mine.look(folder, LATER)
    assert (again.unchecked, len(mine.told)) == (0, 1)


# What is proved false


def cheat_map(world):
    world.ledger.states.pop(names.party(cast.STRANGER))
    return grow(world, stranger())


def cheat_statement(world):
    world.force(world.sign_grant(approvers=[cast.STUDIO, cast.VENDOR]), court_world.OFFER, cast.BATCH_B)
    return grow(world)


def cheat_end(world):
    world.log(stranger(), cast.BATCH_B)
    world.maps[len(world.made.events)] = {}
    return world


@pytest.mark.parametrize(
    ("cheat", "code"),
    [(cheat_map, "false_map_root"), (cheat_statement, "fraud"), (cheat_end, "false_map_root")],
)
def test_fraud_is_kept_with_its_evidence_and_ends_the_following(world, tmp_path, watch, cheat, code):
    mine = watch()
    mine.look(world.publish(tmp_path / "public"), HOUR)
    cheat(world).publish(tmp_path / "public")
    seen = mine.look(tmp_path / "public", LATER)
    assert seen.fraud is not None
    assert (seen.fraud.code, seen.fraud.kind) == (code, "fraud")
    files = sorted((tmp_path / "monitor.sqlite.evidence").glob("*/*"))
    assert [file.read_text() for file in files] == list(seen.fraud.evidence)
    # It is told once, and stays.
    assert mine.look(tmp_path / "public", LATER).fraud == seen.fraud
    assert [report.kind for report in mine.told] == ["fraud"]


@given(st.text(st.characters(), max_size=50), st.lists(st.binary(), max_size=2))
@example("e\u0301", [b"e\xcc\x81"])
@example("\ud800", [b"\xed\xa0\x80"])
def test_any_report_can_be_read_again(told, sides):
    problem = reports.of_problem(cast.REGISTRY, UnreachableError(told), HOUR)
    fraud = reports.of_fraud(cast.REGISTRY, "fraud", told, sides)
    for report in (problem, fraud):
        assert reports.read_report(report.encode()) == report


@pytest.mark.parametrize(
    "forged",
    [bytes(range(256)), b"e\xcc\x81", b"\x01" * (1 << 18), b"x" * (1 << 20)],
    ids=["no text", "text in another form", "text that grows", "long text"],
)
def test_no_evidence_keeps_anybody_from_telling_of_it(world, tmp_path, watch, forged):
    """What a registry cites as a signature may be any bytes."""
    digest = canonical.digest(forged)
    world.made.evidence[digest] = forged
    refusal = {"refusal": "urn:uuid:00000000-0000-4000-8000-00000000000a", "vendors": ["*"], "works": ["*"]}
    event = {"t": "refuse", "party": cast.STUDIO, "uses": ["*"], "statement": digest, **refusal}
    world.append(event, cast.BATCH_B)
    mine, folder = watch(), grow(world).publish(tmp_path / "public")
    for _ in range(2):
        seen = mine.look(folder, LATER)
        assert (seen.fraud.code, seen.fraud.evidence[1]) == ("fraud", digest)
    assert [report.kind for report in mine.told] == ["fraud"]
    [_, kept] = sorted((tmp_path / "monitor.sqlite.evidence").glob("*/*"))
    assert kept.read_bytes() == forged


def test_a_copy_of_a_keyset_with_other_signatures_accuses_nobody(world, tmp_path, watch):
    """Whoever hands out the files could exchange them: their digest says nothing about signatures."""
    rotate(world, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    mine, folder = watch(), world.publish(tmp_path / "public")
    copy = folder / "blob" / KEYSET_2.digest.replace(":", "/")
    signed = copy.read_bytes()
    copy.write_bytes(sign_keyset(KEYSET_2, [cast.key("stranger")]))
    seen = mine.look(folder, LATER)
    assert (seen.fraud, seen.problem.code, seen.size) == (None, "bad_signature", 18)
    copy.write_bytes(signed)
    seen = mine.look(folder, LATER)
    assert (seen.fraud, seen.problem, mine.codes) == (None, None, ["keyset"])


def fork(tmp_path):
    other = World().begin()
    return grow(other, stranger(7)), tmp_path / "fork"


@pytest.mark.parametrize("larger", [False, True])
def test_a_fork_is_found_and_both_notes_are_kept(world, tmp_path, watch, larger):
    mine = watch()
    honest = grow(world, stranger(8)).publish(tmp_path / "public")
    mine.look(honest, LATER)
    other, folder = fork(tmp_path)
    if larger:
        grow(other, stranger(6))
    seen = mine.look(other.publish(folder), LATER)
    assert (seen.fraud.code, len(seen.fraud.evidence)) == ("fork", 2)
    assert {Checkpoint.parse(split_note(note.encode())[0]).root for note in seen.fraud.evidence} == {
        Checkpoint.parse(split_note((one / "log" / "checkpoint").read_bytes())[0]).root for one in (honest, folder)
    }


def test_a_checkpoint_that_waits_for_witnesses_is_held_against_the_log_later(tmp_path, watch):
    trust = cast.trust(log_policy=policy("w1").text())
    mine = watch(trust=trust)
    folder = World().begin().publish(tmp_path / "public")
    countersign(folder, cast.BATCH_A)
    waiting, elsewhere = fork(tmp_path)
    waiting.publish(elsewhere)
    path = folder / "log" / "unwitnessed" / "checkpoint"
    path.parent.mkdir()
    # Nothing contradicts it yet.
    path.write_bytes((elsewhere / "log" / "checkpoint").read_bytes())
    assert mine.look(folder, HOUR).fraud is None
    # Then the log grows another way.
    path.unlink()
    grow(World().begin(), stranger(8)).publish(folder)
    countersign(folder, cast.BATCH_B)
    assert mine.look(folder, LATER).fraud.code == "fork"


def countersign(folder, at):
    path = folder / "log" / "checkpoint"
    path.write_bytes(cosigned(Checkpoint.parse(split_note(path.read_bytes())[0]), own=at, w1=at))


def test_without_a_quorum_nothing_is_followed(world, tmp_path, watch):
    mine = watch(trust=cast.trust(log_policy=policy("w1").text()))
    seen = mine.look(world.publish(tmp_path / "public"), HOUR)
    assert (seen.size, seen.problem.code) == (0, "no_quorum")


# What keeps anybody from checking


def break_nothing(folder):
    del folder


def lose_the_entries(folder):
    shutil.rmtree(folder / "log" / "tile" / "entries")


def change_an_entry(folder):
    path = next((folder / "log" / "tile" / "entries").rglob("2*"))
    path.write_bytes(path.read_bytes().replace(b"person", b"friend"))


def change_a_hash(folder):
    path = next((folder / "log" / "tile" / "0").rglob("2*"))
    path.write_bytes(b"x" * 32 + path.read_bytes()[32:])


def sign_with_another_key(folder):
    world = World().begin()
    (folder / "log" / "checkpoint").write_bytes(cast.sign_log(world.made.events, signer=cast.GRANT_KEY))


@pytest.mark.parametrize(
    ("harm", "now", "code"),
    [
        (lose_the_entries, LATER, "not_found"),
        (change_an_entry, LATER, "bad_proof"),
        (change_a_hash, LATER, "bad_proof"),
        (sign_with_another_key, LATER, "bad_signature"),
        (break_nothing, "2026-12-12T00:00:00Z", "stale_snapshot"),
    ],
)
def test_a_problem_is_told_once_for_as_long_as_it_lasts_and_then_it_goes_on(world, tmp_path, watch, harm, now, code):
    mine = watch(of_party(stranger()["party"]))
    folder = world.publish(tmp_path / "public")
    mine.look(folder, HOUR)
    grow(world, stranger()).publish(folder)
    harm(folder)
    for _ in range(2):
        assert mine.look(folder, now).problem.code == code
    assert [report.code for report in mine.told if report.kind == "problem"] == [code]
    if harm is break_nothing:
        return
    world.publish(folder)
    assert mine.look(folder, LATER).problem is None
    assert mine.codes == ["party"]


def test_an_older_checkpoint_of_the_same_log_is_stale_and_no_fork(world, tmp_path, watch):
    mine = watch()
    older = World().begin().publish(tmp_path / "older")
    mine.look(grow(world, stranger()).publish(tmp_path / "public"), LATER)
    seen = mine.look(older, LATER)
    assert (seen.fraud, seen.problem.code) == (None, "stale_snapshot")


def test_evidence_that_is_not_served_is_no_fraud(world, tmp_path, watch):
    mine = watch(of_party(cast.STUDIO), of_key(cast.KEY_RECORDS[cast.STUDIO].key_id))
    folder = world.publish(tmp_path / "public")
    shutil.rmtree(folder / "evidence")
    assert mine.look(folder, HOUR).problem is None
    assert {one.party for report in mine.told for one in report.statements} == {None}


def test_a_missing_blob_stops_it_where_it_is_needed(world, tmp_path, watch):
    mine = watch(of_party(cast.VENDOR))
    grow(world, world.sign_grant()).publish(tmp_path / "public")
    token = tmp_path / "public" / "blob" / canonical.digest(world.made.token).replace(":", "/")
    raw = token.read_bytes()
    token.unlink()
    seen = mine.look(tmp_path / "public", LATER)
    assert (seen.size, seen.problem.code, mine.codes) == (18, "unreachable", ["party", "party-key"])
    token.write_bytes(raw)
    assert mine.look(tmp_path / "public", LATER).problem is None
    assert mine.codes == ["party", "party-key", "grant"]
    # What it remembers of the log is whole.
    assert mine.look(grow(world, stranger()).publish(tmp_path / "public"), LATER).fraud is None
    seen = mine.look(World().begin().publish(tmp_path / "older"), LATER)
    assert (seen.fraud, seen.problem.code) == (None, "stale_snapshot")


def test_a_shorter_history_that_is_another_one_is_a_fork_too(world, tmp_path, watch):
    mine = watch()
    mine.look(grow(world, stranger(8), stranger(7), stranger(6)).publish(tmp_path / "public"), LATER)
    other, folder = fork(tmp_path)
    seen = mine.look(other.publish(folder), LATER)
    assert (seen.fraud.code, len(seen.fraud.evidence)) == ("fork", 2)


def test_reports_are_json_that_reads_the_same(world, tmp_path, watch):
    mine = watch(of_work(cast.FILM))
    mine.look(grow(world, world.sign_grant()).publish(tmp_path / "public"), LATER)
    assert len({report.id for report in mine.told}) == len(mine.told)
    told = json.loads(mine.told[-1].encode())
    assert (told["kind"], told["code"], told["event"]["t"]) == ("event", "grant", "grant")
    assert told["about"] == [names.work(cast.FILM)]


def test_a_memory_is_of_one_log_and_one_monitor(world, tmp_path, watch):
    mine = watch()
    mine.look(world.publish(tmp_path / "public"), HOUR)
    with pytest.raises(ConflictError, match="another log"):
        Memory(mine.path, cast.trust(registry="sha256:" + "0" * 64))
    with Memory(mine.path, TRUST), pytest.raises(ConflictError, match="another monitor"):
        Memory(mine.path, TRUST)


def test_only_a_line_by_the_log_makes_a_checkpoint_worth_remembering(world, tmp_path, watch):
    mine = watch()
    folder = world.publish(tmp_path / "public")
    path = folder / "log" / "unwitnessed" / "checkpoint"
    path.parent.mkdir()
    forged = Checkpoint(cast.ORIGIN, 18, b"\0" * 32)
    path.write_bytes(signed(forged).replace(b"A", b"B"))
    assert mine.look(folder, HOUR).fraud is None
    path.write_bytes(signed(forged))
    assert mine.look(folder, HOUR).fraud.code == "fork"
