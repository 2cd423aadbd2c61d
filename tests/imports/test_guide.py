"""The guide goes as it is written."""

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_docs import checkout_in, execute
from tests.realservers import free_port


def test_the_guide_to_catalogues_goes_as_it_is_written(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    guide = ROOT / "docs" / "guides" / "bring-your-catalogue.md"
    faults = execute(guide, checkout_in(tmp_path / "checkout"), work, free_port())

    assert not faults, "\n\n".join(faults)
