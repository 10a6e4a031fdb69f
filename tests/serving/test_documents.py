from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from features.contract import DECISIONS, OUTCOMES
from serving.app import build_app
from serving.documents import openapi_document, openapi_page
from serving.examples import (
    OUTCOMES_ANSWER,
    OUTCOMES_REQUEST,
    PROBLEM,
    RANK_ANSWER,
    RANK_REQUEST,
)
from serving.operations import OPERATIONS, Operation
from serving.payload import (
    OutcomesAnswer,
    OutcomesRequest,
    ProblemAnswer,
    RankAnswer,
    RankRequest,
)
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


def test_the_page_asks_nobody_else_for_anything(client: Caller) -> None:
    page = client.get("/v1/docs")
    assert not re.search(r"(src|href)=\"(?!#|openapi\.json)", page.text)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
