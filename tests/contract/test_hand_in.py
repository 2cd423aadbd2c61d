"""``hand-in`` against a registry that answers, fails, cuts off or lies; and ``to-sign``."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from priorconsent import canonical, cli, delivery, lists
from priorconsent.cli import hand_in as command
from priorconsent.client import Registry
from priorconsent.errors import UnreachableError
from priorconsent.lists import Outcome, Outcomes
from tests.contract.test_sign_list import line
from tests.scenario import REGISTRY, STUDIO, VECTOR

KEY = "pc_" + "ab" * 6 + "_" + "cd" * 32
JWS = next(one["jws"] for one in VECTOR["statements"] if one["type"] == "claim")


class Registrar:
    """A registry that keeps what was handed in, and does to each request what the script says next."""

    def __init__(self, *script):
        self.script = list(script)
        self.kept = set()
        self.requests = []

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.requests.append((handler.path, dict(handler.headers), body))
        act = self.script.pop(0) if self.script else "take"
        if act == "cut before":
            handler.close_connection = True
            return
        if act in {"503", "422"}:
            send(handler, int(act), canonical.encode({"title": "No.", "detail": "Because.", "status": int(act)}))
            return
        outcomes = [self.take(number, raw) for number, raw in enumerate(body.splitlines(), 1)]
        if act == "cut after":
            handler.close_connection = True
            return
        if act == "shuffle":
            outcomes.reverse()
        send(handler, 200, b"[]" if act == "nonsense" else told(outcomes))

    def take(self, number, raw):
        statement = json.loads(raw)["statement"]
        is_there = statement in self.kept
        self.kept.add(statement)
        return Outcome(
            line=number,
            outcome="there" if is_there else "stored",
            type="claim",
            evidence=canonical.digest(statement.encode()),
            code=None,
            detail=None,
            pointer=None,
            says="x",
        )


class Refusing(Registrar):
    """A registry that refuses every other line."""

    def take(self, number, raw):
        taken = super().take(number, raw)
        if number % 2:
            return taken
        return Outcome(
            line=number,
            outcome="refused",
            type="claim",
            evidence=taken.evidence,
            code="conflict",
            detail="the work is registered already",
            pointer="/body/work",
            says="Fetch a new list.",
        )


def told(outcomes):
    counts = {name: sum(one.outcome == name for one in outcomes) for name in ("stored", "there", "refused")}
    return Outcomes(outcomes=tuple(outcomes), **counts).encode()


def send(handler, status, body):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def serving(registrar):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            registrar.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(
        command, "deliver", lambda registry, piece, api_key: delivery.deliver(registry, piece, api_key, (0.0, 0.0))
    )


@pytest.fixture
def signed(tmp_path):
    """A signed list of seven lines; three make a piece."""

    def write(count=7):
        path = tmp_path / "signed.jsonl"
        # Another signature makes another statement; nobody looks whether it verifies before it is handed in.
        statements = [f"{JWS.rpartition('.')[0]}.{canonical.to_base64url(bytes([n]) * 64)}" for n in range(count)]
        path.write_bytes(b"".join(canonical.encode({"statement": one}) + b"\n" for one in statements))
        return path

    return write


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(lists, "MAX_LINES_AT_ONCE", 3)


@pytest.fixture
def run(capsys):
    def call(*words):
        code = cli.main([*map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.usefixtures("small_pieces")
def test_a_list_goes_in_pieces_and_is_counted(run, signed):
    registrar = Registrar()
    with serving(registrar) as url:
        assert run("hand-in", signed(), "--registry", url) == (
            0,
            "7 statements: 7 stored, 0 there already, 0 refused\n",
            "",
        )
        assert run("hand-in", signed(), "--registry", url)[1] == "7 statements: 0 stored, 7 there already, 0 refused\n"
    path, headers, body = registrar.requests[0]
    assert (path, headers["content-type"], body.count(b"\n")) == ("/api/v1/statements", "application/jsonl", 3)
    assert "authorization" not in {name.lower() for name in headers}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("fault", ["cut before", "cut after", "503", "nonsense", "shuffle"])
def test_what_a_cut_or_a_fault_leaves_open_is_tried_again_and_nothing_is_done_twice(run, signed, fault):
    registrar = Registrar("take", fault, "take")
    with serving(registrar) as url:
        code, printed, _ = run("hand-in", signed(), "--registry", url)
    assert code == 0
    assert len(registrar.kept) == 7
    there = 3 if fault in {"cut after", "nonsense", "shuffle"} else 0
    assert printed == f"7 statements: {7 - there} stored, {there} there already, 0 refused\n"


@pytest.mark.usefixtures("small_pieces")
def test_a_registry_that_stays_away_ends_it_and_the_same_command_goes_on(run, signed):
    registrar = Registrar("take", *["cut before"] * 6)
    with serving(registrar) as url:
        code, printed, complained = run("hand-in", signed(), "--registry", url)
        assert (code, printed) == (4, "")
        assert "3 of 7 are handed in, run the same again for all" in complained
        registrar.script = []
        assert run("hand-in", signed(), "--registry", url)[1] == "7 statements: 4 stored, 3 there already, 0 refused\n"


def test_what_the_registry_will_not_take_at_all_is_not_tried_again(run, signed):
    registrar = Registrar("422")
    with serving(registrar) as url:
        code, _, complained = run("hand-in", signed(), "--registry", url)
    assert code == 2
    assert "refused (422): No. Because." in complained
    assert len(registrar.requests) == 1


@pytest.mark.usefixtures("small_pieces")
def test_what_is_refused_is_told_by_its_line_and_reported_in_full(run, signed, tmp_path):
    report = tmp_path / "report.jsonl"
    with serving(Refusing()) as url:
        code, printed, complained = run("hand-in", signed(70), "--registry", url, "--report", report)
    assert code == 3
    assert printed == "70 statements: 47 stored, 0 there already, 23 refused\n"
    refused = [json.loads(text) for text in report.read_text().splitlines()]
    assert [one["line"] for one in refused] == [3 * piece + 2 for piece in range(23)]
    shown = complained.splitlines()
    assert shown[0] == "line 2, /body/work: conflict: the work is registered already. Fetch a new list."
    assert len(shown) == command.MOST_REFUSALS_SHOWN + 1
    assert shown[-1] == f"and 3 more: in {report}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the list is empty"),
        (b'{"statement": "x"}\n', "line 1: not a compact JWS"),
        (canonical.encode({"statement": JWS}) + b"\n{\n", "line 2: not JSON"),
        (canonical.encode(line(1)) + b"\n", "line 1: Object contains unknown field `body`"),
    ],
)
def test_a_file_that_is_no_signed_list_is_not_begun(run, tmp_path, content, said):
    path = tmp_path / "signed.jsonl"
    path.write_bytes(content)
    registrar = Registrar()
    with serving(registrar) as url:
        code, _, complained = run("hand-in", path, "--registry", url)
    assert code == 2
    assert said in complained
    assert not registrar.requests


class OtherStatements(Registrar):
    def take(self, number, raw):
        return super().take(number, raw.replace(b"A", b"B"))


class OtherLines(Registrar):
    def take(self, number, raw):
        return super().take(number + 1, raw)


@pytest.mark.parametrize(
    ("liar", "said"), [(OtherStatements, "about other statements"), (OtherLines, "does not match the lines")]
)
def test_an_answer_about_something_else_is_not_believed(signed, liar, said):
    with serving(liar()) as url, Registry(url) as registry, signed().open("rb") as source:
        [piece] = delivery.pieces(source)
        with pytest.raises(UnreachableError, match=said):
            delivery.deliver(registry, piece, None, ())


@pytest.mark.parametrize("text", ["-----BEGIN PRIVATE KEY-----", "pc_12", ""])
def test_a_file_without_an_api_key_is_sent_nowhere(run, signed, tmp_path, text):
    key = tmp_path / "key"
    key.write_text(text)
    key.chmod(0o600)
    registrar = Registrar()
    with serving(registrar) as url:
        code, _, complained = run("hand-in", signed(), "--registry", url, "--api-key", key)
    assert code == 2
    assert "is sent nowhere" in complained
    assert not registrar.requests


def test_an_api_key_is_sent_as_bearer_and_kept_from_others(run, signed, tmp_path):
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o644)
    registrar = Registrar()
    with serving(registrar) as url:
        assert "chmod 600" in run("hand-in", signed(), "--registry", url, "--api-key", key)[2]
        key.chmod(0o600)
        assert run("hand-in", signed(), "--registry", url, "--api-key", key)[0] == 0
    assert registrar.requests[0][1]["authorization"] == f"Bearer {KEY}"


# to-sign


class Lister(Registrar):
    """A registry with pages of what to sign."""

    def __init__(self, *pages):
        super().__init__()
        self.pages = pages

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(body)
        page = int(body["after"])
        following = str(page + 1) if page + 1 < len(self.pages) else None
        send(handler, 200, canonical.encode({"items": self.pages[page], "next": following}))


@pytest.fixture
def listing(run, tmp_path):
    key = tmp_path / "api-key"
    key.write_text(KEY)
    key.chmod(0o600)

    def fetch(registrar, *more):
        asked = ["to-sign", "--party", STUDIO, "--api-key", key, "--out", tmp_path / "list.jsonl"]
        with serving(registrar) as url:
            return run(*asked, "--registry", url, *more)

    return fetch


def test_the_pages_of_what_to_sign_become_one_list(listing, tmp_path):
    parties = tmp_path / "parties.toml"
    parties.write_text(f'"Studio A" = "{STUDIO}"\n', encoding="utf-8")
    registrar = Lister([line(1), line(2)], [], [line(3, nobody=["Studio B"])])
    code, printed, complained = listing(registrar, "--parties", parties)
    assert (code, printed) == (0, f"3 to sign: {tmp_path / 'list.jsonl'}\n")
    assert complained == "1 names stand for no party; see nobody in the list, and --parties\n"
    with (tmp_path / "list.jsonl").open("rb") as source:
        expected = lists.Expected(REGISTRY, STUDIO, line(1)["listed_at"])
        assert len(list(lists.unsigned(source, expected))) == 3
    assert registrar.requests[0] == {
        "registrant": STUDIO,
        "parties": [{"name": "Studio A", "party": STUDIO}],
        "after": "0",
    }


@pytest.mark.parametrize("page", [[{}], [line(1, party="x")], [{**line(1), "work": line(2)["work"]}]])
def test_an_answer_that_is_no_page_leaves_no_list(listing, tmp_path, page):
    code, _, complained = listing(Lister([line(1)], page))
    assert code != 0
    assert complained
    assert not (tmp_path / "list.jsonl").exists()


@pytest.mark.parametrize("text", ["x", '"a" = 1', '"a" = "1"\n"a" = "2"'])
def test_a_file_of_parties_that_means_nothing_is_refused(listing, tmp_path, text):
    parties = tmp_path / "parties.toml"
    parties.write_text(text)
    registrar = Lister([line(1)])
    assert listing(registrar, "--parties", parties)[0] == 2
    assert not registrar.requests
