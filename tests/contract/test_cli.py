"""The command line: what it prints, which code it ends with, and which files it leaves."""

import contextlib
import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata

import msgspec
import pytest

from priorconsent import bucket, canonical, cli, home, snapshot, times
from priorconsent.cli import asking
from priorconsent.cli import filter as filtering
from priorconsent.cli.keyfile import PlaintextKeyWarning
from priorconsent.decision import refuse
from priorconsent.keys import read_key_record
from priorconsent.log import note, policy
from priorconsent.records import convert
from priorconsent.statements import Signed
from tests import scenario as cast
from tests.scenario import FILM, FILM_FILE, GRANT, VENDOR, recent, scenario, trust
from tests.serving import serving

QUESTION = ["--use", "train.generative.pretrain", "--vendor", VENDOR, "--modality", "video", "--model", "A-Video"]
QUESTION += ["--distribution", "internal", "--territory", "JP"]


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


@pytest.fixture
def trust_file(tmp_path):
    path = tmp_path / "trust.json"
    path.write_bytes(msgspec.json.format(trust().encode(), indent=2))
    return path


def publish(path, *, age_s=0, padding=0):
    """A snapshot as the registry published it some time ago."""
    head = cast.publish(recent(), time=times.plus(times.now(), -age_s), padding=padding)
    snapshot.build(path, recent().items(), registry=cast.REGISTRY, **head)
    return path


@pytest.fixture
def fresh(tmp_path):
    return publish(tmp_path / "fresh.sqlite")


@pytest.fixture
def run(capsys, trust_file):
    """Run a command against the trust file; gives code, output, and what went to standard error."""

    def call(*words, trusted=trust_file):
        code = cli.main([*map(str, words), *(["--trust", str(trusted)] if trusted else [])])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


# check


def test_a_recorded_permission_is_exit_0(run, fresh):
    code, out, err = run("check", FILM_FILE, *QUESTION, "--snapshot", fresh)
    assert (code, err) == (0, "")
    assert out.startswith("permitted: granted\nA recorded permission covers this.\n")
    assert GRANT in out


def test_json_says_all_of_the_answer_and_where_it_comes_from(run, fresh):
    code, out, _ = run("check", FILM_FILE, *QUESTION, "--snapshot", fresh, "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["verdict"], answer["reason"], answer["works"]) == ("permitted", "granted", [FILM])
    assert answer["checkpoint"]["size"] == 2
    assert "quorum none" in answer["checkpoint"]["assumptions"][0]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("0" * 64, "no_record"),
        ("https://studio.example/other.mp4", "binding_not_granted"),
        (FILM, "binding_not_granted"),
        ("id:isan:0000", "no_record"),
        ("not a key", "invalid_query"),
        (FILM_FILE[1:], "invalid_query"),
        (f"sha256:{FILM_FILE[1:]}", "invalid_query"),
        ("https://u:p@studio.example/film/ep1.mp4", "invalid_query"),
    ],
)
def test_anything_else_is_exit_3_with_its_reason(run, fresh, key, reason):
    code, out, _ = run("check", key, *QUESTION, "--snapshot", fresh, "--json")
    assert (code, json.loads(out)["reason"]) == (3, reason)


def test_the_name_of_a_file_is_no_question(run, fresh, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    code, out, err = run("check", film, *QUESTION, "--snapshot", fresh)
    assert (code, out) == (2, "")
    assert err == f"malformed: {film} is a file here: give its digest, as sha256sum prints it\n"


def test_an_id_that_is_none_is_refused_in_words(run, fresh):
    code, out, _ = run("check", FILM_FILE, *QUESTION, "--vendor", "Slow Cloud Models", "--snapshot", fresh)
    assert code == 3
    assert "not an id: urn:uuid: and 32 hexadecimal digits in five groups, in lower case (at /vendor)" in out


def test_check_warns_of_a_use_that_nobody_knows(run, fresh):
    code, out, err = run("check", FILM_FILE, *QUESTION, "--use", "train.generativ", "--snapshot", fresh)
    assert (code, out.splitlines()[0]) == (3, "not_permitted: use_not_granted")
    assert err.startswith("warning: train.generativ is no use that this version knows")


def test_a_digest_in_capitals_is_the_same_digest(run, fresh):
    assert run("check", FILM_FILE.upper(), *QUESTION, "--snapshot", fresh)[0] == 0


def test_a_stricter_trust_file_asks_for_more(run, fresh, trust_file):
    trust_file.write_bytes(trust(min_method="key").encode())
    assert run("check", FILM_FILE, *QUESTION, "--snapshot", fresh)[0] == 0
    late = [*QUESTION, "--min-level", "E9"]
    assert run("check", FILM_FILE, *late, "--snapshot", fresh)[0] == 3


def test_the_sentence_comes_in_the_language_of_the_terminal(run, fresh, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert "記録された許諾がこれを認めています。" in run("check", FILM_FILE, *QUESTION, "--snapshot", fresh)[1]


def test_no_clear_answer_is_exit_4(run, fresh, tmp_path, trust_file):
    asked = ["check", FILM_FILE, *QUESTION, "--json"]
    stale = publish(tmp_path / "stale.sqlite", age_s=2 * 86400)
    ahead = publish(tmp_path / "ahead.sqlite", age_s=-3600)
    broken = tmp_path / "broken.json"
    broken.write_bytes(b"{")
    cases = [
        (["--snapshot", stale], trust_file, "stale_snapshot"),
        (["--snapshot", ahead], trust_file, "stale_snapshot"),
        (["--snapshot", tmp_path / "none.sqlite"], trust_file, "unverified_snapshot"),
        (["--snapshot", trust_file], trust_file, "unverified_snapshot"),
        (["--registry", "http://127.0.0.1:9"], trust_file, "unreachable"),
        (["--snapshot", fresh], tmp_path / "none.json", "unverified_snapshot"),
        (["--snapshot", fresh], broken, "unverified_snapshot"),
        (["--snapshot", fresh], None, "unverified_snapshot"),
    ]
    for source, trusted, reason in cases:
        code, out, _ = run(*asked, *source, trusted=trusted)
        answer = json.loads(out)
        assert (code, answer["verdict"], answer["reason"]) == (4, "not_permitted", reason), source


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["chekc"],
        ["check"],
        ["check", FILM_FILE],
        ["check", FILM_FILE, "--use", "search"],
        ["check", FILM_FILE, "--use", "search", "--snapshot", "a", "--registry", "b"],
        ["snapshot"],
        ["sign", "consent", "f", "--key", "k", "--party", "p"],
    ],
)
def test_a_wrong_command_line_is_exit_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    capsys.readouterr()


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"priorconsent {metadata.version('priorconsent')}\n"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in cli.COMMANDS)


def test_a_smaller_checkpoint_than_seen_before_is_not_used(run, tmp_path):
    larger = publish(tmp_path / "larger.sqlite", padding=3)
    smaller = publish(tmp_path / "smaller.sqlite")
    asked = ["check", FILM_FILE, *QUESTION, "--json", "--snapshot"]
    assert run(*asked, larger)[0] == 0
    code, out, _ = run(*asked, smaller)
    assert (code, json.loads(out)["reason"]) == (4, "stale_snapshot")


def test_two_histories_of_one_size_are_kept_and_end_all_trust(run, tmp_path):
    first = publish(tmp_path / "first.sqlite")
    second = publish(tmp_path / "second.sqlite", age_s=60)
    asked = ["check", FILM_FILE, *QUESTION, "--json", "--snapshot"]
    assert run(*asked, first)[0] == 0
    for path in (second, first):
        code, out, _ = run(*asked, path)
        assert (code, json.loads(out)["reason"]) == (4, "unverified_snapshot")
        assert "two histories" in json.loads(out)["detail"]
    (kept,) = (tmp_path / "state" / "priorconsent").glob("*.json")
    record = json.loads(kept.read_bytes())
    verifier = note.Verifier(cast.ORIGIN, cast.LOG_KEY.jwk.raw)
    texts = {note.open_note(record[side].encode(), [verifier]).text for side in ("checkpoint", "fork")}
    assert len(texts) == 2


# with a registry


@pytest.fixture
def registry(fresh):
    """A registry that serves the fresh snapshot, and its buckets."""
    with snapshot.open_verified(fresh, trust(), None) as opened:
        made = {f"{n:02x}": bucket.of_map(opened, f"{n:02x}") for n in range(256)}
    latest = {"size": 2, "file": "2.sqlite", "sha256": canonical.digest(fresh.read_bytes()).removeprefix("sha256:")}
    asked = []

    def answer(path):
        asked.append(path)
        prefix = path.removeprefix("/api/v1/buckets/")
        if prefix in made:
            return 200, {}, made[prefix]
        if len(prefix) == 64:
            with snapshot.open_verified(fresh, trust(), None) as opened:
                return 200, {}, bucket.of_map(opened, prefix)
        files = {"/snapshots/latest.json": canonical.encode(latest), "/snapshots/2.sqlite": fresh.read_bytes()}
        return (200, {}, files[path]) if path in files else (404, {}, b"")

    with serving(answer) as url:
        yield url, asked


def test_check_decides_at_home_from_buckets(run, registry):
    url, asked = registry
    code, out, _ = run("check", FILM_FILE, *QUESTION, "--registry", url, "--json")
    assert (code, json.loads(out)["reason"]) == (0, "granted")
    assert not any(FILM_FILE in path or VENDOR in path for path in asked)


def test_snapshot_fetch_info_verify(run, registry, tmp_path):
    url, _ = registry
    target = tmp_path / "fetched.sqlite"
    code, out, _ = run("snapshot", "fetch", target, "--registry", url, "--json")
    assert (code, json.loads(out)["size"], json.loads(out)["names"]) == (0, 2, len(recent()))
    assert run("snapshot", "verify", target)[0] == 0
    stale = publish(tmp_path / "stale.sqlite", age_s=2 * 86400)
    assert run("snapshot", "info", stale)[0] == 0
    assert run("snapshot", "verify", stale)[0] == 4


def test_a_snapshot_that_does_not_verify_is_not_kept(run, registry, tmp_path, trust_file):
    url, _ = registry
    other = policy.Policy((policy.Log(note.Verifier(cast.ORIGIN, cast.key("log-2").jwk.raw)),)).text()
    trust_file.write_bytes(trust(log_policy=other).encode())
    assert run("snapshot", "fetch", tmp_path / "fetched.sqlite", "--registry", url)[0] == 4
    assert not (tmp_path / "fetched.sqlite").exists()


# filter

ROWS = [
    {"sha256": FILM_FILE, "note": 'a "quoted", note\nof two lines'},
    {"sha256": "0" * 64, "note": ""},
    {"sha256": "", "note": "映画"},
    {"sha256": "zzz", "note": "x"},
]
REASONS = ["granted", "no_record", "invalid_query", "invalid_query"]


def write_csv(path, rows=ROWS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_filter_keeps_the_permitted_rows_and_what_they_had(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv")
    code, out, err = run(
        "filter", source, tmp_path / "out.csv", *QUESTION, "--snapshot", fresh, "--verdicts", tmp_path / "all.csv"
    )
    assert (code, out, err) == (0, "", "1 of 4 permitted (2 invalid_query)\n")
    (kept,) = read_csv(tmp_path / "out.csv")
    added = {"verdict": "permitted", "reason": "granted", "grants": GRANT, "binding": "digest", "size": "2"}
    assert kept == {**ROWS[0], **added}
    judged = read_csv(tmp_path / "all.csv")
    assert [row["reason"] for row in judged] == REASONS
    assert [{name: row[name] for name in ROWS[0]} for row in judged] == ROWS
    assert ["hex digits" in row["detail"] for row in judged] == [False, False, False, True]
    assert [bool(row["detail"]) for row in judged] == [False, False, True, True]


def test_filter_is_silent_in_a_pipe_when_there_is_nothing_to_warn_about(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv", ROWS[:2])
    assert run("filter", source, tmp_path / "out.csv", *QUESTION, "--snapshot", fresh) == (0, "", "")


def test_filter_says_when_nothing_was_permitted(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv", ROWS[1:2])
    done = run("filter", source, tmp_path / "out.csv", *QUESTION, "--snapshot", fresh)
    assert done == (0, "", "0 of 1 permitted\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--territory", "jp"], "unknown code 'jp' (at /territory)"),
        (["--at", "2099-01-01T00:00:00Z"], "at lies in the future"),
        (["--at", "now"], "/at"),
        (["--use", "Train!"], "not the form of a use code"),
    ],
)
def test_a_mistake_in_the_command_is_exit_2_and_no_answer_about_the_rows(run, fresh, tmp_path, more, said):
    source, target = write_csv(tmp_path / "in.csv"), tmp_path / "out.csv"
    code, _, err = run("filter", source, target, *QUESTION, *more, "--snapshot", fresh)
    assert code == 2
    assert said in err
    assert not target.exists()


def test_a_use_that_nobody_knows_is_warned_of(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv", ROWS[:1])
    asked = [*QUESTION, "--use", "train.generativ"]
    code, _, err = run("filter", source, tmp_path / "out.csv", *asked, "--snapshot", fresh)
    assert code == 0
    assert err.startswith("warning: train.generativ is no use that this version knows")
    assert err.endswith("0 of 1 permitted\n")


@pytest.mark.parametrize("name", ["gone.csv", "in.txt", "gone.jsonl"])
def test_no_old_output_is_left_when_the_manifest_is_wrong(run, fresh, tmp_path, name):
    source, target = write_csv(tmp_path / "in.csv"), tmp_path / "out.csv"
    assert run("filter", source, target, *QUESTION, "--snapshot", fresh)[0] == 0
    assert target.exists()
    (tmp_path / "in.txt").write_bytes(b"")
    assert run("filter", tmp_path / name, target, *QUESTION, "--snapshot", fresh)[0] == 2
    assert not target.exists()


def test_in_and_out_the_wrong_way_round_cost_nobody_their_manifest(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv")
    assert run("filter", tmp_path / "out.csv", source, *QUESTION, "--snapshot", fresh)[0] == 2
    assert read_csv(source) == ROWS


def test_a_folder_that_is_missing_is_named(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv")
    code, _, err = run("filter", source, tmp_path / "none" / "out.csv", *QUESTION, "--snapshot", fresh)
    assert (code, err) == (2, f"there is no folder {tmp_path / 'none'}\n")


def test_a_full_disk_is_no_mistake_in_the_command(run, fresh, tmp_path, monkeypatch):
    source = write_csv(tmp_path / "in.csv")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    asked = ["filter", source, tmp_path / "out.csv", *QUESTION, "--snapshot", fresh]
    assert run(*asked)[0] == 0  # the checkpoint is remembered, so only the output is written below
    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run(*asked)
    assert code == 4
    assert "No space left" in err
    assert not (tmp_path / "out.csv").exists()


def test_filter_keeps_json_members_byte_for_byte(run, fresh, tmp_path):
    lines = [b'{"score":1.50,"url":"https://studio.example/film/a.mp4","big":123456789012345678901}', b'{"url":null}']
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines))
    verdicts = tmp_path / "all.jsonl"
    asked = ["filter", tmp_path / "in.jsonl", tmp_path / "out.jsonl", *QUESTION, "--verdicts", verdicts]
    assert run(*asked, "--snapshot", fresh)[0] == 0
    first, second = verdicts.read_bytes().splitlines()
    assert first.startswith(lines[0][:-1] + b',"verdict":"permitted","reason":"granted"')
    assert json.loads(second)["reason"] == "invalid_query"
    (kept,) = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert first == kept[:-1] + b',"detail":null}'


def test_filter_fetches_the_whole_map_so_that_the_registry_sees_no_question(run, registry, tmp_path):
    url, asked = registry
    source = write_csv(tmp_path / "in.csv")
    assert run("filter", source, tmp_path / "out.csv", *QUESTION, "--registry", url)[0] == 0
    assert asked == ["/snapshots/latest.json", "/snapshots/2.sqlite"]


def test_a_failed_check_is_exit_4_and_leaves_no_output(run, tmp_path, fresh, trust_file):
    source, target = write_csv(tmp_path / "in.csv"), tmp_path / "out.csv"
    stale = publish(tmp_path / "stale.sqlite", age_s=2 * 86400)
    cases = [
        (["--snapshot", stale], trust_file, "stale_snapshot"),
        (["--registry", "http://127.0.0.1:9"], trust_file, "unreachable"),
        (["--snapshot", fresh], None, "unverified_snapshot"),
        (["--snapshot", fresh], tmp_path / "none.json", "unverified_snapshot"),
    ]
    for where, trusted, reason in cases:
        target.write_text("of an earlier run")
        code, out, err = run("filter", source, target, *QUESTION, *where, trusted=trusted)
        assert (code, out) == (4, "")
        assert err.startswith(f"{reason}: ")
        assert not target.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.parquet", b"PAR1", "not available yet"),
        ("in.txt", b"a", "ends in .csv"),
        ("in.csv", b"", "first line"),
        ("in.csv", b"link\nx\n", "no column is the key"),
        ("in.csv", b"url,sha256\nx,y\n", "--key-column"),
        ("in.csv", b"url,url\nx,y\n", "each column once"),
        ("in.csv", b"url,verdict\nx,y\n", "rename"),
        ("in.csv", b"url,a\nx\n", "line 2: the number of fields is 1"),
        ("in.csv", b'url\n"x', "no CSV"),
        ("in.csv", b"url\n\xff\n", "not UTF-8"),
        ("in.jsonl", b"[]\n", "no JSON object"),
        ("in.jsonl", b'{"url":"x"}\n{"url":"x","size":1}\n', "rename"),
        ("in.jsonl", b'{"url":NaN}\n', "no JSON object"),
        ("in.jsonl", b'{"url":"x"}\n{"a":' + b"[" * 10**5 + b"\n", "no JSON object"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_exit_2_and_leaves_no_output(run, tmp_path, fresh, name, content, said):
    source = tmp_path / name
    source.write_bytes(content)
    target = tmp_path / f"out{source.suffix}"
    code, _, err = run("filter", source, target, *QUESTION, "--snapshot", fresh)
    assert code == 2
    assert said in err
    assert not target.exists()


def test_the_key_column_can_be_chosen(run, fresh, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(f"url,sha256\nhttps://elsewhere.example/,{FILM_FILE}\n")
    for column, kept in (("sha256", 1), ("url", 0)):
        asked = ["filter", source, tmp_path / "out.csv", *QUESTION, "--snapshot", fresh, "--key-column", column]
        assert run(*asked)[0] == 0
        assert len(read_csv(tmp_path / "out.csv")) == kept


def test_in_and_out_are_different_files_of_one_format(run, fresh, tmp_path):
    source = write_csv(tmp_path / "in.csv")
    for target in (source, tmp_path / "out.jsonl"):
        assert run("filter", source, target, *QUESTION, "--snapshot", fresh)[0] == 2
    assert read_csv(source) == ROWS


def test_a_manifest_written_to_while_it_is_read_gives_no_answer(run, fresh, tmp_path, monkeypatch):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    row = b'{"sha256":"%s"}\n' % FILM_FILE.encode()
    source.write_bytes(row * filtering.ROWS_PER_REPORT)

    @contextlib.contextmanager
    def somebody_appends(label):
        yield lambda *_: source.write_bytes(row * (filtering.ROWS_PER_REPORT + 1))

    monkeypatch.setattr(asking, "progress", somebody_appends)
    code, _, err = run("filter", source, target, *QUESTION, "--snapshot", fresh)
    assert code == 4
    assert err.startswith("misaligned_answer: ")
    assert not target.exists()


def test_an_answer_to_another_row_is_no_answer():
    answers = ((number, {"sha256": ""}, home.Answer(refuse("no_record"), "", {})) for number in (0, 2))
    with pytest.raises(home.MisalignedError):
        filtering._write(answers, [lambda *_: None], 2, lambda: None)


def test_killed_half_way_there_is_no_output(fresh, tmp_path, trust_file):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"sha256":"%s"}\n' % FILM_FILE.encode() * 400_000)
    command = [sys.executable, "-m", "priorconsent.cli", "filter", source, target, *QUESTION]
    process = subprocess.Popen([*command, "--snapshot", fresh, "--trust", trust_file])
    draft = wait_for(lambda: [path for path in tmp_path.glob(".out.jsonl.*") if path.stat().st_size], process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert draft
    assert not target.exists()


def wait_for(found, process):
    begin = time.monotonic()
    while not found() and process.poll() is None and time.monotonic() - begin < 30:
        time.sleep(0.01)
    return found()


# key and sign


@pytest.fixture
def new_key(run, tmp_path):
    with pytest.warns(PlaintextKeyWarning, match="not encrypted"):
        code, out, err = run("key", "new", tmp_path / "studio.pem", "--party", cast.STUDIO)
    assert code == 0
    return tmp_path / "studio.pem", out, err


def test_a_new_key_is_for_its_owner_alone(new_key, run):
    path, out, _err = new_key
    assert path.stat().st_mode & 0o777 == 0o600
    record = json.loads(out)
    assert (record["party"], record["registry"], record["method"]) == (cast.STUDIO, cast.REGISTRY, "key")
    assert b"PRIVATE" not in out.encode()
    code, shown, _ = run("key", "show", path, trusted=None)
    assert (code, shown) == (0, out)


def test_a_key_is_never_overwritten(new_key, run):
    path, _, _ = new_key
    before = path.read_bytes()
    code, _, err = run("key", "new", path, "--party", cast.STUDIO)
    assert code == 2
    assert "not overwritten" in err
    assert path.read_bytes() == before


def signed(run, path, kind, content, *more, party=cast.STUDIO):
    file = path.parent / "content"
    file.write_bytes(content)
    with pytest.warns(PlaintextKeyWarning):
        code, out, _ = run("sign", kind, file, "--key", path, "--party", party, *more, trusted=None)
    assert code == 0
    return Signed(out.encode())


def test_approval_acceptance_and_decline_sign_the_offer_digest(new_key, run):
    path = new_key[0]
    for kind, more, decision in (
        ("approval", [], "approve"),
        ("acceptance", [], "approve"),
        ("approval", ["--decline"], "decline"),
    ):
        made = signed(run, path, kind, cast.OFFER.encode() + b"\n", *more)
        assert (made.statement.subject, made.statement.decision) == (cast.OFFER.digest, decision)
        assert made.statement.rights == (("copyright",) if kind == "approval" else ())
        assert made.statement.not_after == times.plus(made.statement.at, 30 * 86400)


def test_a_withdrawal_signs_the_grant_digest_and_never_lapses(new_key, run):
    made = signed(run, new_key[0], "withdrawal", scenario().token)
    assert made.statement.subject == canonical.digest(scenario().token)
    assert made.statement.not_after is None


def test_a_body_is_what_an_event_can_carry(new_key, run):
    path = new_key[0]
    event = json.loads(scenario().events[11])
    body = {name: event[name] for name in ("kind", "party", "work")}
    made = signed(run, path, "claim", json.dumps(body, indent=1).encode())
    assert made.statement.body == body


def test_a_first_key_is_bound_by_its_record(new_key, run):
    path, out, _ = new_key
    record = read_key_record(out.strip().encode())
    made = signed(run, path, "key", out.encode())
    assert made.statement.body == {
        "party": cast.STUDIO,
        "key": record.key_id,
        "method": "key",
        "bound_by": None,
    }
    made.verify(record, cast.KEYSET, times.now())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_record_of_another_key_binds_nothing(new_key, run, tmp_path):
    path, out, _ = new_key
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(out), "salt": "A" * 22}))
    code, signed, err = run("sign", "key", other, "--key", path, "--party", cast.STUDIO, trusted=None)
    assert (code, signed) == (2, "")
    assert "exactly these members" in err


def test_a_warning_is_one_sentence_without_code(new_key):
    path = new_key[0]
    (path.parent / "offer.json").write_bytes(cast.OFFER.encode())
    command = [sys.executable, "-m", "priorconsent.cli", "sign", "approval", path.parent / "offer.json"]
    done = subprocess.run([*command, "--key", path, "--party", cast.STUDIO], capture_output=True, text=True, check=True)
    assert done.stderr == f"warning: {path} is not encrypted: whoever copies it can sign for you\n"


def test_what_is_signed_verifies_under_the_key_record(new_key, run):
    path, out, _ = new_key
    made = signed(run, path, "approval", cast.OFFER.encode())
    made.verify(read_key_record(out.strip().encode()), cast.KEYSET, times.now())
    assert convert(made.statement.to_json(), type(made.statement)) == made.statement


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "content", "more", "said"),
    [
        ("approval", b"{}", [], "malformed"),
        ("withdrawal", cast.OFFER.encode(), [], "malformed"),
        ("withdrawal", scenario().token, ["--decline"], "declined"),
        ("claim", b'{"work":"x"}', [], "exactly these members"),
        ("key-end", b'{"key":"k","party":"urn:uuid:other","reason":"lost","suspect_from":null}', [], "another party"),
        ("approval", cast.OFFER.encode(), ["--not-after", "2020-01-01T00:00:00Z"], "not_after"),
        ("approval", cast.OFFER.encode(), ["--not-after", "tomorrow"], "malformed"),
    ],
)
def test_what_could_never_count_is_not_signed(new_key, run, kind, content, more, said):
    path = new_key[0]
    file = path.parent / "content"
    file.write_bytes(content)
    code, out, err = run("sign", kind, file, "--key", path, "--party", cast.STUDIO, *more, trusted=None)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_another_partys_name_is_refused(new_key, run, tmp_path):
    asked = ["sign", "approval", tmp_path / "o", "--key", new_key[0], "--party", cast.VENDOR]
    code, _, err = run(*asked, trusted=None)
    assert code == 2
    assert "mandates are not available yet" in err


def test_a_key_that_others_can_read_is_not_used(new_key, run):
    path = new_key[0]
    path.chmod(0o644)
    code, _, err = run("sign", "approval", path, "--key", path, "--party", cast.STUDIO, trusted=None)
    assert code == 4
    assert "chmod 600" in err


def test_an_encrypted_key_signs_for_whoever_has_its_passphrase(run, tmp_path):
    for name, text in (("right", "tall ships at anchor"), ("wrong", "tall ships at sea, all")):
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    path, offer = tmp_path / "studio.pem", tmp_path / "offer.json"
    offer.write_bytes(cast.OFFER.encode())
    code, out, _ = run("key", "new", path, "--party", cast.STUDIO, "--passphrase-file", tmp_path / "right")
    assert code == 0
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    signing = ("sign", "approval", offer, "--key", path, "--party", cast.STUDIO)
    code, signed, _ = run(*signing, "--passphrase-file", tmp_path / "right", trusted=None)
    assert code == 0
    Signed(signed.encode()).verify(read_key_record(out.strip().encode()), cast.KEYSET, times.now())
    code, signed, err = run(*signing, "--passphrase-file", tmp_path / "wrong", trusted=None)
    assert (code, signed, "does not open it" in err) == (4, "", True)
    assert run(*signing, trusted=None)[0] == 4
