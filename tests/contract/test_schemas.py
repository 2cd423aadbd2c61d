"""The JSON Schemas in docs/spec are those of the code, and they fit what scenario 1 holds."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from priorconsent import schemas

FOLDER = Path(__file__).parents[2] / "docs" / "spec" / "schemas"
SCENARIO = json.loads((Path(__file__).parents[1] / "vectors" / "scenario-1.json").read_text(encoding="utf-8"))


def test_every_record_has_a_schema_in_the_docs_and_no_other_is_there():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(schemas.RECORDS)


@pytest.mark.parametrize("name", sorted(schemas.RECORDS))
def test_the_schema_in_the_docs_is_that_of_the_code(name):
    written = json.loads(FOLDER.joinpath(f"{name}.json").read_text(encoding="utf-8"))
    assert written == schemas.schema(name), "run: python -m priorconsent.schemas docs/spec/schemas"


def _records():
    for text in SCENARIO["events"]:
        event = json.loads(text)
        yield f"event-{event['t']}", event
    for statement in SCENARIO["statements"]:
        yield "statement", json.loads(statement["jcs"])
    for text in SCENARIO["share_set_docs"].values():
        yield "share-set", json.loads(text)
    for text in SCENARIO["key_records"].values():
        yield "key-record", json.loads(text)
    yield "offer", json.loads(SCENARIO["offer"])
    yield "grant", json.loads(SCENARIO["grant_payload"])


@pytest.mark.parametrize(("name", "record"), list(_records()))
def test_the_schema_accepts_what_scenario_1_holds_and_refuses_an_unknown_member(name, record):
    validator = jsonschema.Draft202012Validator(schemas.schema(name))
    validator.validate(record)
    assert not validator.is_valid({**record, "surprise": 1})
    assert not validator.is_valid({member: record[member] for member in list(record)[1:]})
