"""``./run demo``: what it prints works, it ends where it began, and it never leaves half of itself."""

import csv
import hashlib
import json
import re
import signal
import sqlite3
import subprocess
import sys

import httpx2

from api.demo import cast
from api.demo.cast import ROLES, WORKS
from tests.end_to_end.conftest import ROOT, Running, environment, run_demo
from tests.realservers import free_port, listens


def test_every_printed_command_gives_the_exit_code_that_it_promises(demo):
    wrong = []
    for says, code, line in demo.commands():
        done = demo.shell(line)
        if done.returncode != code:
            wrong.append((says, line, done.returncode, done.stdout, done.stderr))

    assert not wrong
    assert len(demo.commands()) >= 12
    programs = {re.sub(r".*/", "", line.split()[0]) for _, _, line in demo.commands()}
    assert programs == {"curl", "priorconsent"}


def test_the_first_question_is_answered_yes_and_the_second_no(demo):
    yes, no = [json.loads(demo.shell(line).stdout) for _, _, line in demo.commands()[:2]]

    assert (yes["verdict"], yes["reason"], yes["grants"]) == ("permitted", "granted", [demo.note.grants["training"]])
    assert (no["verdict"], no["reason"]) == ("not_permitted", "other_licensee")


def test_the_filter_keeps_the_films_of_the_manifest_and_nothing_else(demo):
    [line] = [line for _, _, line in demo.commands() if " filter " in line]
    demo.shell(line)
    with (demo.folder.path / "permitted.csv").open(encoding="utf-8", newline="") as file:
        kept = {row["file"] for row in csv.DictReader(file)}

    films = [WORKS[name] for name in ("film", "episode_1", "episode_2", "episode_3")]
    assert kept == {name for film in films for files in film.files for name in files.names()}
    assert len(kept) == 200
    for name in kept:
        assert (demo.folder.files / name).read_bytes() == cast.Files.content(name)


def test_the_ten_days_really_passed(demo):
    with sqlite3.connect(f"file:{demo.data}/db.sqlite3?mode=ro", uri=True) as database:
        days = {time[:10] for (time,) in database.execute("SELECT time FROM transparency_event")}
        states = dict(database.execute("SELECT state, count(*) FROM licences_offer GROUP BY state"))
        alarms = database.execute("SELECT count(*) FROM transparency_alarm").fetchone()
    database.close()

    # The log says each day that it is alive.
    assert len(days) == 11
    assert states == {"active": 5, "withdrawn": 2, "superseded": 1, "suspended": 1, "declined": 1, "offered": 1}
    assert alarms == (0,)


def test_a_second_run_changes_nothing_and_says_so(demo):
    before = fingerprint(demo)

    done = run_demo(demo.data, "--no-serve")

    assert done.returncode == 0, done.stderr
    assert "there already; nothing is changed" in done.stdout
    assert fingerprint(demo) == before
    # Without a server only what works without one is printed.
    assert "priorconsent verify" in done.stdout
    assert "http://" not in done.stdout


def test_a_demo_that_was_killed_half_way_is_begun_anew_and_is_whole(tmp_path):
    data = tmp_path / "var"
    killed = Running(data, free_port())
    for line in killed.lines():
        if line.startswith("day 3: files"):
            break
    killed.end(signal.SIGKILL)

    done = run_demo(data, "--no-serve")

    assert done.returncode == 0, done.stderr
    assert "stopped half-way" in done.stdout
    program = f"{sys.prefix}/bin/priorconsent"
    command = [program, "log", "fsck", str(data / "public"), "--trust", str(data / "trust.json")]
    checked = subprocess.run(command, env=environment(data), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert not (data / "demo" / "begun").exists()


def test_the_registry_of_somebody_else_is_left_alone(other_maker):
    before = (other_maker / "public/log/checkpoint").read_bytes()

    done = run_demo(other_maker, "--no-serve")

    assert done.returncode == 1
    assert "set PRIORCONSENT_DATA to another folder" in done.stderr
    assert (other_maker / "public/log/checkpoint").read_bytes() == before


def test_half_a_demo_elsewhere_gives_no_right_to_clear_this_database(other_maker):
    before = (other_maker / "public/log/checkpoint").read_bytes()
    (other_maker / "demo").mkdir(exist_ok=True)
    (other_maker / "demo" / "begun").write_text("sha256:" + "0" * 64)

    done = run_demo(other_maker, "--no-serve")

    assert done.returncode == 1
    assert "which is not the demo's" in done.stderr
    assert (other_maker / "public/log/checkpoint").read_bytes() == before


def test_a_port_that_is_taken_is_named(demo):
    done = run_demo(demo.data, "--port", str(demo.running.port))

    assert done.returncode == 1
    assert f"port {demo.running.port} cannot be used" in done.stderr


def test_when_it_ends_nothing_goes_on(demo):
    second = Running(demo.data, free_port()).wait()
    assert listens(second.port)

    assert second.end(signal.SIGINT) == 0

    assert not listens(second.port)
    assert listens(demo.running.port)


def test_the_start_page_answers(demo):
    page = httpx2.get(demo.url + "/")

    assert page.status_code == 200
    assert "Prior Consent" in page.text


def test_everybody_and_every_host_is_invented():
    text = (ROOT / "api/demo/cast.py").read_text(encoding="utf-8") + (ROOT / "api/demo/farewell.py").read_text()
    hosts = set(re.findall(r"https?://([a-z0-9.-]+)", text)) | set(re.findall(r"host:([a-z0-9.-]+)", text))

    assert hosts
    assert all(host.endswith(".example") for host in hosts)
    for role in ROLES.values():
        assert set(role.names) == {"en", "ja"}
        assert role.names["en"].endswith("(invented)")
        assert role.names["ja"].endswith("（架空）")


def fingerprint(demo):
    """All rows and all files but those that only say that somebody looked."""
    with sqlite3.connect(f"file:{demo.data}/db.sqlite3?mode=ro", uri=True) as database:
        rows = hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()
    database.close()
    skipped = ("db.sqlite3", "seen/", "demo/permitted.csv")
    names = sorted(path for path in demo.data.rglob("*") if path.is_file())
    files = {str(path.relative_to(demo.data)): path.read_bytes() for path in names}
    return rows, {name: content for name, content in files.items() if not name.startswith(skipped)}
