"""What a root holder types, on a machine that has nothing but the wheel."""

import sys

import pytest

from priorconsent import cli
from priorconsent.ceremony.finishing import SignatureFile, finish
from priorconsent.keys import Keyset, read_keyset
from priorconsent.signing import pkcs8
from tests.unit.test_ceremony import FOREVER, keyset, plan_text, public
from tests.unit.test_key_files import PASSPHRASE
from tests.world import key


@pytest.fixture
def run(capsys, tmp_path):
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    (tmp_path / "passphrase").chmod(0o600)

    def call(*words):
        code = cli.main(["keyset", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def payload(tmp_path):
    """The payload of a first keyset, whose root "studio" lies encrypted in a file."""
    (tmp_path / "payload.json").write_bytes(keyset().encode() + b"\n")
    write_root(tmp_path / "studio.pem", "studio")
    return tmp_path / "payload.json"


def write_root(path, name):
    path.write_bytes(pkcs8.encode(key(name)._key, PASSPHRASE))
    path.chmod(0o600)


def opened(tmp_path):
    return ("--passphrase-file", tmp_path / "passphrase")


def test_a_root_key_is_made_encrypted_and_tells_its_public_half(run, tmp_path):
    code, out, err = run("root", "--key", tmp_path / "root.pem", *opened(tmp_path))
    assert code == 0
    assert out.startswith("public:")
    assert "fingerprint " in err
    assert (tmp_path / "root.pem").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    again = run("root", "--existing", "--key", f"file:{tmp_path}/root.pem", *opened(tmp_path))
    assert again == (code, out, err)
    code, _, err = run("root", "--key", tmp_path / "root.pem", *opened(tmp_path))
    assert (code, "not overwritten" in err) == (2, True)


def test_a_root_key_may_lie_in_a_token(run, tmp_path, softhsm):
    token = softhsm.token("holder")
    code, out, _ = run("root", "--key", softhsm.text(token, "root"))
    assert (code, out.startswith("public:")) == (0, True)
    named = plan_text(roots=("publisher",), threshold=1).replace(public("publisher").encode(), out.strip().encode())
    made = keyset_from(named)
    (tmp_path / "payload.json").write_bytes(made.encode())
    code, _, err = run("sign", tmp_path / "payload.json", "--key", softhsm.text(token, "root"), "--digest", made.digest)
    assert code == 0, err
    [path] = tmp_path.glob("*.sig")
    assert finish(made, None, {path.name: path.read_bytes()})[0]


def keyset_from(plan):
    from priorconsent.ceremony.plan import keyset_of, read_plan
    from priorconsent.keys import jwk_of

    return keyset_of(read_plan(plan), lambda planned: jwk_of(planned.uri.key), None)  # type: ignore[union-attr]


def test_without_a_passphrase_there_is_no_root_key(run, tmp_path):
    code, _, err = run("root", "--key", tmp_path / "root.pem")
    assert (code, "no terminal to ask at" in err) == (4, True)
    assert not (tmp_path / "root.pem").exists()


def test_whoever_sits_at_a_terminal_is_asked_twice_for_a_new_passphrase(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    answers = ["one long passphrase", "another passphrase", "one long passphrase", "one long passphrase"]
    monkeypatch.setattr("getpass.getpass", lambda _prompt: answers.pop(0))
    code, _, err = run("root", "--key", tmp_path / "root.pem")
    assert (code, "the two differ" in err) == (2, True)
    assert run("root", "--key", tmp_path / "root.pem")[0] == 0
    assert not answers


def test_a_keyset_is_shown_in_words(run, payload):
    code, out, _ = run("show", payload)
    assert code == 0
    for text in ("2 of these 3", keyset().digest, key("grant").jwk.thumbprint):
        assert text in out


def test_signing_shows_asks_and_leaves_one_file(run, payload, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: "yes")
    code, out, err = run("sign", payload, "--key", tmp_path / "studio.pem", *opened(tmp_path))
    assert code == 0
    assert f"You would sign as root {key('studio').jwk.thumbprint}" in out
    [path] = tmp_path.glob("*.sig")
    assert str(path) in err
    assert SignatureFile.parse(path.read_bytes().strip()).digest == keyset().digest
    # A second one would be the same, and is not written over the first.
    assert run("sign", payload, "--key", tmp_path / "studio.pem", *opened(tmp_path))[0] == 2


@pytest.mark.parametrize("answer", ["no", "", "y", "Yes"])
def test_anything_but_yes_signs_nothing(run, payload, tmp_path, monkeypatch, answer):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    code, _, err = run("sign", payload, "--key", tmp_path / "studio.pem", *opened(tmp_path))
    assert (code, "not signed" in err) == (2, True)
    assert not list(tmp_path.glob("*.sig"))


def test_with_nobody_to_ask_the_digest_that_was_compared_is_needed(run, payload, tmp_path):
    signing = ("sign", payload, "--key", tmp_path / "studio.pem", *opened(tmp_path))
    assert run(*signing)[0] == 2
    code, _, err = run(*signing, "--digest", "sha256:" + "0" * 64)
    assert (code, keyset().digest in err) == (2, True)
    assert not list(tmp_path.glob("*.sig"))
    assert run(*signing, "--digest", keyset().digest)[0] == 0
    assert len(list(tmp_path.glob("*.sig"))) == 1


def test_a_key_that_is_no_root_signs_nothing(run, payload, tmp_path):
    write_root(tmp_path / "stranger.pem", "stranger")
    code, _, err = run(
        "sign", payload, "--key", tmp_path / "stranger.pem", "--digest", keyset().digest, *opened(tmp_path)
    )
    assert (code, "is no root" in err) == (2, True)


def test_a_keyset_that_nobody_should_sign_is_not_signed(run, payload, tmp_path):
    bad = keyset(keys=FOREVER[:2])
    payload.write_bytes(bad.encode())
    signing = ("sign", payload, "--key", tmp_path / "studio.pem", "--digest", bad.digest, *opened(tmp_path))
    code, _, err = run(*signing)
    assert (code, "no receipt key" in err) == (2, True)


def test_the_next_keyset_is_signed_beside_the_one_that_it_follows(run, payload, tmp_path):
    first = keyset()
    raw, _ = finish(first, None, {name: signature(first, name) for name in ("studio", "publisher")})
    (tmp_path / "previous.json").write_bytes(raw)
    following = keyset(first, threshold=1)
    payload.write_bytes(following.encode())
    signing = ("sign", payload, "--key", tmp_path / "studio.pem", "--digest", following.digest, *opened(tmp_path))
    code, _, err = run(*signing)
    assert (code, "--previous" in err) == (2, True)
    code, out, _ = run(*signing, "--previous", tmp_path / "previous.json")
    assert (code, "THRESHOLD CHANGES from 2 to 1" in out) == (0, True)
    (tmp_path / "made-up.json").write_bytes(keyset(threshold=1).encode())
    for action in (signing, ("show", payload)):
        code, out, err = run(*action, "--previous", tmp_path / "made-up.json")
        assert (code, out, "it follows the keyset" in err) == (2, "", True)


def signature(made, name):
    from priorconsent.ceremony.finishing import sign_apart

    return sign_apart(made, key(name)).encode()


def test_a_chain_of_keysets_is_verified(run, tmp_path):
    first = keyset()
    raw, _ = finish(first, None, {name: signature(first, name) for name in ("studio", "publisher")})
    following = keyset(first, threshold=1)
    next_raw, _ = finish(following, first, {name: signature(following, name) for name in ("studio", "association")})
    for name, content in (("1.json", raw), ("2.json", next_raw)):
        (tmp_path / name).write_bytes(content)
    code, out, _ = run("check", tmp_path / "1.json", tmp_path / "2.json")
    assert (code, out.splitlines()[-1]) == (0, f"registry {first.digest}")
    assert run("check", tmp_path / "2.json")[0] == 4
    (tmp_path / "2.json").write_bytes(next_raw.replace(b'"signature":"', b'"signature":"A', 1))
    assert run("check", tmp_path / "1.json", tmp_path / "2.json")[0] in {2, 4}
    assert read_keyset(raw, None) == Keyset.parse(first.encode())


def test_a_root_key_in_a_plain_file_is_refused(run, payload, tmp_path):
    (tmp_path / "studio.pem").write_bytes(pkcs8.encode(key("studio")._key, None))
    code, _, err = run("sign", payload, "--key", tmp_path / "studio.pem", "--digest", keyset().digest)
    assert (code, "a root key has a passphrase" in err) == (4, True)
