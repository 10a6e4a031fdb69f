"""What one caller may ask for: up to each limit it is answered, beyond it refused and told why."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import anyio
import msgspec
import pytest

from serving.app import build_app
from serving.visit import Front
from tests.serving.conftest import LIMITS, Caller, decision, outcome
from tests.serving.served import served

JSON = {"Content-Type": "application/json"}
HEAD = "POST /v1/rank HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"


def ranked(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"decisions": list(rows), "capacity": 1}


def limited(front: Front, **limits: Any) -> Front:
    return replace(front, limits=msgspec.structs.replace(front.limits, **limits))


def test_a_body_may_be_as_long_as_the_limit(admin: Caller) -> None:
    body = json.dumps(ranked(decision(0))).encode()
    fits = body + b" " * (LIMITS.max_body_bytes - len(body))
    assert admin.post("/v1/rank", content=fits, headers=JSON).status_code == 200
    answer = admin.post("/v1/rank", content=fits + b" ", headers=JSON)
    assert answer.status_code == 413
    assert "200,000 bytes" in answer.json()["detail"]


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(
    front: Front, key_of: Callable[[str], str]
) -> None:
    head = f"{HEAD}Authorization: Bearer {key_of('queue')}\r\nContent-Length: 9000000000\r\n\r\n"
    with served(build_app(front)) as url:
        at = urlsplit(url)
        with socket.create_connection((at.hostname, at.port), timeout=5) as caller:
            caller.sendall(head.encode())
            answer = caller.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_body_that_does_not_come_is_a_408(front: Front, key_of: Callable[[str], str]) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"decisions": '
        await anyio.sleep(5)
        yield b"[]}"

    with Caller(build_app(limited(front, read_timeout_s=0.2))) as client:
        headers = JSON | {"Authorization": f"Bearer {key_of('queue')}"}
        began = time.monotonic()
        answer = client.post("/v1/rank", content=slowly(), headers=headers)
    assert answer.status_code == 408
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("rows", [LIMITS.max_rows, LIMITS.max_rows + 1])
def test_so_many_rows_are_taken_and_no_more(admin: Caller, rows: int) -> None:
    answer = admin.post("/v1/rank", json=ranked(*map(decision, range(rows))))
    outcomes = admin.post("/v1/outcomes", json={"outcomes": [outcome(n) for n in range(rows)]})
    if rows <= LIMITS.max_rows:
        assert (answer.status_code, outcomes.status_code) == (200, 200)
        assert (answer.json()["ranked"], outcomes.json()["accepted"]) == (rows, rows)
    else:
        assert (answer.status_code, outcomes.status_code) == (422, 422)
        assert "at most 50 rows" in answer.json()["detail"]
        assert "at most 50 rows" in outcomes.json()["detail"]


def test_a_text_that_is_too_long_is_rejected_by_row_and_the_others_are_ranked(
    admin: Caller,
) -> None:
    longest = "é" * LIMITS.max_text_length
    rows = [decision(0, text=longest), decision(1, text=longest + "é"), decision(2)]
    answer = admin.post("/v1/rank", json=ranked(*rows))
    assert answer.status_code == 200
    assert [row["decision_id"] for row in answer.json()["decisions"]] == ["d-0", "d-2"]
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, "text")
    assert "100" in rejected["expected"]
    assert "é" not in rejected["seen"]


@pytest.mark.parametrize("field", ["decision_id", "policy", "x_note", "moderator_id"])
def test_every_other_text_has_the_limit_too(admin: Caller, field: str) -> None:
    answer = admin.post("/v1/rank", json=ranked(decision(0, **{field: "e" * 101})))
    assert answer.status_code == 422
    assert answer.json()["rejected"][0]["field"] == field


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json-seq", 415),
        (None, 415),
    ],
)
@pytest.mark.parametrize("route", ["/v1/rank", "/v1/outcomes"])
def test_the_content_type_is_enforced(
    admin: Caller, route: str, given: str | None, status: int
) -> None:
    admin.post("/v1/rank", json=ranked(decision(0)))
    body = ranked(decision(0)) if route == "/v1/rank" else {"outcomes": [outcome(0)]}
    headers = {} if given is None else {"Content-Type": given}
    answer = admin.post(route, content=json.dumps(body), headers=headers)
    assert answer.status_code == status
