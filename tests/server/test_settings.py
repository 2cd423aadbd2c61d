"""The environment is read in one place, and a malformed value stops the start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.env import SETTINGS, SettingError, StandInWarning, read_environment, warn_of_stand_in
from config.values import BASE_DIR
from tests.witnesses import W1

SECRET = "s" * 40
WITNESS = W1.cosigner.vkey()


def test_nothing_set_gives_a_laptop():
    values = read_environment({})

    assert values["PRIORCONSENT_DATA"] == BASE_DIR / "var"
    assert values["PRIORCONSENT_KEY_DIR"] == BASE_DIR / "var" / "keys"
    assert values["PRIORCONSENT_ORIGIN"] == "localhost/prior-consent/1"
    assert values["PRIORCONSENT_BASE_URL"] == "http://127.0.0.1:8000"
    assert values["PRIORCONSENT_KEY_DELAY_S"] == 259_200
    assert values["PRIORCONSENT_FRESH_FOR_S"] == 86_400
    assert values["PRIORCONSENT_DEBUG"] is False
    assert values["DATABASE_URL"]["NAME"] == str(BASE_DIR / "var" / "db.sqlite3")
    assert values["REDIS_URL"] is None
    assert values["SECRET_KEY"] is None


def test_the_folder_of_keys_follows_the_folder_of_data():
    assert read_environment({"PRIORCONSENT_DATA": "/srv/pc"})["PRIORCONSENT_KEY_DIR"] == Path("/srv/pc/keys")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PRIORCONSENT_DATA", ""),
        ("PRIORCONSENT_ORIGIN", "localhost"),
        ("PRIORCONSENT_ORIGIN", "Localhost/prior-consent/1"),
        ("PRIORCONSENT_ORIGIN", "localhost/prior-consent/01"),
        ("PRIORCONSENT_ORIGIN", "localhost/prior consent/1"),
        ("PRIORCONSENT_BASE_URL", "registry.example"),
        ("PRIORCONSENT_BASE_URL", "https://registry.example/"),
        ("PRIORCONSENT_BASE_URL", "https://user@registry.example"),
        ("PRIORCONSENT_BASE_URL", "https://registry.example:99999"),
        ("PRIORCONSENT_BASE_URL", "https://registry.example:"),
        ("PRIORCONSENT_BASE_URL", "https://Registry.example"),
        ("PRIORCONSENT_BASE_URL", "https://[::1"),
        ("PRIORCONSENT_BASE_URL", "ftp://registry.example"),
        ("PRIORCONSENT_KEY_DELAY_S", "3 days"),
        ("PRIORCONSENT_KEY_DELAY_S", "-1"),
        ("PRIORCONSENT_KEY_DELAY_S", "1e3"),
        ("PRIORCONSENT_KEY_DELAY_S", "٣"),
        ("PRIORCONSENT_KEY_DELAY_S", "999999999"),
        ("PRIORCONSENT_FRESH_FOR_S", "0"),
        ("PRIORCONSENT_WITNESS_POLICY", "/etc/witnesses.policy"),
        ("PRIORCONSENT_WITNESS_POLICY", "quorum w1"),
        ("PRIORCONSENT_WITNESS_POLICY", f"witness w {WITNESS} w.example\nquorum w"),
        ("PRIORCONSENT_WITNESS_POLICY", f"witness w {WITNESS} ftp://w.example\nquorum w"),
        ("PRIORCONSENT_WITNESS_POLICY", f"witness w {WITNESS} https://user@w.example\nquorum w"),
        ("PRIORCONSENT_WITNESS_POLICY", f"witness w {WITNESS}\nquorum w"),
        ("PRIORCONSENT_SIGNED_STORE", ""),
        ("PRIORCONSENT_SIGNED_STORE", "/srv/"),
        ("PRIORCONSENT_TSA_URLS", "tsa.example"),
        ("PRIORCONSENT_TSA_URLS", "https://tsa.example https://tsa.example"),
        ("PRIORCONSENT_TSA_CA", "ca.pem"),
        ("PRIORCONSENT_TSA_CA", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        ("PRIORCONSENT_STAMP_EVERY_S", "0"),
        ("PRIORCONSENT_DEBUG", "1"),
        ("PRIORCONSENT_DEBUG", "True"),
        ("PRIORCONSENT_ALLOWED_HOSTS", "*"),
        ("PRIORCONSENT_ALLOWED_HOSTS", "registry.example:8000"),
        ("PRIORCONSENT_LOG_LEVEL", "loud"),
        ("DATABASE_URL", "mysql://u@h/n"),
        ("DATABASE_URL", "postgresql://u@h"),
        ("DATABASE_URL", "postgresql://u@h:port/n"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "localhost:6379"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", ""),
    ],
)
def test_a_malformed_value_stops_the_start_and_names_the_variable(name, text):
    with pytest.raises(SettingError, match=f"^{name}: expected "):
        read_environment({name: text})


def test_a_setting_with_a_slip_of_the_pen_is_refused_with_the_one_meant():
    with pytest.raises(SettingError, match="PRIORCONSENT_KEYDIR is not a setting; is PRIORCONSENT_KEY_DIR meant"):
        read_environment({"PRIORCONSENT_KEYDIR": "/srv/keys"})


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")

    assert read_environment({"SECRET_KEY_FILE": str(file)})["SECRET_KEY"] == SECRET


def test_a_secret_in_a_file_and_in_the_environment_is_refused(tmp_path):
    with pytest.raises(SettingError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        read_environment({"SECRET_KEY": SECRET, "SECRET_KEY_FILE": str(tmp_path / "secret")})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"^SECRET_KEY_FILE: .* cannot be read"):
        read_environment({"SECRET_KEY_FILE": str(tmp_path / "nothing")})


@pytest.mark.parametrize(
    "text", ["postgresql://user:x@host:hunter2/name", "postgresql://[hunter2/name", "postgresql://u:hunter2℀@h/n"]
)
def test_a_refusal_never_shows_a_password(text):
    with pytest.raises(SettingError) as refused:
        read_environment({"DATABASE_URL": text})

    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_database_url_is_decoded_once():
    database = read_environment({"DATABASE_URL": "postgresql://u%40x:p%2Fw@db:5433/name?sslmode=require"})[
        "DATABASE_URL"
    ]

    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == ("u@x", "p/w", "db", "5433")
    assert (database["NAME"], database["OPTIONS"]) == ("name", {"sslmode": "require"})


def test_the_documentation_lists_the_settings_of_the_table():
    page = (BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)

    shown = [(s.name, f"`{s.default}`" if s.default else "none", s.meaning) for s in SETTINGS]
    assert documented == shown


def test_nobody_else_in_the_server_reads_the_environment():
    ours = ("config", "api", "licences", "accounts", "registry", "transparency")
    readers = [
        str(path.relative_to(BASE_DIR))
        for folder in ours
        for path in (BASE_DIR / folder).rglob("*.py")
        # Handing all of it on to a program that one starts is no reading.
        if re.search(r"(?<!\*\*os\.)\benviron\b|\bgetenv\b", path.read_text(encoding="utf-8"))
    ]

    assert readers == ["config/env.py"]


def test_a_stand_in_warns_in_one_sentence_without_a_line_of_ours():
    program = "from config.env import warn_of_stand_in; warn_of_stand_in('something stands in')"
    done = subprocess.run([sys.executable, "-c", program], cwd=BASE_DIR, capture_output=True, text=True, check=True)

    assert done.stderr == "warning: something stands in\n"


def test_a_stand_in_keeps_its_class():
    with pytest.warns(StandInWarning, match="something stands in"):
        warn_of_stand_in("something stands in")


def test_witnesses_are_read_from_a_file(tmp_path):
    (tmp_path / "policy").write_text(f"# ours\nwitness w {WITNESS} https://w.example/below\nquorum w\n")
    found = read_environment({"PRIORCONSENT_WITNESS_POLICY_FILE": str(tmp_path / "policy")})
    assert found["PRIORCONSENT_WITNESS_POLICY"].quorum == "w"
