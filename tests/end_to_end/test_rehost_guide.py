"""The page for whoever takes a registry over goes as it is written, on what the demo has published."""

import shutil

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_docs import checkout_in, execute
from tests.realservers import free_port


def test_the_guide_to_going_on_elsewhere_goes_as_it_is_written(demo, tmp_path):
    checkout = checkout_in(tmp_path / "checkout")
    # What the old operator handed over: the demo itself goes on.
    for name in ("public", "keys", "trust.json"):
        copy = shutil.copytree if (demo.data / name).is_dir() else shutil.copy
        (checkout / "var").mkdir(exist_ok=True)
        copy(demo.data / name, checkout / "var" / name)
    work = tmp_path / "work"
    work.mkdir()
    faults = execute(ROOT / "docs" / "guides" / "rehost.md", checkout, work, free_port())
    assert not faults, "\n\n".join(faults)
