"""``sign list``: a person reads what it is, agrees, and has a whole file of signed statements, or none at all."""

import io
import json

import pytest

from priorconsent import canonical, cli, lists, times
from priorconsent.cli import sign_list
from priorconsent.keys import read_key_record
from tests.contract.test_cli import new_key, run, trust_file
from tests.scenario import REGISTRY, STUDIO, VENDOR
from tests.unit.test_lists import CLAIM, SHARES

__all__ = ["new_key", "run", "trust_file"]

pytestmark = pytest.mark.filterwarnings("ignore::priorconsent.cli.keyfile.PlaintextKeyWarning")


def work(number):
    return f"urn:uuid:00000000-0000-4000-8000-{number:012x}"


def line(number, like=CLAIM, of=None, **other):
    """A line for a work; ``of``: members of its body that are not as usual."""
    body = {**like["body"], **(of or {}), "work": work(number)}
    return {**like, "listed_at": times.now(), "work": work(number), "title": f"題{number}", "body": body, **other}


@pytest.fixture
def listing(tmp_path, new_key, run):
    """Writes lines as a list and signs it; gives code, output and what was complained of."""

    def sign(given, *more, party=STUDIO):
        source = tmp_path / "list.jsonl"
        source.write_bytes(b"".join(canonical.encode(one) + b"\n" for one in given))
        asked = ["sign", "list", source, "--key", new_key[0], "--party", party]
        return run(*asked, *more, trusted=None)

    return sign


@pytest.fixture
def terminal(monkeypatch):
    """Somebody sits there and types."""

    def typing(text):
        stdin = io.StringIO(text)
        stdin.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", stdin)

    return typing


def read_signed(path):
    return [lists.read_signed(raw) for raw in path.read_bytes().splitlines()]


def test_every_line_is_signed_for_thirty_days_under_a_nonce_of_its_own(listing, tmp_path, new_key):
    out = tmp_path / "signed.jsonl"
    given = [line(1), line(2), line(3, SHARES)]
    assert listing(given, "--out", out, "--yes")[0] == 0
    signed = read_signed(out)
    record = read_key_record(new_key[0].with_name("studio.pem.json").read_bytes())
    for one, told in zip(signed, given, strict=True):
        record.jwk.verify(one._compact.signature, one._compact.signed)
        assert (one.statement.body, one.statement.registry) == (told["body"], REGISTRY)
        assert one.statement.not_after == times.plus(one.statement.at, 30 * 86400)
    assert len({one.statement.nonce for one in signed}) == 3
    assert out.stat().st_mode & 0o777 == 0o644


def test_the_summary_says_what_is_signed_before_anybody_agrees(listing, tmp_path, terminal):
    holders = [{"party": party, "right": "copyright"} for party in (STUDIO, VENDOR)]
    source = {"complete": False, "links": [{"rel": "based_on", "work": None}]}
    shared = [line(3, SHARES, {"holders": holders}), line(4, SHARES, source, nobody=["Studio B"])]
    games = line(2, CLAIM, {"kind": "game"}, kind="game")
    terminal("no\n")
    code, printed, complained = listing([line(1), games, *shared], "--out", tmp_path / "signed.jsonl")
    assert code == 2
    assert "nothing was signed" in complained
    assert not (tmp_path / "signed.jsonl").exists()
    for said in (
        f"4 statements of {STUDIO}",
        f"for the registry {REGISTRY}",
        "claim   2 works, as their registrant: film 1, game 1",
        "shares  of 2 works: film 2",
        "complete: 1; not complete, so nothing can be granted: 1",
        f"copyright held by {STUDIO}: 2",
        f"copyright held by {VENDOR}: 1",
        "based_on a work that is not registered: 1",
        "stand for no party: 1",
        f"first   題1 ({work(1)})",
        f"last    題4 ({work(4)})",
        "each lapses at ",
    ):
        assert said in printed


def test_whoever_types_the_number_has_agreed(listing, tmp_path, terminal):
    terminal("2\n")
    assert listing([line(1), line(2)], "--out", tmp_path / "signed.jsonl")[0] == 0
    assert len(read_signed(tmp_path / "signed.jsonl")) == 2


def test_where_nobody_can_be_asked_nothing_is_signed_without_yes(listing, tmp_path):
    code, _, complained = listing([line(1)], "--out", tmp_path / "signed.jsonl")
    assert code == 2
    assert "add --yes" in complained
    assert not (tmp_path / "signed.jsonl").exists()


@pytest.mark.parametrize(
    ("given", "more", "said"),
    [
        ([], [], "the list is empty"),
        ([line(1), line(2, SHARES, party=VENDOR)], [], "line 2, /party: for party"),
        ([line(1), line(2, registry=canonical.digest(b"other"))], [], "line 2, /registry: for registry"),
        ([line(1), line(2, colour="red")], [], "line 2: Object contains unknown field `colour`; list anew"),
        ([line(1), line(2, listed_at="2026-01-01T00:00:00Z")], [], "line 2, /listed_at: listed at 2026-01-01"),
        ([line(1), line(1)], [], "line 2: line 1 has a statement of type claim for this work too; keep one"),
        ([line(1), line(2, SHARES)], ["--only", "claim"], "line 2, /type: a statement of type shares among"),
        ([line(1)], ["--not-after", "2026-01-01T00:00:00Z"], "not_after must lie within 400 days"),
    ],
)
def test_a_list_that_is_not_what_it_says_is_not_signed_at_all(listing, tmp_path, given, more, said):
    code, _, complained = listing(given, "--out", tmp_path / "signed.jsonl", "--yes", *more)
    assert code == 2
    assert said in complained
    assert {path.name for path in tmp_path.iterdir()} <= {"list.jsonl", "studio.pem", "studio.pem.json", "trust.json"}


def test_a_list_is_signed_once_and_into_a_file_that_was_said(listing, tmp_path):
    out = tmp_path / "signed.jsonl"
    assert "--out OUT" in listing([line(1)], "--yes")[2]
    assert listing([line(1)], "--out", out, "--yes")[0] == 0
    before = out.read_bytes()
    code, _, complained = listing([line(1)], "--out", out, "--yes")
    assert code == 2
    assert "is not overwritten" in complained
    assert out.read_bytes() == before


def test_a_list_that_changes_after_it_was_read_is_not_signed(listing, tmp_path, monkeypatch):
    path = tmp_path / "list.jsonl"

    def swap(_total):
        path.write_bytes(canonical.encode(line(9)) + b"\n")

    monkeypatch.setattr(sign_list, "_ask", swap)
    code, _, complained = listing([line(1)], "--out", tmp_path / "signed.jsonl")
    assert code == 2
    assert "changed while it was signed" in complained
    assert not (tmp_path / "signed.jsonl").exists()


def test_a_title_cannot_play_tricks_on_the_terminal(listing, tmp_path):
    _, printed, _ = listing([line(1, title="a\u001b[2Jb")], "--out", tmp_path / "signed.jsonl", "--yes")
    assert "a\\u001b[2Jb" in printed


def test_the_options_of_a_list_are_for_lists(run, new_key, tmp_path):
    file = tmp_path / "claim.json"
    file.write_text(json.dumps(CLAIM["body"]))
    code, printed, complained = run(
        "sign", "claim", file, "--key", new_key[0], "--party", STUDIO, "--yes", trusted=None
    )
    assert (code, printed) == (2, "")
    assert "are for a list" in complained


def test_an_overview_names_the_commands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "hand-in" in capsys.readouterr().out
