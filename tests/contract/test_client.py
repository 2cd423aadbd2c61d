"""What a registry sends is fetched within budgets, and anything else is no answer."""

import contextlib
import hashlib

import pytest

from priorconsent import canonical, client
from priorconsent.client import Registry
from priorconsent.errors import MalformedError, NotTrustedError, UnreachableError
from tests.serving import serving

FILE = b"a snapshot, for all that the client knows"
LATEST = canonical.encode({"size": 22, "file": "22.sqlite", "sha256": hashlib.sha256(FILE).hexdigest()})


def files(**changes):
    found = {"/snapshots/latest.json": LATEST, "/snapshots/22.sqlite": FILE, "/log/checkpoint": b"note", **changes}
    return lambda path: (200, {}, found[path]) if path in found else (404, {}, b"")


@contextlib.contextmanager
def asking(answer):
    with serving(answer) as url, Registry(url) as registry:
        yield registry


def accept(path):
    assert path.read_bytes() == FILE


def refuse(path):
    raise NotTrustedError("not this one")


def test_a_snapshot_arrives_whole_and_only_then(tmp_path):
    seen = []
    with asking(files()) as registry:
        registry.fetch_snapshot(tmp_path / "s", accept, lambda done, total: seen.append((done, total)))
    assert (tmp_path / "s").read_bytes() == FILE
    assert seen[-1] == (len(FILE), len(FILE))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("body", [FILE[:-1], FILE + b"!", b""])
def test_another_file_than_announced_is_not_kept(tmp_path, body):
    with asking(files(**{"/snapshots/22.sqlite": body})) as registry, pytest.raises(UnreachableError):
        registry.fetch_snapshot(tmp_path / "s", accept)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_verify_is_not_kept_and_the_old_one_stays(tmp_path):
    (tmp_path / "s").write_bytes(b"old")
    with asking(files()) as registry, pytest.raises(NotTrustedError):
        registry.fetch_snapshot(tmp_path / "s", refuse)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("latest", [b"", b"{}", LATEST.replace(b"22.sqlite", b"../22.sqlite"), b'{"size":1}'])
def test_a_pointer_to_nowhere_is_refused(tmp_path, latest):
    with asking(files(**{"/snapshots/latest.json": latest})) as registry, pytest.raises(NotTrustedError):
        registry.fetch_snapshot(tmp_path / "s", accept)


def test_no_answer_is_unreachable():
    with serving(files()) as url:
        pass
    with Registry(url) as registry, pytest.raises(UnreachableError):
        registry.checkpoint()


@pytest.mark.parametrize("status", [204, 404, 429, 500])
def test_any_status_but_200_is_no_answer(status):
    with asking(lambda _: (status, {}, b"")) as registry, pytest.raises(UnreachableError, match=str(status)):
        registry.checkpoint()


def test_a_redirect_on_the_same_host_is_followed():
    moved = {"/log/checkpoint": (308, {"Location": "/elsewhere"}, b""), "/elsewhere": (200, {}, b"note")}
    with asking(moved.__getitem__) as registry:
        assert registry.checkpoint() == b"note"


def test_a_redirect_to_another_host_is_not_followed():
    with serving(files()) as other, asking(lambda path: (302, {"Location": other + path}, b"")) as registry:
        refused = pytest.raises(UnreachableError, match="another host")
        with refused:
            registry.checkpoint()


def test_redirects_in_a_circle_end():
    with (
        asking(lambda path: (302, {"Location": path}, b"")) as registry,
        pytest.raises(UnreachableError, match="redirects"),
    ):
        registry.checkpoint()


def test_more_than_the_budget_is_not_read(monkeypatch):
    monkeypatch.setattr(client, "MAX_NOTE_BYTES", 3)
    with asking(files()) as registry, pytest.raises(UnreachableError, match="more than 3"):
        registry.checkpoint()


def test_a_compressed_answer_that_nobody_asked_for_is_not_unpacked():
    with (
        asking(lambda _: (200, {"Content-Encoding": "gzip"}, b"x")) as registry,
        pytest.raises(UnreachableError, match="encoding"),
    ):
        registry.checkpoint()


def test_a_body_that_breaks_off_is_no_answer():
    with asking(lambda _: (200, {"Content-Length": "9"}, b"note")) as registry, pytest.raises(UnreachableError):
        registry.checkpoint()


@pytest.mark.parametrize(
    "url", ["", "registry.example", "ftp://registry.example", "http://registry.example", "https://r.example/?q=1"]
)
def test_only_https_or_this_machine_is_asked(url):
    with pytest.raises(MalformedError):
        Registry(url)
