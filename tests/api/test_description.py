"""The API description: valid, complete, and its examples are true."""

import json

import jsonschema
import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from api import urls
from tests import scenario
from tests.api.conftest import post


@pytest.fixture
def described(client):
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    return response.json()


def test_the_description_is_valid_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "api.yaml"))
    assert (tmp_path / "api.yaml").stat().st_size


def test_it_is_openapi_3_1_1_and_valid(described):
    assert described["openapi"] == "3.1.1"
    validate_schema(json.loads(json.dumps(described)))


def test_every_address_of_the_api_is_described(described):
    addresses = {
        f"/{pattern.pattern}".replace("<str:", "{").replace(">", "}")
        for pattern in urls.urlpatterns
        if str(pattern.pattern).startswith("api/v1/")
    }

    assert set(described["paths"]) == addresses - {"/api/v1/openapi.json"}


# What is read with an API key only: it concerns one party.
ONE_PARTYS = {"/api/v1/suggestions", "/api/v1/work-changes"}


def test_what_needs_a_key_says_so(described):
    for address, operations in described["paths"].items():
        for method, told in operations.items():
            public = method == "get" and address not in ONE_PARTYS and not address.startswith("/api/v1/offers")
            public = public or address in {"/api/v1/decisions", "/api/v1/statements"}
            assert ({"apiKey": []} in told["security"]) != public, (method, address)


def examples(operation):
    return {
        name: example["value"]
        for name, example in operation["responses"]["200"]["content"]["application/json"]["examples"].items()
    }


def test_the_examples_of_yes_refusal_and_no_record_are_true(described, public, client):
    operations = described["paths"]["/api/v1/decisions"]
    asked = operations["post"]["requestBody"]["content"]["application/json"]["examples"]["Batch"]["value"]
    told = post(client, "/api/v1/decisions", asked).json()
    expected = examples(operations["post"])["Batch"]

    assert told["decisions"] == expected["decisions"]
    assert told["checkpoint"].keys() == expected["checkpoint"].keys()
    assert [one["reason"] for one in told["decisions"]] == ["granted", "use_not_granted", "no_record"]


def test_the_examples_of_the_single_question_are_true(described, public, client):
    operations = described["paths"]["/api/v1/decisions"]
    asked = operations["post"]["requestBody"]["content"]["application/json"]["examples"]["Batch"]["value"]
    single = list(examples(operations["get"]).values())
    for query, expected in zip(asked["queries"], single, strict=True):
        members = {**asked["defaults"], **query}
        del members["ref"]
        told = client.get("/api/v1/decisions", members).json()
        assert {**told, "checkpoint": None} == {**expected, "checkpoint": None}


def test_answers_have_the_form_that_is_described(described, public, client):
    asked = {"queries": [{"ref": "a", **scenario.QUESTION}, {"ref": "b"}]}
    batch = post(client, "/api/v1/decisions", asked)
    single = client.get("/api/v1/decisions", scenario.QUESTION)
    malformed = post(client, "/api/v1/decisions", b"{")
    bucket = client.get("/api/v1/buckets/ab")

    for response, name in ((batch, "Decisions"), (single, "OneDecision"), (malformed, "Problem"), (bucket, "Bucket")):
        check(described, name, response.json())


def check(described, name, value):
    """Hold a value against a schema of the description."""
    registry = Registry().with_resource("urn:api", DRAFT202012.create_resource(described))
    validator = jsonschema.Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
    validator.validate(value)
