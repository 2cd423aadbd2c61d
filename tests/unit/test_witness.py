"""What a witness cosigns, what it refuses, and what it remembers."""

import threading

import pytest

from priorconsent.errors import ConflictError, MalformedError, NotFoundError
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, timestamp
from priorconsent.log.note import SignatureLine, Verifier, assemble_note, open_note, sign_line, split_note
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.policy import Log, Policy
from priorconsent.log.policy import Witness as Named
from priorconsent.log.tree import MAX_PROOF_HASHES
from priorconsent.witness.protocol import Submission, monitoring_path, read_lines
from priorconsent.witness.state import State
from priorconsent.witness.witness import CosigningKey, Witness
from tests import scenario as cast
from tests.witnesses import LOG, W1, W2, Signs, signed

NOW = "2026-12-01T10:00:00Z"
LATER = "2026-12-01T10:00:30Z"
HONEST = tree.Appended([tree.leaf_hash(b"%d" % index) for index in range(600)])
FORKED = tree.Appended([tree.leaf_hash(b"%d" % (index if index != 7 else 99)) for index in range(600)])


def checkpoint(size, nodes=HONEST, origin=cast.ORIGIN):
    return Checkpoint(origin, size, tree.tree_root(size, nodes))


def request(old, new, nodes=HONEST, proof=None):
    path = tuple(tree.consistency_proof(old, new, nodes)) if proof is None else proof
    return Submission(old, path, signed(checkpoint(new, nodes))).to_bytes()


@pytest.fixture
def state(tmp_path):
    made = State.create(tmp_path / "state.sqlite3")
    made.add_key(LOG)
    return made


def witness_on(state, *signs, now=NOW):
    keys = tuple(CosigningKey(one.cosigner, one.sign) for one in signs or (W1,))
    return Witness(state, keys, lambda: now)


@pytest.fixture
def witness(state):
    return witness_on(state)


def told(answer):
    return answer.status, answer.body


def test_it_cosigns_what_grows(witness, state):
    for old, new in ((0, 3), (3, 256), (256, 257), (257, 600)):
        answer = witness.add_checkpoint(request(old, new))
        [line] = read_lines(answer.body)
        assert (answer.status, line.name, line.key_id) == (200, W1.cosigner.name, W1.cosigner.key_id)
        W1.cosigner.verify(checkpoint(new).text(), line.signature)
        assert state.held()[cast.ORIGIN].size == new


def test_both_kinds_of_keys_sign_at_the_time_of_its_clock(state):
    answer = witness_on(state, W1, W2).add_checkpoint(request(0, 9))
    kinds = {one.cosigner.key_id: one.cosigner for one in (W1, W2)}
    lines = read_lines(answer.body)
    assert {kinds[line.key_id].kind for line in lines} == {COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44}
    assert {timestamp(line.signature) for line in lines} == {1796119200}


def test_what_it_shows_to_monitors_opens_under_a_policy_that_asks_for_it(witness):
    path = monitoring_path(cast.ORIGIN)
    assert witness.latest(path).status == 404
    witness.add_checkpoint(request(0, 5))
    policy = Policy((Log(LOG),), (Named("w", W1.cosigner),), "w")
    assert open_checkpoint(witness.latest(path).body, policy).checkpoint == checkpoint(5)
    assert witness.latest(monitoring_path("another.example/1")).status == 404


def test_the_same_checkpoint_is_cosigned_again(state):
    witness_on(state).add_checkpoint(request(0, 5))
    answer = witness_on(state, now=LATER).add_checkpoint(request(5, 5))
    [line] = read_lines(answer.body)
    assert (answer.status, timestamp(line.signature)) == (200, 1796119230)


def test_lines_by_keys_it_does_not_know_are_ignored_and_not_shown(witness):
    stranger = Signs("stranger.example/1")
    note = signed(checkpoint(5), stranger.line(checkpoint(5), NOW))
    assert witness.add_checkpoint(Submission(0, (), note).to_bytes()).status == 200
    _, lines = split_note(witness.latest(monitoring_path(cast.ORIGIN)).body)
    assert {line.name for line in lines} == {cast.ORIGIN, W1.cosigner.name}


def test_an_empty_log_is_a_log(witness):
    empty = Checkpoint(cast.ORIGIN, 0, tree.EMPTY_ROOT)
    assert witness.add_checkpoint(Submission(0, (), signed(empty)).to_bytes()).status == 200
    assert witness.add_checkpoint(request(0, 4)).status == 200


def by_another_log():
    other = Verifier("another.example/1", cast.LOG_KEY.jwk.raw)
    text = checkpoint(5, origin=other.name).text()
    return Submission(0, (), assemble_note(text, [sign_line(text, other, cast.LOG_KEY.sign)])).to_bytes()


def by_a_stranger():
    line = Signs("x").line(checkpoint(5), NOW)
    return Submission(0, (), assemble_note(checkpoint(5).text(), [line])).to_bytes()


def with_a_broken_signature():
    text, (line,) = split_note(signed(checkpoint(5)))
    broken = SignatureLine(line.name, line.key_id, bytes(64))
    return Submission(0, (), assemble_note(text, [broken])).to_bytes()


def with_an_extension_line():
    text = checkpoint(5).text() + "map-root of something\n"
    return Submission(0, (), assemble_note(text, [sign_line(text, LOG, cast.LOG_KEY.sign)])).to_bytes()


def with_a_witness_of_the_same_name_only():
    # A cosignature under the log's name, by the log's own ML-DSA key, is no signature of the log.
    line = Signs(cast.ORIGIN, COSIGNATURE_ML_DSA_44).line(checkpoint(5), NOW)
    return Submission(0, (), assemble_note(checkpoint(5).text(), [line])).to_bytes()


GOOD = request(0, 5)
HASH = b"A" * 43 + b"="
REFUSED = {
    "nothing": (b"", 400),
    "no blank line": (GOOD.replace(b"\n\n", b"\n"), 400),
    "no old size": (GOOD.replace(b"old 0", b"size 0"), 400),
    "old size with a zero before it": (GOOD.replace(b"old 0", b"old 00"), 400),
    "old size with a sign": (GOOD.replace(b"old 0", b"old +0"), 400),
    "two spaces": (GOOD.replace(b"old 0", b"old  0"), 400),
    "carriage returns": (GOOD.replace(b"\n", b"\r\n"), 400),
    "a hash that is too short": (GOOD.replace(b"old 0\n", b"old 0\nAAAA\n"), 400),
    "too many hashes": (GOOD.replace(b"old 0\n", b"old 0\n" + (HASH + b"\n") * (MAX_PROOF_HASHES + 1)), 400),
    "no note": (b"old 0\n\n", 400),
    "an extension line": (with_an_extension_line(), 400),
    "an old size beyond the new one": (GOOD.replace(b"old 0", b"old 6"), 400),
    "another log": (by_another_log(), 404),
    "nobody we know signed": (by_a_stranger(), 403),
    "a signature that fails": (with_a_broken_signature(), 403),
    "the log's own cosignature alone": (with_a_witness_of_the_same_name_only(), 403),
    "a proof from nothing": (GOOD.replace(b"old 0\n", b"old 0\n" + HASH + b"\n"), 422),
    "an old size that was never cosigned": (request(3, 5), 409),
}


@pytest.mark.parametrize(("raw", "status"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(witness, state, raw, status):
    assert witness.add_checkpoint(raw).status == status
    assert state.held()[cast.ORIGIN].size == 0


def test_it_tells_the_size_that_it_wants_a_proof_from(witness):
    witness.add_checkpoint(request(0, 5))
    for old in (0, 3):
        answer = witness.add_checkpoint(request(old, 9))
        assert (answer.status, answer.body, answer.media_type) == (409, b"5\n", "text/x.tlog.size")


def test_it_never_goes_back(witness, state):
    witness.add_checkpoint(request(0, 300))
    assert told(witness.add_checkpoint(request(0, 9))) == (409, b"300\n")
    assert witness.add_checkpoint(request(300, 300)).status == 200
    assert state.held()[cast.ORIGIN].size == 300


@pytest.mark.parametrize("old", [0, 300])
def test_another_root_of_one_size_is_a_fork_and_kept(witness, state, old):
    witness.add_checkpoint(request(0, 300))
    proof = () if old else None
    assert told(witness.add_checkpoint(request(old, 300, FORKED, proof))) == (409, b"300\n")
    [kept] = state.evidence()
    assert (kept.kind, kept.at, kept.size) == ("fork", NOW, 300)
    roots = {
        Checkpoint.parse(open_note(raw, [LOG]).text).root for raw in (kept.held, Submission.parse(kept.shown).note)
    }
    assert len(roots) == 2
    assert state.held()[cast.ORIGIN].root == checkpoint(300).root


def test_a_fork_that_grew_is_refused_and_kept_once(witness, state):
    witness.add_checkpoint(request(0, 300))
    for _ in range(3):
        assert witness.add_checkpoint(request(300, 400, FORKED)).status == 422
    [kept] = state.evidence()
    assert (kept.kind, kept.size) == ("unproved", 400)
    assert witness.add_checkpoint(request(300, 400)).status == 200


def test_no_checkpoint_shown_before_keeps_a_fork_from_being_kept_as_one(witness, state, monkeypatch):
    """What could not be proved then is a fork as soon as the other root of its size was cosigned."""
    monkeypatch.setattr("priorconsent.witness.state.MAX_EVIDENCE_PER_LOG", 2)
    witness.add_checkpoint(request(0, 10))
    for size in (300, 20, 21):
        witness.add_checkpoint(request(10, size, FORKED, [bytes(32)]))
    assert [one.kind for one in state.evidence()] == ["unproved"] * 2
    witness.add_checkpoint(request(10, 300))
    for _ in range(2):
        witness.add_checkpoint(request(300, 300, FORKED, []))
    [fork] = [one for one in state.evidence() if one.kind == "fork"]
    for note, nodes in ((fork.held, HONEST), (Submission.parse(fork.shown).note, FORKED)):
        assert Checkpoint.parse(split_note(note)[0]) == checkpoint(300, nodes)


def test_several_logs_do_not_disturb_each_other(witness, state):
    other = Verifier("another.example/1", cast.LOG_KEY.jwk.raw)
    state.add_key(other)
    witness.add_checkpoint(request(0, 300))
    assert witness.add_checkpoint(by_another_log()).status == 200
    assert {origin: held.size for origin, held in state.held().items()} == {"another.example/1": 5, cast.ORIGIN: 300}


def test_a_second_key_of_a_log_does_not_make_it_another_log(witness, state):
    witness.add_checkpoint(request(0, 5))
    state.add_key(Verifier(cast.ORIGIN, W1.cosigner.public_key))
    state.add_key(LOG)
    assert len(state.keys(cast.ORIGIN)) == 2
    assert told(witness.add_checkpoint(request(0, 9))) == (409, b"5\n")


def test_of_many_at_once_none_rolls_back(state):
    """As each answer is given, what is held is at least as large."""
    sizes, answers, seen = range(1, 41), [], []
    start = threading.Barrier(8)

    def submit(mine):
        witness = witness_on(state)
        start.wait()
        for size in mine:
            old = 0
            answer = witness.add_checkpoint(request(old, size))
            while answer.status == 409 and int(answer.body) < size:
                old = int(answer.body)
                answer = witness.add_checkpoint(request(old, size))
            seen.append((size, answer.status, state.held()[cast.ORIGIN].size))
            answers.append(answer)

    threads = [threading.Thread(target=submit, args=(list(sizes)[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(sizes)
    assert all(held >= size for size, status, held in seen if status == 200)
    assert state.held()[cast.ORIGIN].size == max(sizes)
    assert state.evidence() == ()


def test_a_lost_database_is_not_made_again(tmp_path, state):
    witness = witness_on(state)
    witness.add_checkpoint(request(0, 5))
    (tmp_path / "state.sqlite3").unlink()
    with pytest.raises(NotFoundError, match="another one, with another name"):
        State(tmp_path / "state.sqlite3")
    with pytest.raises(NotFoundError):
        witness.add_checkpoint(request(0, 300, FORKED))
    assert not (tmp_path / "state.sqlite3").exists()


def test_nor_is_one_that_is_empty_or_something_else_taken_for_it(tmp_path):
    for content in (b"", b"no database at all" * 100):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(MalformedError):
            State(tmp_path / "other")


def test_one_that_is_there_is_not_replaced(tmp_path, state):
    with pytest.raises(ConflictError):
        State.create(tmp_path / "state.sqlite3")
