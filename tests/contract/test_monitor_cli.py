"""``priorconsent log monitor`` from outside: what it prints and posts, its exit codes; a kill costs nothing."""

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from priorconsent import times
from priorconsent.cli import main
from priorconsent.errors import MalformedError
from priorconsent.monitor.webhook import Webhook
from tests import scenario as cast
from tests.court_world import World

NOW = "2026-12-10T13:00:00Z"
ALIASES = 540
# The same program by another clock.
AT_NOW = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from priorconsent import times
times.now = lambda: {NOW!r}
from priorconsent.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(times, "now", lambda: NOW)


@pytest.fixture
def trust(tmp_path):
    path = tmp_path / "trust.json"
    path.write_bytes(cast.trust().encode())
    return path


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A log in which the studio claims many files."""
    world = World().begin()
    for number in range(ALIASES):
        name = "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()
        alias = {"t": "alias", "name": name, "work": cast.FILM, "party": cast.STUDIO, "level": "E3", "ended": False}
        world.log({**alias, "_signed": ("claim", cast.STUDIO, None)}, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    return world.publish(tmp_path_factory.mktemp("busy"))


@pytest.fixture
def folder(tmp_path):
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    world.seal(cast.BATCH_B)
    return world.publish(tmp_path / "public")


@contextlib.contextmanager
def receiving(answers=()):
    """A server that takes what is posted; before that it gives these answers, one each."""
    taken, waiting = [], list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            status = waiting.pop(0) if waiting else 204
            if status == 204:
                taken.append(json.loads(body))
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(capsys, *words):
    code = main(["log", "monitor", *map(str, words)])
    told = capsys.readouterr()
    return code, [json.loads(line) for line in told.out.splitlines()], told.err


def test_exit_codes_and_lines(capsys, folder, trust, tmp_path):
    common = (folder, "--trust", trust, "--state", tmp_path / "state", "--party", cast.VENDOR)
    code, told, _ = run(capsys, *common)
    assert (code, [one["code"] for one in told]) == (3, ["party", "party-key", "grant"])
    assert run(capsys, *common)[:2] == (0, [])
    (folder / "log" / "checkpoint").unlink()
    code, told, said = run(capsys, *common)
    assert (code, [one["kind"] for one in told]) == (4, ["problem"])
    assert "not_found" in said
    world = World().begin()
    world.append({"t": "party", "party": cast.VENDOR, "kind": "person", "members": None}, cast.BATCH_B)
    world.seal(cast.BATCH_B)
    world.publish(folder)
    code, told, said = run(capsys, *common)
    assert (code, told[-1]["code"], len(told[-1]["evidence"])) == (5, "fork", 2)
    assert str(tmp_path / "state.evidence") in said
    assert run(capsys, *common)[0] == 5


def test_it_goes_on_until_it_is_interrupted_or_something_is_false(folder, trust, tmp_path):
    words = ["log", "monitor", folder, "--trust", trust, "--state", tmp_path / "state", "--party", cast.VENDOR]
    program = subprocess.Popen(
        [sys.executable, "-c", AT_NOW, *map(str, words), "--every", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdout
    try:
        assert [json.loads(program.stdout.readline())["code"] for _ in range(3)] == ["party", "party-key", "grant"]
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 4
    finally:
        program.kill()
        program.stdout.close()
        program.wait()


def test_a_list_of_interests_and_keys(capsys, folder, trust, tmp_path):
    watch = tmp_path / "watch"
    watch.write_text(
        f"# ours\nparty {cast.STUDIO}\nwork {cast.FILM}\n\nname host:studio.example\n"
        f"key {cast.KEY_RECORDS[cast.STUDIO].key_id}\n",
        encoding="utf-8",
    )
    code, told, _ = run(capsys, folder, "--trust", trust, "--state", tmp_path / "state", "--watch", watch)
    assert (code, told[-1]["code"], told[-1]["unsigned_by_you"]) == (3, "grant", False)
    own = tmp_path / "own"
    own.mkdir()
    code, told, _ = run(
        capsys, folder, "--trust", trust, "--state", tmp_path / "other", "--work", cast.FILM, "--signed-by-me", own
    )
    assert (code, told[-1]["code"], told[-1]["unsigned_by_you"]) == (3, "grant", None)
    for digest in told[-1]["statements"]:
        (own / digest["digest"][7:20]).write_bytes(
            (folder / "evidence" / digest["digest"].replace(":", "/")).read_bytes() + b"\n"
        )
    _, told, _ = run(
        capsys, folder, "--trust", trust, "--state", tmp_path / "third", "--work", cast.FILM, "--signed-by-me", own
    )
    assert (told[-1]["code"], told[-1]["unsigned_by_you"]) == ("grant", False)


def test_new_interests_do_not_pretend_to_look_back(capsys, folder, trust, tmp_path):
    common = (folder, "--trust", trust, "--state", tmp_path / "state")
    run(capsys, *common, "--party", cast.VENDOR)
    code, told, said = run(capsys, *common, "--party", cast.STUDIO)
    assert (code, told) == (0, [])
    assert "were not looked at for it" in said


@pytest.mark.parametrize("words", [("--party", "studio"), ("--name", "a.mp4"), ("--every", "0"), ("--key", "nowhere")])
def test_mistakes_are_mistakes_in_usage(capsys, folder, trust, tmp_path, words):
    assert run(capsys, folder, "--trust", trust, "--state", tmp_path / "state", *words)[0] == 2


def test_a_webhook_gets_every_report_and_gets_it_again_until_it_takes_it(capsys, folder, trust, tmp_path):
    common = (folder, "--trust", trust, "--state", tmp_path / "state", "--party", cast.VENDOR)
    with receiving([204, 503, 302]) as (url, taken):
        code, told, said = run(capsys, *common, "--webhook", url)
        assert (code, len(told), len(taken)) == (4, 3, 1)
        assert "the webhook answered 503" in said
        # A redirect is not followed.
        assert run(capsys, *common, "--webhook", url)[0] == 4
        assert run(capsys, *common, "--webhook", url)[0] == 0
        assert taken == told
    assert run(capsys, *common, "--webhook", url)[0] == 0


def test_a_webhook_is_https_or_here():
    for url in ("http://elsewhere.example/hook", "ftp://127.0.0.1/", "https://", "hook"):
        with pytest.raises(MalformedError):
            Webhook(url)
    Webhook("https://elsewhere.example/hook").close()


def test_killed_at_any_moment_it_loses_nothing_and_tells_nothing_under_a_second_id(capsys, busy, trust, tmp_path):
    common = [str(busy), "--trust", str(trust), "--party", cast.STUDIO]
    _, expected, _ = run(capsys, *common, "--state", tmp_path / "undisturbed")
    ids = [one["id"] for one in expected]
    assert len(ids) == len(set(ids)) > ALIASES
    printed, kills = tmp_path / "printed", 0
    with receiving() as (url, taken):
        words = [*common, "--state", str(tmp_path / "state"), "--webhook", url]
        while True:
            with printed.open("ab") as output:
                program = subprocess.Popen(
                    [sys.executable, "-c", AT_NOW, "log", "monitor", *words], stdout=output, stderr=subprocess.DEVNULL
                )
            if kills < 6:
                # Some after the first reports, some in the middle of it, one before anything.
                until = len(taken) + (0, 1, 40, 150, 7, 90)[kills]
                while program.poll() is None and len(taken) < until:
                    time.sleep(0.002)
                program.kill()
                kills += 1
            if program.wait(60) in {0, 3}:
                break
    lines = [line for line in printed.read_text().splitlines(keepends=True) if line.endswith("}\n") and line[0] == "{"]
    assert kills >= 5
    assert list(dict.fromkeys(one["id"] for one in taken)) == ids
    assert set(ids) <= {json.loads(line)["id"] for line in lines}
    assert {json.loads(line)["id"] for line in lines} <= set(ids)
