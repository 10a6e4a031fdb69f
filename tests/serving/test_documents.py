from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from features.contract import DECISIONS, OUTCOMES
from serving.app import build_app
from serving.bodies import BODY_TYPES
from serving.documents import openapi_page
from serving.examples import (
    ASSIGN_ANSWER,
    ASSIGN_REQUEST,
    EXPOSURE_ANSWER,
    OUTCOMES_ANSWER,
    OUTCOMES_REQUEST,
    PROBLEM,
    RANK_ANSWER,
    RANK_REQUEST,
)
from serving.openapi import openapi_document
from serving.operations import OPERATIONS, Operation
from serving.payload import (
    OutcomesAnswer,
    OutcomesRequest,
    ProblemAnswer,
    RankAnswer,
    RankRequest,
)
from serving.shift_payload import AssignAnswer, AssignRequest, ExposureAnswer
from serving.tables import ARROW
from serving.visit import Front
from tests.serving.conftest import Caller

ROUTES = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_every_route_is_in_every_document(operation: Operation) -> None:
    described = openapi_document()["paths"][operation.path][operation.method.lower()]
    assert described["summary"] == operation.summary
    told = {int(status) for status in described["responses"]}
    assert told >= {operation.success, *operation.refusals}
    assert f"{operation.method} {operation.path}" in openapi_page()
    assert f"`{operation.method} {operation.path}`" in ROUTES.read_text(encoding="utf-8")


def test_every_route_of_the_application_is_an_operation(front: Front) -> None:
    known = {re.sub(r"\{.*", "", operation.path) for operation in OPERATIONS}
    served = {re.sub(r"\{.*", "", getattr(route, "path", "")) for route in build_app(front).routes}
    assert served - known == {"/", "/reports"}


def test_the_document_is_valid_openapi() -> None:
    document = msgspec.json.decode(msgspec.json.encode(openapi_document()))
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every content of the document by where it stands."""
    for path, methods in openapi_document()["paths"].items():
        for method, described in methods.items():
            places = {"request": described.get("requestBody", {}), **described["responses"]}
            for name, place in places.items():
                for media_type, content in place.get("content", {}).items():
                    yield f"{method} {path} {name} {media_type}", content


def test_every_json_body_has_an_example_that_keeps_its_schema() -> None:
    schemas = openapi_document()["components"]["schemas"]
    seen = 0
    for place, content in contents():
        if not place.endswith("json") or place.split()[1].endswith(".json"):
            continue
        assert content["examples"], place
        schema = {"components": {"schemas": schemas}, **content["schema"]}
        for example in content["examples"].values():
            errors = OAS31Validator(schema).iter_errors(example["value"])
            assert [error.message for error in errors] == [], place
            seen += 1
    assert seen > 40


def test_headers_and_content_types_are_described() -> None:
    rank = openapi_document()["paths"]["/v1/rank"]["post"]
    assert list(rank["requestBody"]["content"]) == list(BODY_TYPES)
    assert list(rank["responses"]["200"]["content"]) == ["application/json", ARROW]
    assert {"Idempotency-Replayed", "X-Request-ID"} <= set(rank["responses"]["200"]["headers"])
    assert "Retry-After" in rank["responses"]["503"]["headers"]
    told = msgspec.json.encode(rank["parameters"]).decode()
    assert "idempotency_key" in told
    assert all(f'"{name}"' in told for name in ("capacity", "minutes"))


def test_answers_keep_the_schemas_of_the_document(admin: Caller) -> None:
    schemas = openapi_document()["components"]["schemas"]
    admin.post("/v1/rank", json=RANK_REQUEST)
    for path in ("/v1/model", "/v1/plan", "/v1/decisions/{decision_id}", "/v1/exposure"):
        described = openapi_document()["paths"][path]["get"]["responses"]["200"]["content"]
        schema = {"components": {"schemas": schemas}, **described["application/json"]["schema"]}
        answer = admin.get(path.replace("{decision_id}", "d-1001"))
        assert answer.status_code == 200
        OAS31Validator(schema).validate(answer.json())


def test_references_of_the_document_lead_somewhere() -> None:
    document = openapi_document()
    text = msgspec.json.encode(document).decode()
    names = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert names <= set(document["components"]["schemas"])


def test_rows_are_described_by_the_contract() -> None:
    schemas = openapi_document()["components"]["schemas"]
    assert set(schemas["decisions"]["properties"]) == set(DECISIONS.by_name)
    assert set(schemas["outcomes"]["properties"]) == set(OUTCOMES.by_name)


@pytest.mark.parametrize(
    ("example", "structure"),
    [
        (RANK_REQUEST, RankRequest),
        (RANK_ANSWER, RankAnswer),
        (OUTCOMES_REQUEST, OutcomesRequest),
        (OUTCOMES_ANSWER, OutcomesAnswer),
        (ASSIGN_REQUEST, AssignRequest),
        (ASSIGN_ANSWER, AssignAnswer),
        (EXPOSURE_ANSWER, ExposureAnswer),
        (PROBLEM, ProblemAnswer),
    ],
)
def test_examples_are_whole(example: object, structure: type[msgspec.Struct]) -> None:
    assert msgspec.to_builtins(msgspec.convert(example, structure)) == example


def test_the_example_requests_are_answered_in_the_shape_of_the_examples(admin: Caller) -> None:
    ranked = admin.post("/v1/rank", json=RANK_REQUEST).json()
    assert set(ranked) == set(RANK_ANSWER)
    assert set(ranked["decisions"][0]) == set(RANK_ANSWER["decisions"][0])
    assert set(admin.post("/v1/outcomes", json=OUTCOMES_REQUEST).json()) == set(OUTCOMES_ANSWER)
    assert set(admin.post("/v1/assign", json=ASSIGN_REQUEST).json()) == set(ASSIGN_ANSWER)
    assert set(admin.get("/v1/exposure").json()) == set(EXPOSURE_ANSWER)


def test_the_page_asks_nobody_else_for_anything(client: Caller) -> None:
    page = client.get("/v1/docs")
    assert not re.search(r"(src|href)=\"(?!#|openapi\.json)", page.text)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
