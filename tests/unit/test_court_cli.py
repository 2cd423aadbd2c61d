"""The commands that a court and a monitor type."""

import json

import pytest

from priorconsent.cli import main
from priorconsent.court.verify import TITLES
from tests import scenario as cast
from tests.court_world import granted, honest, withdrawn
from tests.serving import serving

IN_FORCE = "2026-12-11T00:00:00Z"


@pytest.fixture
def trust(tmp_path):
    path = tmp_path / "trust.json"
    path.write_bytes(cast.trust().encode())
    return str(path)


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(withdrawn())
    return path


def run(capsys, *words):
    code = main([str(word) for word in words])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("at", "code", "outcome"),
    [
        ("2026-12-11T00:00:00Z", 0, "valid"),
        ("2027-03-01T00:00:00Z", 3, "valid"),
        ("2027-04-01T00:00:00Z", 4, "inconclusive"),
    ],
)
def test_verify_tells_the_outcome_by_its_exit_code(capsys, bundle, trust, at, code, outcome):
    found, out = run(capsys, "verify", bundle, "--trust", trust, "--at", at, "--json")
    report = json.loads(out)
    assert (found, report["outcome"], report["permitted"]) == (code, outcome, code == 0)
    assert len(report["steps"]) == len(TITLES)
    assert any("quorum none" in line for line in report["assumptions"])


def test_verify_of_a_broken_bundle_exits_with_5(capsys, bundle, trust):
    bundle.write_bytes(granted()[:-1])
    code, out = run(capsys, "verify", bundle, "--trust", trust)
    assert code == 5
    assert [line[5:11].strip() for line in out.splitlines()[1:16]] == ["FAILED"] + ["-"] * 14


def test_every_step_is_printed_with_its_code(capsys, bundle, trust, tmp_path):
    page = tmp_path / "report.html"
    _, out = run(capsys, "verify", bundle, "--trust", trust, "--report", page)
    lines = out.splitlines()[1 : len(TITLES) + 1]
    assert [line.split()[:3] for line in lines] == [[str(number), "ok", code] for number, code in enumerate(TITLES, 1)]
    assert len({line.index(title) for line, title in zip(lines, TITLES.values(), strict=True)}) == 1
    assert all(f"<td>{code}</td>" in page.read_text(encoding="utf-8") for code in TITLES)


def test_verify_says_as_of_when_it_answers(capsys, bundle, trust):
    _, out = run(capsys, "verify", bundle, "--trust", trust)
    [assumed] = [line for line in out.splitlines() if "last checkpoint" in line]
    [answer] = [line for line in out.splitlines() if line.startswith("not_permitted")]
    instant = assumed.split("at ")[1].split(",")[0]
    assert f"withdrawn as of {instant} for" in answer


@pytest.mark.parametrize(("command", "told"), [("verify", "last checkpoint"), ("check", "default now")])
def test_help_says_which_instant_is_taken(capsys, command, told):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert told in " ".join(capsys.readouterr().out.split())


def test_verify_without_a_trust_file_exits_with_4(capsys, bundle, tmp_path):
    assert run(capsys, "verify", bundle)[0] == 4
    assert run(capsys, "verify", bundle, "--trust", tmp_path / "none.json")[0] == 4


def test_verify_answers_what_is_asked_and_writes_a_report(capsys, bundle, trust, tmp_path):
    page = tmp_path / "report.html"
    options = ("--trust", trust, "--at", IN_FORCE, "--territory", "FR", "--report", page)
    code, out = run(capsys, "verify", bundle, *options)
    assert code == 3
    assert "territory_not_granted" in out
    assert "quorum none" in page.read_text(encoding="utf-8")


def test_a_report_takes_the_place_of_no_other_file(capsys, bundle, trust):
    evidence = bundle.read_bytes()
    assert main(["verify", str(bundle), "--trust", str(trust), "--report", str(bundle)]) == 2
    assert f"{bundle} exists and is not overwritten" in capsys.readouterr().err
    assert bundle.read_bytes() == evidence


def test_a_file_that_is_not_there_is_named_without_the_words_of_the_machine(capsys, tmp_path, trust):
    assert main(["verify", str(tmp_path / "none.zip"), "--trust", str(trust)]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.zip'}: No such file or directory\n"


def test_an_instant_that_is_none_is_a_mistake_in_usage(capsys, bundle, trust):
    assert run(capsys, "verify", bundle, "--trust", trust, "--at", "now")[0] == 2


def test_fsck_of_a_folder(capsys, trust, tmp_path):
    folder = honest().publish(tmp_path / "published")
    code, out = run(capsys, "log", "fsck", folder, "--trust", trust, "--json")
    assert (code, json.loads(out)["outcome"]) == (0, "clean")
    (folder / "log" / "checkpoint").write_bytes(b"")
    code, out = run(capsys, "log", "fsck", folder, "--trust", trust)
    assert code == 5
    assert "wrong: checkpoint" in out
    assert run(capsys, "log", "fsck", tmp_path / "nothing", "--trust", trust)[0] == 4
    assert run(capsys, "log", "fsck", folder)[0] == 4


def test_fsck_of_a_registry_over_http(capsys, trust, tmp_path):
    folder = honest().publish(tmp_path / "published")

    def answer(path):
        file = folder / path.removeprefix("/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")

    with serving(answer) as url:
        code, out = run(capsys, "log", "fsck", url, "--trust", trust, "--json")
        assert (code, json.loads(out)["outcome"]) == (0, "clean")
        gone = honest().made.statements[18][0]
        (folder / "evidence" / gone.replace(":", "/")).unlink()
        code, out = run(capsys, "log", "fsck", url, "--trust", trust, "--json")
        assert (code, json.loads(out)["unchecked"]) == (4, [gone])
    assert run(capsys, "log", "fsck", url, "--trust", trust)[0] == 4
