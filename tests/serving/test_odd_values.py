"""Odd values in every field: refused and explained, never a fault of the service."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from features.contract import DECISIONS, OUTCOMES
from tests.serving.conftest import Caller, decision, outcome

ODD = [
    None,
    True,
    0,
    -1,
    0.5,
    1e308,
    -(2**63),
    10**25,
    "",
    " ",
    "nan",
    "inf",
    "-0",
    "null\0",
    "\u202e\U0001f600",
    "0000-00-00",
    "9999-12-31T23:59:59Z",
    "2026-13-01",
    "20260301",
    "2026-03-01T09:30:00+25:00",
    [],
    [1, "a"],
    [1.5],
    {},
    {"a": [1]},
]
pytestmark = pytest.mark.slow
Row = Callable[..., dict[str, Any]]
FIELDS = [("rank", decision, name) for name in (*DECISIONS.by_name, "x_odd", "group_odd")]
FIELDS += [("outcomes", outcome, name) for name in OUTCOMES.by_name]


def send(client: Caller, route: str, rows: list[dict[str, Any]]) -> None:
    body = {"decisions": rows, "capacity": 1} if route == "rank" else {"outcomes": rows}
    answer = client.post(f"/v1/{route}", json=body)
    assert answer.status_code in (200, 409, 422), (answer.text, json.dumps(rows)[:500])
    if answer.status_code != 200:
        assert answer.json()["detail"]


@pytest.mark.parametrize(("route", "row", "field"), FIELDS, ids=[f"{f[0]}-{f[2]}" for f in FIELDS])
def test_odd_values_among_others_are_no_fault(
    admin: Caller, route: str, row: Row, field: str
) -> None:
    send(admin, "rank", [decision(n) for n in range(len(ODD))])
    rows = [row(100 + n, **{field: value}) for n, value in enumerate(ODD)]
    send(admin, route, [*rows, row(0)])


@pytest.mark.parametrize(("route", "row", "field"), FIELDS, ids=[f"{f[0]}-{f[2]}" for f in FIELDS])
def test_odd_values_alone_are_no_fault(admin: Caller, route: str, row: Row, field: str) -> None:
    for number, value in enumerate(ODD):
        send(admin, route, [row(200 + number, **{field: value})])


@pytest.mark.parametrize("field", ["views", "embedding", "x_a"])
def test_a_whole_number_of_hundreds_of_digits_is_the_fault_of_its_row(
    admin: Caller, field: str
) -> None:
    value: object = [10**400] if field == "embedding" else 10**400
    body = {"decisions": [decision(0), decision(1, **{field: value})], "capacity": 1}
    answer = admin.post("/v1/rank", json=body)
    assert answer.status_code == 200
    assert [(row["index"], row["field"]) for row in answer.json()["rejected"]] == [(1, field)]
