"""Makes bundles in ``vectors/bundles``, a trust file, and ``answers.json``: ``python -m tests.bundle_vectors``.

``answered.zip`` has a receipt. ``stamped.zip`` is the bundle of scenario 1 for a reader who asks for everything:
witnesses of both kinds, and a time-stamp. A stranger has stamped it too, earlier, and one token is no token.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from priorconsent import times
from priorconsent.court.verify import verify
from priorconsent.trust import read_trust
from tests import scenario as cast
from tests.answering import asked_and_withdrawn
from tests.court_world import honest
from tests.tsa import make_authority
from tests.unit.test_witnessed_evidence import ASKS, countersigned

BUNDLES = Path(__file__).parent / "vectors" / "bundles"
FIRST, LAST = cast.SIZES["B"], cast.SIZES["C"]
WITNESSED_S, STAMPED_S = 5, 90
TRUST = {"withdrawn.zip": "trust.json", "answered.zip": "trust.json", "stamped.zip": "stamped-trust.json"}
INSTANTS = [
    "2026-12-10T11:59:59Z",
    *(times.plus(cast.BATCH_B, seconds) for seconds in (0, 4, 5, 89, 90, 600)),
    "2027-02-28T23:59:59Z",
    *(times.plus(cast.BATCH_C, seconds) for seconds in (0, 5, 6)),
]


def make() -> tuple[bytes, bytes]:
    """The stamped bundle, and whom to trust."""
    with tempfile.TemporaryDirectory() as folder:
        authority = make_authority(Path(folder) / "one")
        stranger = make_authority(Path(folder) / "two", "Stranger")
        stamped = honest().stamped(
            FIRST,
            LAST,
            lambda text: authority.stamp(text, times.parse(times.plus(cast.BATCH_B, STAMPED_S))),
            lambda text: stranger.stamp(text, times.parse(cast.BATCH_A)),
            lambda text: text,
        )
        raw = honest().bundle(FIRST, LAST, FIRST - 2, stamped)
    trust = cast.trust(log_policy=ASKS.text(), tsa_ca=(authority.root,))
    return countersigned(raw, own=0, w1=WITNESSED_S), trust.encode()


def answers() -> dict[str, dict[str, Any]]:
    """Of each bundle at each instant: ``invalid``, ``inconclusive``, or the reason of the decision."""
    return {name: {at: answer(name, at) for at in INSTANTS} for name in TRUST}


def answer(name: str, at: str) -> str:
    report = verify((BUNDLES / name).read_bytes(), read_trust((BUNDLES / TRUST[name]).read_bytes()), at=at)
    return next((one.reason for one in report.decisions.values()), report.outcome)


if __name__ == "__main__":
    raw, trust = make()
    (BUNDLES / "answered.zip").write_bytes(asked_and_withdrawn()[1])
    (BUNDLES / "stamped.zip").write_bytes(raw)
    (BUNDLES / "stamped-trust.json").write_bytes(trust)
    (BUNDLES / "answers.json").write_text(json.dumps(answers(), indent=1) + "\n", encoding="utf-8")
