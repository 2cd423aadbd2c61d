"""A witness as others meet it: a program that speaks tlog-witness over HTTP."""

import itertools
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from priorconsent.errors import UnreachableError
from priorconsent.log.note import MAX_NOTE_BYTES
from priorconsent.witness import asking, config
from priorconsent.witness.protocol import MAX_REQUEST_BYTES, Submission, monitoring_path, read_lines
from tests import scenario as cast
from tests.unit.test_witness import FORKED, checkpoint, request
from tests.witnesses import LOG
from tests.witnessing import ROOT, RunningWitness, run

NAME = "witness.example/1"


@pytest.fixture
def witness(tmp_path):
    running = RunningWitness(tmp_path / "w", NAME, LOG.vkey())
    yield running
    running.stop()


def post(witness, raw, **headers):
    return httpx2.post(f"{witness.url}/add-checkpoint", content=raw, headers=headers, trust_env=False)


def held(witness):
    return config.state(witness.folder).held()[cast.ORIGIN].size


def test_it_answers_as_the_protocol_says(witness):
    first = post(witness, request(0, 5))
    assert (first.status_code, first.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    [line] = read_lines(first.content)
    witness.keys[0].verify(checkpoint(5).text(), line.signature)

    behind = post(witness, request(0, 9))
    assert (behind.status_code, behind.headers["content-type"], behind.text) == (409, "text/x.tlog.size", "5\n")
    assert post(witness, request(5, 9)).status_code == 200
    assert post(witness, request(9, 12, FORKED)).status_code == 422
    assert post(witness, b"nonsense").status_code == 400

    seen = httpx2.get(f"{witness.url}/{monitoring_path(cast.ORIGIN)}", trust_env=False)
    assert (seen.status_code, seen.text.startswith(checkpoint(9).text())) == (200, True)


NOTHING = [
    ("GET", "/", 404),
    ("GET", "/add-checkpoint", 404),
    ("GET", f"/{'0' * 64}/checkpoint", 404),
    ("POST", "/", 404),
    ("PUT", "/add-checkpoint", 501),
]


def test_there_is_nothing_else(witness):
    for method, path, status in NOTHING:
        assert httpx2.request(method, witness.url + path, content=b"x", trust_env=False).status_code == status


def test_both_sides_of_a_connection_that_stays_open(witness):
    with httpx2.Client(trust_env=False) as client:
        sizes = (0, 3, 5, 8)
        for old, new in itertools.pairwise(sizes):
            assert client.post(f"{witness.url}/add-checkpoint", content=request(old, new)).status_code == 200
            assert client.get(f"{witness.url}/{monitoring_path(cast.ORIGIN)}").status_code == 200


def test_large_bodies_are_not_read(witness):
    assert post(witness, b"x" * (MAX_REQUEST_BYTES + 1)).status_code == 413
    note = request(0, 5).partition(b"\n\n")[2]
    assert post(witness, Submission(0, (), note + b"x" * MAX_NOTE_BYTES).to_bytes()).status_code == 400
    # A body whose length is not told could be endless.
    assert post(witness, iter([request(0, 5)])).status_code == 411
    assert held(witness) == 0


def test_who_says_nothing_does_not_keep_others_waiting_for_long(witness):
    idle = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(60)]
    begin, answered = time.monotonic(), False
    while not answered and time.monotonic() - begin < 20:
        try:
            answered = httpx2.get(f"{witness.url}/", trust_env=False, timeout=10).status_code == 404
        except httpx2.HTTPError:
            time.sleep(0.2)
    for one in idle:
        one.close()
    assert answered


def test_it_never_has_more_than_its_threads(witness):
    open_ones = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(60)]
    try:
        time.sleep(0.3)
        threads = len(list(Path(f"/proc/{witness.process.pid}/task").iterdir())) if sys.platform == "linux" else 0
        assert threads <= 20
    finally:
        for one in open_ones:
            one.close()


def test_of_two_that_race_the_larger_one_stays(witness):
    post(witness, request(0, 5))
    results = []
    threads = [
        threading.Thread(target=lambda new=new: results.append((new, post(witness, request(5, new)).status_code)))
        for new in (300, 301, 302, 303)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [new for new, status in results if status == 200]
    assert sorted(status for _, status in results) == [200, 409, 409, 409]
    assert held(witness) == won[0]


DIES = """
import os, signal
from priorconsent.cli import main
from priorconsent.witness import witness
judged = witness.Witness.add_checkpoint
def add_checkpoint(self, raw):
    judged(self, raw)
    os.kill(os.getpid(), signal.SIGKILL)
witness.Witness.add_checkpoint = add_checkpoint
raise SystemExit(main())
"""


def test_one_that_is_killed_between_remembering_and_answering_has_remembered(witness, tmp_path):
    post(witness, request(0, 5))
    witness.stop()
    (tmp_path / "dies.py").write_text(DIES)
    witness.start(str(tmp_path / "dies.py"))
    with pytest.raises(httpx2.HTTPError):
        post(witness, request(5, 9))
    assert witness.wait() == -9
    witness.start()
    # Whoever asks another way now is told what had been cosigned.
    assert post(witness, request(5, 8)).text == "9\n"
    assert post(witness, request(9, 9)).status_code == 200


def test_one_that_is_killed_at_any_time_starts_again(witness):
    size = 0
    for round_ in range(3):
        killer = threading.Timer(0.05 * (round_ + 1), witness.kill)
        killer.start()
        try:
            for _ in range(200):
                assert post(witness, request(size, size + 1)).status_code == 200
                size += 1
        except httpx2.HTTPError:
            pass
        killer.join()
        witness.kill()
        assert held(witness) in {size, size + 1}
        size = held(witness)
        witness.start()
    assert config.state(witness.folder).evidence() == ()


def test_it_ends_when_it_is_told_to(witness):
    assert witness.stop() == 0


def test_what_a_log_did_is_shown_and_written(witness, tmp_path):
    post(witness, request(0, 300))
    post(witness, request(300, 300, FORKED, ()))
    seen = run("log", "witness", "evidence", witness.folder, "--out", tmp_path / "out")
    assert (seen.returncode, "fork: " + cast.ORIGIN in seen.stdout) == (5, True)
    sides = {(tmp_path / "out" / f"1-{side}").read_bytes() for side in ("held", "shown")}
    assert {raw.split(b"\n")[1] for raw in sides} == {b"300"}
    assert len({raw.split(b"\n")[2] for raw in sides}) == 2


def test_show_tells_keys_and_logs(witness):
    post(witness, request(0, 300))
    seen = run("log", "witness", "show", witness.folder)
    assert witness.keys[0].vkey() in seen.stdout
    assert f"log {cast.ORIGIN}: 300 entries" in seen.stdout


def test_without_its_database_it_does_not_start(witness):
    witness.stop()
    (witness.folder / "witness.sqlite3").unlink()
    seen = run("log", "witness", "serve", witness.folder, "--plain", "--listen", "127.0.0.1:0")
    assert (seen.returncode, "must not go on under its old key" in seen.stderr) == (2, True)
    assert not (witness.folder / "witness.sqlite3").exists()


def test_a_witness_is_made_once(witness):
    again = run("log", "witness", "init", witness.folder, "--name", NAME, "--plain")
    assert (again.returncode, "there is a witness" in again.stderr) == (2, True)


def test_it_does_not_sign_with_a_key_that_is_not_its_own(witness, tmp_path):
    witness.stop()
    other = RunningWitness(tmp_path / "other", NAME)
    other.stop()
    (other.folder / "ed25519.pem").replace(witness.folder / "ed25519.pem")
    seen = run("log", "witness", "serve", witness.folder, "--plain")
    assert (seen.returncode, "is not the key" in seen.stderr) == (4, True)


def test_keys_are_encrypted_unless_somebody_says_otherwise(tmp_path):
    (tmp_path / "secret").write_text("correct horse battery staple\n")
    (tmp_path / "secret").chmod(0o600)
    made = run(
        "log", "witness", "init", tmp_path / "w", "--name", NAME, "--passphrase-file", tmp_path / "secret",
    )  # fmt: skip
    assert (made.returncode, len(made.stdout.splitlines())) == (0, 2)
    for file in ("ed25519.pem", "ml-dsa-44.pem"):
        assert b"ENCRYPTED" in (tmp_path / "w" / file).read_bytes()
        assert stat.S_IMODE((tmp_path / "w" / file).stat().st_mode) == 0o600
    assert run("log", "witness", "serve", tmp_path / "w", "--plain").returncode == 4


def test_the_other_side_reads_what_it_says(witness):
    submission = Submission.parse(request(0, 9))
    lines = asking.add_checkpoint(witness.url, submission)
    assert isinstance(lines, tuple)
    assert [line.name for line in lines] == [NAME]
    assert asking.add_checkpoint(witness.url, submission) == asking.Held(9)
    assert asking.latest(witness.url, "unknown.example/1") is None
    with pytest.raises(asking.WitnessRefusedError, match="422"):
        asking.add_checkpoint(witness.url, Submission.parse(request(9, 300, FORKED)))
    witness.kill()
    with pytest.raises(UnreachableError):
        asking.latest(witness.url, cast.ORIGIN)
    asking.close()


def test_the_command_line_needs_no_framework():
    assert run("log", "witness", "--help").returncode == 0
    code = "import sys, priorconsent.cli.witness; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
