"""However large a map is, who writes, verifies or follows it needs no more memory.

Measured in processes of their own, as the peak that the system saw; time plays no part.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import scenario
from tests.scenario import write_snapshot

ROOT = Path(scenario.__file__).parent.parent
# Files of some 10 and 31 MB: both larger than what SQLite keeps in memory.
SMALL, LARGE = 3_000, 9_000
# Who follows also keeps the tree above the buckets, which grows until each bucket has a name.
SLACK_KIB = {"build": 6_000, "verify": 6_000, "follow": 14_000}

# Not ``getrusage``: what that tells includes the memory of the process that started this one.
PROGRAM = """
import sys
from pathlib import Path
from tests.unit.test_memory import ACTS

act, count, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
ACTS[act](path, count)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""


def leaves(count):
    """Names under one state of 3.5 kB, which is in memory once."""
    from priorconsent import canonical

    claims = [{"level": "E3", "party": urn(n), "work": urn(n)} for n in range(30)]
    state = canonical.encode({"claims": claims, "pos": 12, "since": "2026-12-01T00:00:00Z"})
    return {f"sha256:{number:064x}": state for number in range(count)}


def urn(number):
    return f"urn:uuid:00000000-0000-4000-8000-{number:012x}"


def build(path, count):
    write_snapshot(path, leaves(count))


def verify(path, count):
    from priorconsent.snapshot import open_verified

    open_verified(path, scenario.trust(), None).close()


def follow(path, count):
    from priorconsent.current_map import CurrentMap

    with CurrentMap(path, scenario.trust()) as whole:
        changed = write_snapshot(
            path.with_suffix(".step"), dict(list(leaves(50).items())[:50]), **scenario.publish(leaves(count), padding=1)
        )
        whole.advance(changed)
        assert whole.counts.total() == count


ACTS = {"build": build, "verify": verify, "follow": follow}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    for count in (SMALL, LARGE):
        build(folder / str(count), count)
    return folder


@pytest.mark.parametrize("act", ACTS)
def test_memory_does_not_grow_with_the_map(files, act):
    peaks = []
    for count in (SMALL, LARGE):
        words = [sys.executable, "-c", PROGRAM, act, str(count), str(files / str(count))]
        done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    lengths = [(files / str(count)).stat().st_size for count in (SMALL, LARGE)]
    assert lengths[1] - lengths[0] > 1.4 * SLACK_KIB[act] * 1024
    assert peaks[1] - peaks[0] < SLACK_KIB[act], peaks
