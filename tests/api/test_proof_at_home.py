"""What the registry gave, checked by whom it was given to: the command line, on what is published."""

import contextlib
import io
import json

import pytest

from priorconsent import canonical, cli, times
from priorconsent.court.verify import verify
from tests.api import test_acknowledgements as noes
from tests.api.conftest import client_at, key_for, post
from tests.api.test_receipts import ADDRESS, NONCE, ask, asked, granted
from tests.cast import FILM_FILE
from tests.serving import serving
from transparency import receipts as given
from transparency.files import public_folder
from transparency.models import GivenReceipt, Pending
from transparency.store import own_trust

__all__ = ["granted"]

# Of the steps that are taken where neither request nor map is shown.
CODES = ("answers", "signature", "checkpoint", "anchor", "fresh")


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    """Where evidence is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "priorconsent" / "evidence"


@pytest.fixture
def run(capsys, folder):
    """A command, with the trust file that the registry hands out; its exit code and what it tells."""

    def call(*words):
        code = cli.main([*map(str, words), "--trust", str(folder / "trust.json"), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err

    return call


def kept(path, content):
    path.write_bytes(content)
    return path


def anchor(cast):
    """An hour goes by, and the log commits."""
    cast.wait()
    given.anchor_due(cast.now)
    cast.publish()


# Receipts


def test_a_reply_is_checked_as_it_was_saved(granted, run, tmp_path):
    reply = kept(tmp_path / "reply.json", ask(granted, receipt="true", nonce=NONCE).content)
    request = kept(tmp_path / "request", canonical.encode(asked(granted, receipt="true", nonce=NONCE)))
    snapshot = max((public_folder() / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))
    snapshot = kept(tmp_path / "map.sqlite", snapshot.read_bytes())
    shown = ["--request", request, "--nonce", NONCE, "--snapshot", snapshot]
    code, told = run("receipt", "verify", reply, "--log", public_folder(), *shown)
    assert (code, told["outcome"], told["permitted"]) == (0, "valid", True)
    assert any("check again" in one for one in told["assumptions"])
    anchor(granted)
    code, told = run("receipt", "verify", reply, "--log", public_folder(), *shown)
    assert (code, [step["ok"] for step in told["steps"]]) == (0, [True] * 7)
    assert not any("check again" in one for one in told["assumptions"])
    late = ["--at", times.plus(told["receipt"]["issued_at"], 300)]
    assert run("receipt", "verify", reply, "--log", public_folder(), *late)[0] == 3


def test_receipt_and_answers_may_come_apart(granted, run, tmp_path):
    body = canonical.encode({"queries": [{"ref": "a", **asked(granted)}], "receipt": True})
    told = post(client_at(granted.now), ADDRESS, body).json()
    receipt = kept(tmp_path / "receipt.jws", told["receipt"].encode() + b"\n")
    answers = kept(tmp_path / "answers.json", canonical.encode(told["answers"]))
    request = kept(tmp_path / "request.json", body)
    words = ["receipt", "verify", receipt, "--log", public_folder(), "--request", request]
    assert run(*words, "--answers", answers)[0] == 0
    assert run(*words)[0] == 2
    for words in (["--request", answers], ["--nonce", NONCE]):
        code, told = run("receipt", "verify", receipt, "--log", public_folder(), "--answers", answers, *words)
        assert (code, told["outcome"]) == (5, "invalid")


def test_a_reply_that_says_more_than_was_signed_is_not_believed(granted, run, tmp_path):
    told = ask(granted, receipt="true", use="search").json()
    assert told["verdict"] == "not_permitted"
    reply = kept(tmp_path / "reply.json", canonical.encode({**told, "verdict": "permitted", "reason": "granted"}))
    code, complaint = run("receipt", "verify", reply, "--log", public_folder())
    assert code == 4
    assert "believe neither" in complaint


def test_without_the_log_nobody_can_tell(granted, run, tmp_path):
    reply = kept(tmp_path / "reply.json", ask(granted, receipt="true").content)
    code, told = run("receipt", "verify", reply)
    assert (code, told["outcome"]) == (4, "inconclusive")


def test_a_receipt_that_the_log_forgot_is_unlogged(granted, run, tmp_path):
    reply = kept(tmp_path / "reply.json", ask(granted, receipt="true").content)
    GivenReceipt.objects.all().delete()
    granted.wait(7201)
    granted.refuse(granted.stranger)
    granted.publish()
    code, told = run("receipt", "verify", reply, "--log", public_folder())
    assert (code, told["code"]) == (5, "receipt_unlogged")


def test_every_receipt_is_anchored(granted, run, tmp_path):
    replies = [kept(tmp_path / f"{number}.json", ask(granted, receipt="true").content) for number in range(5)]
    anchor(granted)
    for reply in replies:
        code, told = run("receipt", "verify", reply, "--log", public_folder())
        assert (code, any("check again" in one for one in told["assumptions"])) == (0, False)


def test_a_court_sees_in_one_file_that_the_registry_had_said_yes(granted, run, tmp_path, folder):
    body = canonical.encode({"queries": [{"ref": "a", **asked(granted)}, SECRET], "receipt": True, "nonce": NONCE})
    key = key_for(granted.vendor, "read", now=granted.now)
    reply = kept(tmp_path / "reply.json", post(client_at(granted.now, Authorization=key), ADDRESS, body).content)
    [grant] = json.loads(reply.read_bytes())["decisions"][0]["grants"]
    before, after, new = (tmp_path / name for name in ("before.zip", "after.zip", "new.zip"))
    kept(before, client_at(granted.now).get(f"/api/v1/grants/{grant}/bundle").content)
    words = ["receipt", "add", reply, "--log", public_folder(), "--out", new, "--bundle"]
    told = told_in_words(folder, *words, before)
    assert (told[0], "within two hours: try then" in told[1]) == (4, True)
    anchor(granted)
    told = told_in_words(folder, *words, before)
    assert (told[0], "fetch a newer bundle first" in told[1]) == (4, True)
    assert not new.exists()
    kept(after, client_at(granted.now).get(f"/api/v1/grants/{grant}/bundle").content)
    assert told_in_words(folder, *words, after)[0] == 0

    code, report = run("verify", new)
    assert (code, report["outcome"]) == (0, "valid")
    [shown] = report["receipts"]
    assert shown["receipt"]["audience"] == granted.vendor.party
    assert [(one["verdict"], one["query"]["key"]) for one in shown["answers"]] == [("permitted", FILM_FILE)]
    assert SECRET["sha256"].encode() not in new.read_bytes()
    assert verify(after.read_bytes(), own_trust()).receipts == ()


SECRET = {"ref": "b", "sha256": "ab" * 32, "use": "search"}


def told_in_words(folder, *words):
    """Exit code and output of a command that has no JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = cli.main([*map(str, words), "--trust", str(folder / "trust.json")])
    return code, out.getvalue()


# Acknowledgements


def handed_in(cast, tmp_path, kind="withdrawal"):
    raw = noes.MADE[kind](cast, cast.studio)
    reply = noes.hand_in(cast, raw)
    assert reply.status_code == 202
    return kept(tmp_path / "reply.json", reply.content), kept(tmp_path / "statement.jws", raw)


@pytest.mark.parametrize("kind", noes.MADE)
def test_who_said_no_finds_it_in_the_log(cast, run, tmp_path, memory, kind):
    reply, statement = handed_in(cast, tmp_path, kind)
    cast.publish()
    code, told = run("log", "ack", reply, "--log", public_folder(), "--statement", statement)
    assert (code, told["outcome"], told["evidence"]) == (0, "logged", None)
    token = kept(tmp_path / "ack.jws", json.loads(reply.read_bytes())["acknowledgement"].encode())
    assert run("log", "ack", token, "--log", public_folder())[0] == 0
    assert not memory.exists()


def test_who_said_no_and_is_not_found_has_the_evidence(cast, run, tmp_path, memory):
    reply, statement = handed_in(cast, tmp_path, "refusal")
    Pending.objects.filter(state="pending").delete()
    cast.refuse(cast.stranger)
    cast.publish()
    code, told = run("log", "ack", reply, "--log", public_folder(), "--statement", statement)
    assert (code, told["outcome"]) == (4, "not_due")
    cast.wait(60)
    cast.refuse(cast.stranger)
    cast.publish()
    code, told = run("log", "ack", reply, "--log", public_folder(), "--statement", statement)
    assert (code, told["outcome"]) == (5, "withdrawal_unlogged")
    [folder] = memory.iterdir()
    assert told["evidence"] == str(folder)
    assert (folder / "acknowledgement.jws").read_text() == json.loads(reply.read_bytes())["acknowledgement"]
    [checkpoint] = folder.glob("checkpoint-*")
    assert checkpoint.read_bytes() == (public_folder() / "log" / "checkpoint").read_bytes()


def test_what_is_no_acknowledgement_is_a_mistake_in_usage(cast, run, tmp_path):
    cast.publish()
    for content in (b"", b"{}", b'{"acknowledgement":null}', b"a.b.c", cast.sign(cast.studio, "refusal", {})):
        path = kept(tmp_path / "ack", content)
        assert run("log", "ack", path, "--log", public_folder())[0] == 2


def over_http(path):
    """What a web server makes of the public folder."""
    file = public_folder() / path.lstrip("/")
    return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")


def test_both_read_the_log_over_http_too(granted, run, tmp_path):
    reply = kept(tmp_path / "receipt.json", ask(granted, receipt="true").content)
    anchor(granted)
    no, _ = handed_in(granted, tmp_path)
    granted.publish()
    with serving(over_http) as url:
        code, told = run("receipt", "verify", reply, "--log", url)
        assert (code, [step["code"] for step in told["steps"] if not step["ok"]]) == (0, [])
        assert run("log", "ack", no, "--log", url)[0] == 0
        (public_folder() / "log" / "checkpoint").unlink()
        assert run("log", "ack", no, "--log", url)[0] == 4


def test_people_are_told_in_words(cast, capsys, tmp_path, folder):
    reply, _ = handed_in(cast, tmp_path)
    cast.publish()
    trust = str(folder / "trust.json")
    assert cli.main(["log", "ack", str(reply), "--log", str(public_folder()), "--trust", trust]) == 0
    assert capsys.readouterr().out.startswith("logged: event ")


def test_receipts_for_people_are_told_in_words(granted, capsys, tmp_path, folder):
    reply = kept(tmp_path / "reply.json", ask(granted, receipt="true").content)
    words = ["receipt", "verify", str(reply), "--log", str(public_folder()), "--trust", str(folder / "trust.json")]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("valid: receipt sha256:")
    assert "permitted: granted for sha256:" in out
    steps = [line.split()[:3] for line in out.splitlines()[1:6]]
    assert steps == [[str(n), "ok", code] for n, code in enumerate(CODES, 1)]
