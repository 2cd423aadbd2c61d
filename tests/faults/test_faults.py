"""A table of faults: whatever write fails, whoever comes next finishes, and nothing of what was said is taken back.

The writes are found by watching one real run of each scene, so that a new one stands in the table by itself. After
each fault, readers find everything that the public checkpoint needs; whoever comes next finishes; then log, map,
public files, what was signed and what was handed out to people are checked from the beginning.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from signal import SIGKILL

import pytest

from priorconsent import times
from tests.faults.registry import Registry, registry_in
from tests.faults.writes import PENDING, TAKE_NO_ROOM

# Processes and databases are the test's own; the mark says that it concerns both engines.
pytestmark = pytest.mark.django_db

DAY_1, DAY_2 = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"
# What a registry does, and from where. What an earlier one writes too is struck there.
SCENES = {"sweep": "left", "found": "empty", "request": "left"}
# Whoever comes next comes in time for the witnesses, or so late that they want another checkpoint.
SOON_S, LATE_S = 30, 3600
WORKERS = 2


@dataclass(frozen=True)
class Case:
    """One write of one scene."""

    scene: str
    number: int
    name: str

    @property
    def act(self) -> str:
        """What is done, as the system or the database calls it."""
        return self.name.split()[0]

    @property
    def lasts(self) -> bool:
        """Whether it leaves something that another process, or a later one, would find."""
        return self.act != "fsync" and not self.name.endswith(PENDING)


# Where two faults would leave the same, one of them is enough.
FAULTS = {
    "fails": lambda case: case.act != "open",
    "fails after": lambda case: case.lasts and case.act not in {"open", "mkdir"},
    "full": lambda case: case.act not in {"fsync", *TAKE_NO_ROOM},
    "killed": lambda case: case.lasts and case.act not in {"open", "mkdir"},
}


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    """Several of the same kind, so that more than one processor has work."""
    with ExitStack() as opened, ThreadPoolExecutor(WORKERS) as pool:
        folders = [tmp_path_factory.mktemp("faults") for _ in range(WORKERS)]
        yield list(pool.map(lambda folder: opened.enter_context(prepared(folder)), folders))


@contextmanager
def prepared(folder):
    with registry_in(folder, os.environ.get("DATABASE_URL"), DAY_1) as made:
        made.must("found")
        made.must("open stage")
        made.save("open")
        made.clock.now = DAY_2
        made.must("leave")
        made.save("left")
        yield made


@pytest.fixture(scope="module")
def registry(registries):
    return registries[0]


@pytest.fixture(scope="module")
def writes(registry):
    """By scene, whatever it writes when nothing fails."""
    found = {}
    for scene in SCENES:
        begin(registry, scene)
        told = registry.must(scene)
        assert not told["unseen"], "these got past the wrappers"
        found[scene] = told["writes"]
    return found


@pytest.fixture(scope="module")
def cases(writes):
    """Each kind of write once, and each commit of the longest scene."""
    known, found = set(), []
    for scene, names in writes.items():
        for number, name in enumerate(names, 1):
            kind = kind_of(name)
            if kind not in known or (scene == "sweep" and name == "COMMIT"):
                known.add(kind)
                found.append(Case(scene, number, name))
    return found


def kind_of(name):
    """Without what is invented anew each time: names of drafts, digests, sizes."""
    act, _, where = name.partition(" ")
    where = re.sub(r"(^|/)\.(?!lock)[^/]+", r"\1draft", where)
    return f"{act} {re.sub(r'[0-9a-f]{16,}|[0-9]+', '#', where)}"


def begin(registry, scene):
    registry.restore(SCENES[scene])
    registry.clock.now = DAY_2
    return registry


def strike(registry, fault, case):
    """What went wrong; ``None``: nothing."""
    begin(registry, case.scene)
    [told] = registry.do(case.scene, fault=fault, strike=case.number)
    if fault == "killed":
        assert told["status"] == -SIGKILL
    else:
        assert kind_of(told["writes"][case.number - 1]) == kind_of(case.name)
    recover(registry, case.scene, late=case.number % 2 == 1)


def recover(registry, scene, *, late=False):
    registry.clock.now = times.plus(DAY_2, LATE_S if late else SOON_S)
    registry.must("recover", scene=scene, submitted=[note.hex() for note in registry.witness.notes])


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_whoever_comes_next_finishes(registries, cases, subtests, fault):
    struck = [case for case in cases if FAULTS[fault](case)]
    assert len(struck) > 20
    free: SimpleQueue[Registry] = SimpleQueue()
    for one in registries:
        free.put(one)

    def try_one(case):
        registry = free.get()
        try:
            strike(registry, fault, case)
        except AssertionError as error:
            return str(error)
        finally:
            free.put(registry)
        return ""

    with ThreadPoolExecutor(len(registries)) as pool:
        for case, wrong in zip(struck, pool.map(try_one, struck), strict=True):
            with subtests.test(scene=case.scene, number=case.number, write=case.name):
                assert not wrong, wrong


# Room left, in KiB: from none to enough for everything.
ROOM_KIB = (0, 4, 12, 20, 32, 48, 64, 96, 128, 512)


@pytest.fixture
def disk(registry):
    """A small disk of its own for the data folder; gives how to leave so much room on it."""
    mounted = os.geteuid() == 0 and mount("size=64m", registry.data).returncode == 0
    if not mounted:
        pytest.skip("only root can mount a small disk, and not everywhere")

    def leave(room_kib):
        found = os.statvfs(registry.data)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
        assert mount(f"remount,size={used + room_kib}k", registry.data).returncode == 0

    yield leave
    subprocess.run(["umount", registry.data], check=True)


def mount(options, folder):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)


def test_a_disk_that_is_really_full_costs_nothing_but_time(registry, disk):
    ended = []
    for room in ROOM_KIB:
        mount("remount,size=64m", registry.data)
        begin(registry, "sweep")
        disk(room)
        ended += registry.do("sweep")
        mount("remount,size=64m", registry.data)
        recover(registry, "sweep")
    assert [one["status"] for one in ended][::9] == [1, 0], "the first finds no room, the last enough"
    assert any(re.search("No space left|disk is full", one.get("error", "")) for one in ended)


def test_the_table_knows_every_place_that_is_written_to(writes):
    """Should a write move out of the watched folder, or its kind be renamed, this notices."""
    seen = {kind_of(name) for names in writes.values() for name in names}
    assert {
        "COMMIT ", "INSERT transparency_event (pending)", "UPDATE transparency_checkpoint", "UPDATE signed",
        "link signed.sqlite#", "replace public/log/tile/#/#.p/#", "replace public/blob/sha#/#",
        "replace public/evidence/sha#/#", "replace public/log/checkpoint", "replace changes/#-#.sqlite",
        "replace public/snapshots/#.sqlite", "replace public/snapshots/latest.json",
        "replace public/timestamps/#/#.tsr", "INSERT transparency_timestamp (pending)",
        "UPDATE transparency_acknowledged", "INSERT transparency_givenreceipt", "link keys/grant.pem",
        "replace trust.json",
    } <= seen  # fmt: skip


@pytest.mark.parametrize("strike", [0, 5, 20, 40])
def test_of_several_sequencers_at_once_one_wins(registry, strike):
    """Processes of their own; the last row also ends one of them in the midst of its work."""
    begin(registry, "sweep")
    ended = registry.do("sweep", "killed" if strike else "none", strike, together=3)
    # All three are killed at the same write of their own; those that came late wrote less.
    assert {one["status"] for one in ended} <= {0, -SIGKILL}
    recover(registry, "sweep")


def test_several_requests_at_once_lose_nothing(registry):
    begin(registry, "request")
    ended = registry.do("request", together=3)
    assert [one["status"] for one in ended] == [0, 0, 0], ended
    recover(registry, "request")


# What comes back old, or goes; what the operator is told; what brings the log back.
BACKUPS = {
    "database": ("events were signed, but only 16 are here|saw 20 events, .* only 16 events are here", "newer"),
    "database, public files": ("saw 20 events, .* only 16 events are here", "newer"),
    "database, store": ("saw 20 events, .* only 16 events are here", "newer"),
    "database, public files, store": ("saw 20 events, .* only 16 events are here", "newer"),
    "public files": (None, None),
    "store": ("20 events were signed, and .* knows of 16", "resume"),
    "store gone": ("20 events were signed, and .* is gone", "resume"),
    "store damaged": ("is damaged", "resume"),
}


@pytest.fixture(scope="module")
def swept(registry):
    """Four events more than in the backup; saved as ``swept``."""
    begin(registry, "sweep")
    registry.must("sweep")
    registry.save("swept")
    return registry


@pytest.mark.parametrize("parts", BACKUPS)
def test_an_old_backup_is_refused_and_the_operator_told_how_to_go_on(swept, parts):
    told, way_out = BACKUPS[parts]
    swept.restore("swept")
    swept.clock.now = times.plus(DAY_2, 86_400)
    signed = swept.signed
    for part in parts.split(", "):
        swept.bring_back("open", part)
    if told is not None:
        refused(swept, told)
        assert swept.signed == signed
    if way_out == "resume":
        swept.must("resume")
    elif way_out == "newer":
        # Nor does anybody get around it by forgetting.
        swept.bring_back("open", "store gone")
        [ended] = swept.do("resume")
        assert "only 16" in ended["error"]
        for part in {"store", *parts.split(", ")}:
            swept.bring_back("swept", part)
    swept.must("sweep")
    notes = [note.hex() for note in swept.witness.notes]
    swept.must("check", submitted=notes, alarms=["restored_backup"])


def refused(registry, told):
    [ended] = registry.do("sweep")
    assert ended["status"] == 1
    [(code, detail)] = registry.must("alarms")["found"]
    assert code == "restored_backup"
    assert re.search(told, detail), detail
    assert detail in ended["error"]
    assert detail.endswith("docs/guides/restoring.md says how to go on")
