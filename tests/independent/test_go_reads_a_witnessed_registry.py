"""What a registry publishes with its witnesses' lines, read by a verifier built on Go's transparency log packages."""

import subprocess

import pytest

from priorconsent import times
from transparency import publisher, sequencer
from transparency.files import public_folder
from transparency.models import Event
from transparency.policies import verifiers


@pytest.fixture
def published(witnessed):
    older = publisher.read_checkpoint()
    assert older is not None
    (public_folder() / "older").write_bytes(older)
    for unit in witnessed.everything_up_to_the_offer():
        unit.append()
    sequencer.run(times.now())
    return public_folder()


def run(tlogcheck, published, keys, *options):
    asked = [word for key in keys for word in ("-witness", key.vkey())]
    log = published / "log"
    command = [tlogcheck, *asked, *options, log, log / "checkpoint", verifiers()[0].vkey()]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_go_accepts_the_log_and_the_lines_of_its_witnesses(tlogcheck, published, witnesses):
    text = (published / "log" / "checkpoint").read_text()
    signed = [one.keys[0] for one in witnesses if f"— {one.name} " in text]
    assert len(signed) >= 2
    seen = run(tlogcheck, published, signed[:2], "-old", published / "older")
    assert seen.stdout.startswith(f"PASS: {Event.objects.count()} entries, 1 older checkpoints"), seen.stdout
    assert "3 signatures" in seen.stdout


def test_go_misses_the_line_of_a_witness_that_was_not_asked(tlogcheck, published, witnesses, tmp_path):
    from tests.witnesses import W1

    seen = run(tlogcheck, published, [W1.cosigner])
    assert (seen.returncode, "FAIL" in seen.stdout) == (1, True)
