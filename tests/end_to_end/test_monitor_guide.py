"""The page for holders who watch goes as it is written, on the demo."""

import json
import sys
from pathlib import Path

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_docs import execute


def test_the_guide_to_watching_goes_as_it_is_written(demo, tmp_path):
    folder = demo.data.parent
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(Path(sys.prefix))
    faults = execute(ROOT / "docs" / "guides" / "monitor.md", folder, tmp_path, demo.running.port)
    assert not faults, "\n\n".join(faults)

    told = [json.loads(line) for line in (folder / "reports.jsonl").read_text().splitlines()]
    assert {"party", "party-key", "work", "alias", "share-set", "grant", "supersede"} <= {one["code"] for one in told}
    assert {one["kind"] for one in told} == {"event"}
