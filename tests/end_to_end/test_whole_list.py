"""3,236 real films and games, signed for by one registrant as a list, whatever is killed on the way."""

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.keys import create_api_key
from accounts.members import add_member
from accounts.models import Membership
from api.demo.cast import Role
from api.demo.stage import OPERATOR, Stage
from priorconsent import cli, lists, names, times
from priorconsent.cli.keyfile import PlaintextKeyWarning
from priorconsent.states import WorkState
from registry.imports.importing import Options, import_works
from registry.imports.mapping import read_map
from registry.models import ShareSet, Work
from tests.imports.conftest import MAPS, ROOT, real
from tests.realservers import free_port, listens
from tests.stage import folder
from transparency import sequencer
from transparency.append import sequenced_by_caller
from transparency.keysets import found_registry
from transparency.models import Alarm, Event, EvidenceItem
from transparency.store import current_states

__all__ = ["folder"]

WORKS = 3236
# All of them on SQLite; on PostgreSQL as many as it takes to be killed twice.
SIGNED = {"sqlite": WORKS, "postgresql": 1200}
SHARED = 300
SLOWEST_S = 400


class House:
    """A registry with one registrant and the catalogue, served by processes of their own."""

    def __init__(self, folder, base):
        self.folder, self.base, self.port = folder, base, free_port()
        now = times.now()
        with sequenced_by_caller(), warnings.catch_warnings():
            warnings.simplefilter("ignore", PlaintextKeyWarning)
            stage = Stage(found_registry(now), base / "keys", now, lambda _: None)
            stage.enter("archive", Role("organisation", {"en": "Archive"}))
            sequencer.run(now)
        self.party = stage.parties["archive"]
        self.servers = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self):
        database = "sqlite:///"
        if connection.vendor == "postgresql":
            database = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/"
        # Without Redis, whoever takes a piece also logs it.
        kept = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
        return {
            **kept,
            "DATABASE_URL": database + str(connection.settings_dict["NAME"]),
            "PRIORCONSENT_DATA": str(self.folder),
            "PRIORCONSENT_KEY_DIR": str(self.folder / "keys"),
            "PRIORCONSENT_BASE_URL": self.url,
            "SECRET_KEY": "of a test" * 8,
        }

    def serve(self):
        """A server that can be killed with all of its processes."""
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--no-ws"]
        with (self.base / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--backpressure", "8", "--blocking-threads", "2", "config.wsgi:application"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.servers.append(process)
        wait_for(lambda: listens(self.port), process)
        return process

    def end(self):
        for process in self.servers:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def sign(self, name):
        """The list of that name, signed."""
        out = self.base / f"{name}-signed.jsonl"
        asked = ["sign", "list", self.base / f"{name}.jsonl", "--key", self.base / "keys" / "archive.pem"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PlaintextKeyWarning)
            assert cli.main([*map(str, asked), "--party", self.party, "--out", str(out), "--yes"]) == 0
        return out

    def hand_in(self, path):
        command = [sys.executable, "-m", "priorconsent.cli", "hand-in", str(path), "--registry", self.url]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def house(folder, transactional_db, tmp_path, settings):
    settings.PRIORCONSENT_KEY_DELAY_S = 0
    house = House(folder, tmp_path)
    yield house
    house.end()


def wait_for(happens, process):
    begin = time.monotonic()
    while not happens():
        assert process.poll() is None, "it ended before its time"
        assert time.monotonic() - begin < SLOWEST_S
        time.sleep(0.02)


def logged(kind):
    return Event.objects.filter(t=kind).count()


def done(process):
    """What a client printed that ended well."""
    printed, complained = process.communicate(timeout=SLOWEST_S)
    assert process.returncode == 0, complained
    return printed


def test_thousands_of_real_works_come_into_the_log_once_each_although_client_and_server_are_killed(house, capsys):
    now = times.now()
    chart = read_map(MAPS / "media_arts.toml")
    path = real("media_arts_works.csv")
    import_works(OPERATOR, house.party, path, chart, Options(), lambda _: None, lambda _done, _all: None, now)
    call_command("works_to_sign", registrant=house.party, out=house.base / "claims.jsonl")
    listed = (house.base / "claims.jsonl").read_bytes().splitlines(keepends=True)
    assert len(listed) == WORKS
    size = SIGNED[connection.vendor]
    (house.base / "claims.jsonl").write_bytes(b"".join(listed[:size]))
    signed = house.sign("claims")
    summary = capsys.readouterr().out
    assert re.search(
        rf"claim   {size:,} works, as their registrant: (film|game) [0-9,]+, (film|game) [0-9,]+\n", summary
    )

    server = house.serve()
    client = house.hand_in(signed)
    wait_for(lambda: logged("work") > 0, client)
    client.kill()
    client.communicate()

    client = house.hand_in(signed)
    begun = logged("work")
    wait_for(lambda: logged("work") > begun, client)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    house.serve()
    counts = re.fullmatch(r"([0-9,]+) statements: ([0-9,]+) stored, ([0-9,]+) there already, 0 refused\n", done(client))
    assert counts is not None
    total, stored, there = (int(one.replace(",", "")) for one in counts.groups())
    assert (total, stored + there) == (size, size)
    assert 0 < there < size

    assert done(house.hand_in(signed)) == f"{size:,} statements: 0 stored, {size:,} there already, 0 refused\n"
    sequencer.sweep(times.now())
    works = [lists.read_unsigned(line).work for line in listed[:size]]
    log = current_states()
    log.load(map(names.work, works))
    assert all(log.state(names.work(work)) is not None for work in works)
    assert (logged("work"), Work.objects.exclude(claim="").count()) == (size, size)
    assert not EvidenceItem.objects.filter(pos=None).exists()

    shares_of_some(house)
    assert not Alarm.objects.exists()


def shares_of_some(house):
    """Shares go the same way, from a list that is fetched; no holder is named, so none is complete."""
    key = house.base / "api-key"
    key.touch(0o600)
    member = add_member("clerk@example.org", Membership.Role.SIGNER, UUID(house.party))
    key.write_text(create_api_key(member, label="lists", scopes=["write"], at=times.now())[1])
    asked = ["to-sign", "--registry", house.url, "--party", house.party, "--api-key", str(key)]
    assert cli.main([*asked, "--out", str(house.base / "shares.jsonl")]) == 0
    listed = (house.base / "shares.jsonl").read_bytes().splitlines(keepends=True)
    shares = [line for line in listed if b'"type":"shares"' in line]
    assert len(shares) == SIGNED[connection.vendor]
    (house.base / "shares.jsonl").write_bytes(b"".join(shares[:SHARED]))
    assert done(house.hand_in(house.sign("shares"))).startswith(f"{SHARED} statements: {SHARED} stored, ")
    sequencer.sweep(times.now())
    assert logged("share-set") == SHARED
    for line in shares[:SHARED:50]:
        state = current_states().state(names.work(lists.read_unsigned(line).work))
        assert isinstance(state, WorkState)
        assert state.share_set is not None
        assert not state.complete
    assert ShareSet.objects.exclude(state=ShareSet.State.PROPOSED).count() == SHARED
