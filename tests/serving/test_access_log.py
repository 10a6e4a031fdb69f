"""What is logged of a request: who, what, how much and how long, and never what it held."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from features.store import Store
from serving.access import create_key, revoke_key
from tests.serving.conftest import NOW, Caller, StaticPublication, decision, outcome
from tests.serving.test_app import BrokenRanker

MARK = "Zaunkoenig"
TEXT = f"what was said of the {MARK}"
KINDS = {
    "at": str,
    "request_id": str,
    "key_id": str,
    "method": str,
    "route": str,
    "status": int,
    "rows": int,
    "rejected": int,
    "milliseconds": float,
}


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    named = [r for r in caplog.records if r.name == "secondlook.access"]
    return [json.loads(record.getMessage()) for record in named]


def test_a_line_tells_who_asked_for_how_much_and_how_long_it_took(
    client: Caller, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    key_id, key = create_key(store, "admin", NOW)
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "nightly-7"}
    good, bad = decision(0), decision(1, views=-1)
    with caplog.at_level(logging.INFO, logger="secondlook"):
        client.post("/v1/rank", json={"decisions": [good, bad], "capacity": 1}, headers=headers)
        client.post("/v1/rank", json={"decisions": [bad], "capacity": 1}, headers=headers)
        client.post("/v1/outcomes", json={"outcomes": [outcome(0), outcome(9)]}, headers=headers)
        client.get("/v1/model")
    lines = lines_of(caplog)
    assert [{name: type(value) for name, value in line.items()} for line in lines[:3]] == [
        KINDS
    ] * 3
    told = ("key_id", "route", "status", "rows", "rejected")
    assert [tuple(line[name] for name in told) for line in lines] == [
        (key_id, "/v1/rank", 200, 2, 1),
        (key_id, "/v1/rank", 422, 1, 1),
        (key_id, "/v1/outcomes", 200, 2, 1),
        (None, "/v1/model", 401, None, None),
    ]
    assert {line["request_id"] for line in lines[:3]} == {"nightly-7"}


def test_a_key_that_is_not_valid_any_more_is_named_by_its_id(
    client: Caller, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    key_id, key = create_key(store, "admin", NOW)
    revoke_key(store, key_id, NOW)
    with caplog.at_level(logging.INFO, logger="secondlook"):
        client.get("/v1/model", headers={"Authorization": f"Bearer {key}"})
        client.get("/v1/model", headers={"Authorization": f"Bearer {key[:-1]}-"})
    assert [line["key_id"] for line in lines_of(caplog)] == [key_id, None]
    assert key.split("_")[2] not in caplog.text


def ranked(**fields: Any) -> bytes:
    return json.dumps({"decisions": [decision(0, **fields)], "capacity": 1}).encode()


BODIES = {
    "a good row": ranked(text=TEXT),
    "a good row with an id and labels": ranked(
        decision_id=MARK, text=TEXT, moderator_id=MARK, item_id=MARK, x_note=MARK, group_age=MARK
    ),
    "a text that is too long": ranked(text=TEXT * 10),
    "a text that is none": ranked(text={"body": TEXT}),
    "a text with half a letter": ranked(text=TEXT).replace(b"what", b"\\ud800"),
    "a text with a null": ranked(text=TEXT).replace(b"what", b"\\u0000"),
    "another field is wrong": ranked(text=TEXT, views=-1),
    "an envelope that is wrong": ranked(text=TEXT).replace(b"capacity", b"capcity"),
    "no JSON": ranked(text=TEXT)[:-3],
    "no UTF-8": ranked(text=TEXT).replace(b"what", b"\xff"),
    "too many rows": json.dumps({"decisions": [decision(0, text=TEXT)] * 51}).encode(),
    "twice the same": json.dumps(
        {"decisions": [decision(0, text=TEXT)] * 2, "capacity": 1}
    ).encode(),
    "too long": ranked(text=TEXT) + b" " * 200_001,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/v1/rank", "/v1/outcomes", "/login", "/nowhere"])
def test_content_is_in_no_log_line_nor_error(
    admin: Caller, caplog: pytest.LogCaptureFixture, body: bytes, path: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = admin.post(path, content=body, headers={"Content-Type": "application/json"})
    assert MARK not in own(caplog)
    assert answer.status_code < 500
    if answer.status_code != 200:
        assert MARK not in answer.text


@pytest.mark.parametrize("fault", ["of ours", "of the store"])
def test_content_is_not_in_what_a_fault_leaves_behind(
    admin: Caller,
    store: Store,
    publication: StaticPublication,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    if fault == "of ours":
        publication.published = MarkedRanker(publication.published)
    else:
        with store.engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE selections"))
    body = BODIES["a good row with an id and labels"]
    with caplog.at_level(logging.DEBUG):
        answer = admin.post("/v1/rank", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (500 if fault == "of ours" else 503)
    assert MARK not in own(caplog) + answer.text
    assert answer.json()["request_id"] in own(caplog)


class MarkedRanker(BrokenRanker):
    """Fails with what it was given in its message."""

    def rank(self, *given: object) -> Any:
        raise ValueError(str(given) + TEXT)


def own(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged but by the caller of the test itself."""
    theirs = ("httpx", "httpcore", "asyncio")
    records = [r for r in caplog.records if not r.name.startswith(theirs)]
    return "\n".join(logging.Formatter().format(record) for record in records)
