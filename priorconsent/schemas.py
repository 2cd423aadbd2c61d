"""One JSON Schema (2020-12) per record, made from the very types that read it.

``python -m priorconsent.schemas FOLDER`` writes them; ``docs/spec/schemas`` holds what it wrote. A
schema says the form of a record; canonical form, sorted lists and the rules between members are prose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from priorconsent import (
    acknowledgements,
    events,
    grants,
    keys,
    lists,
    offers,
    receipts,
    rights,
    shares,
    statements,
    states,
)
from priorconsent.court.receipt_file import ShownReceipt
from priorconsent.monitor import reports
from priorconsent.records import Record

RECORDS: dict[str, type[Record]] = {
    "keyset": keys.Keyset,
    "key-record": keys.KeyRecord,
    "statement": statements.Statement,
    "offer": offers.Offer,
    "grant": grants.Credential,
    "share-set": shares.ShareSet,
    "rights-table": rights.RightsTable,
    "acknowledgement": acknowledgements.Acknowledgement,
    "receipt": receipts.Receipt,
    "receipt-answer": receipts.AnswerLeaf,
    "receipt-in-bundle": ShownReceipt,
    "report": reports.Report,
    "unsigned-line": lists.UnsignedLine,
    "signed-line": lists.SignedLine,
    "outcomes": lists.Outcomes,
    "work-state": states.WorkState,
    "alias-state": states.AliasState,
    "query-state": states.QueryState,
    "party-state": states.PartyState,
    "grant-state": states.GrantState,
    "keyset-state": states.KeysetState,
    "rights-table-state": states.RightsTableState,
    **{f"event-{events.tag_of(kind)}": kind for kind in events.TYPES},
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a record by its name in ``RECORDS``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:prior-consent:schema:v1:{name}",
        **msgspec.json.schema(RECORDS[name]),
    }


def write(folder: Path) -> None:
    """Write every schema as a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RECORDS:
        text = json.dumps(schema(name), indent=2, ensure_ascii=False, sort_keys=True)
        folder.joinpath(f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
