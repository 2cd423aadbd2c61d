"""Bundles and whole logs for readers who ask for witnesses."""

import functools

import pytest

from priorconsent import times
from priorconsent.court import container
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.court.verify import verify
from priorconsent.head import NO_QUORUM
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import split_note
from priorconsent.log.policy import Group
from priorconsent.log.proof import LogProof
from tests import scenario as cast
from tests.court_world import honest, repack, withdrawn
from tests.scenario import BATCH_B, BATCH_C
from tests.witnesses import BY_NAME, cosigned, policy

ASKS = policy("both", Group("both", 2, ("own", "w1")))
TRUST = cast.trust(log_policy=ASKS.text())


def later(time, seconds):
    return times.plus(time, seconds)


def countersigned(raw, **at):
    """The bundle with lines under its checkpoints: by ``own``, ``w1`` …, so many seconds after each map-root."""
    changes = {}
    for name, content in container.unpack(raw).items():
        if not name.endswith("proof"):
            continue
        note = LogProof.parse(content).checkpoint
        checkpoint = Checkpoint.parse(split_note(note)[0])
        begin = BATCH_B if checkpoint.size == cast.SIZES["B"] else BATCH_C
        added = [line(who, checkpoint, later(begin, seconds)).text() for who, seconds in at.items()]
        changes[name] = content + "".join(added).encode()
    return repack(raw, changes)


@functools.cache
def line(who, checkpoint, at):
    """Made once: ML-DSA never signs twice the same, and the files of a checkpoint hold the same note."""
    return BY_NAME[who].line(checkpoint, at)


def details(report):
    return " ".join(step.detail for step in report.steps if not step.ok)


def test_a_bundle_speaks_of_the_time_between_its_quorums():
    raw = countersigned(withdrawn(), own=0, w1=5)
    for at, outcome in ((5, "valid"), (4, "inconclusive")):
        assert verify(raw, TRUST, at=later(BATCH_B, at)).outcome == outcome
    report = verify(raw, TRUST)
    assert (report.outcome, report.at) == ("valid", later(BATCH_C, 5))
    assert "The time of the checkpoint is the word of these witnesses: w1." in report.assumptions
    assert NO_QUORUM[4:] not in " ".join(report.assumptions)


def test_for_who_asks_for_no_witness_the_same_bundle_has_the_registrys_time():
    report = verify(countersigned(withdrawn(), own=0, w1=5), cast.trust())
    assert (report.outcome, report.at) == ("valid", BATCH_C)
    assert NO_QUORUM[4:] in " ".join(report.assumptions)


@pytest.mark.parametrize(
    ("lines", "match"),
    [({}, "own, w1 did not cosign"), ({"own": 0}, "w1 did not cosign"), ({"w1": 5}, "own did not cosign")],
)
def test_a_bundle_without_the_quorum_is_not_valid(lines, match):
    report = verify(countersigned(withdrawn(), **lines), TRUST)
    assert report.outcome == "invalid"
    assert match in details(report)


def test_a_checkpoint_that_a_witness_saw_too_late_proves_nothing():
    report = verify(countersigned(withdrawn(), own=0, w1=121), TRUST)
    assert report.outcome == "invalid"
    assert "more than 120 s later" in details(report)


def test_a_line_moved_to_the_other_checkpoint_spoils_it():
    files = container.unpack(countersigned(withdrawn(), own=0, w1=5))
    first, now = (LogProof.parse(files[f"{name}/map-root-proof"]).checkpoint for name in ("first", "now"))
    last = [split_note(note)[1][-1].text().encode() for note in (first, now)]
    moved = files["now/map-root-proof"].replace(last[1], last[0])
    report = verify(repack(withdrawn(), {**files, "now/map-root-proof": moved}), TRUST)
    assert report.outcome == "invalid"
    assert "witness.example/1 does not verify" in details(report)


@pytest.fixture
def published(tmp_path):
    return honest().publish(tmp_path)


def checked(published, **at):
    """What fsck finds once the checkpoint is countersigned."""
    path = published / "log" / "checkpoint"
    path.write_bytes(cosigned(Checkpoint.parse(split_note(path.read_bytes())[0]), **at))
    return [str(one) for one in fsck(Folder(published), TRUST).wrong if not one.subject.startswith("snapshot")]


def test_a_whole_log_is_checked_by_its_witnesses_too(published):
    assert checked(published, own=BATCH_C, w1=later(BATCH_C, 120)) == []
    assert "w1 did not cosign" in checked(published, own=BATCH_C)[0]
    assert "more than 120 s later" in checked(published, own=BATCH_C, w1=later(BATCH_C, 121))[0]


def test_a_snapshot_of_a_checkpoint_without_quorum_is_wrong(published):
    found = fsck(Folder(published), TRUST)
    assert found.exit_code == Exit.INVALID
