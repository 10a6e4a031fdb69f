from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from features.store import Store
from serving.app import build_app
from serving.visit import Front
from tests.serving.conftest import Caller, StaticPublication, decision, outcome

CALLS: dict[str, tuple[str, str, object]] = {
    "rank": ("POST", "/v1/rank", {"decisions": [decision(0)], "capacity": 1}),
    "outcomes": ("POST", "/v1/outcomes", {"outcomes": [outcome(0)]}),
    "model": ("GET", "/v1/model", None),
    "plan": ("GET", "/v1/plan", None),
    "decision": ("GET", "/v1/decisions/d-0", None),
    "reports": ("GET", "/reports/quality.html", None),
    "openapi": ("GET", "/v1/openapi.json", None),
    "docs": ("GET", "/v1/docs", None),
    "metrics": ("GET", "/metrics", None),
}


def call(client: Caller, name: str, key: str | None) -> httpx.Response:
    method, path, body = CALLS[name]
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize(
    "path",
    [
        "/reports/../secrets.json",
        "/reports/%2e%2e/secrets.json",
        "/reports/..%2fsecrets.json",
        "/reports//etc/passwd",
        "/reports/%2fetc%2fpasswd",
        "/reports/quality.html/../../secrets.json",
        "/reports/missing.html",
        "/reports/%00",
    ],
)
def test_no_path_leads_out_of_the_reports(admin: Caller, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 404
    assert "{}" not in answer.text[:5]


def test_a_link_out_of_the_reports_is_not_followed(admin: Caller, front: Front) -> None:
    (front.reports / "link.json").symlink_to(front.reports.parent / "secrets.json")
    assert admin.get("/reports/link.json").status_code == 404


RANK = {"decisions": [decision(0)], "capacity": 1}
BAD_BODIES: list[tuple[str, bytes, int, str]] = [
    ("not JSON", b"{", 400, "cannot be read as JSON"),
    ("not UTF-8", b'{"capacity": 1, "decisions": [{"policy": "\xff"}]}', 400, "JSON"),
    ("empty", b"", 400, "JSON"),
    ("deep", b'{"decisions": [{"x_a": ' + b"[" * 50_000, 400, "JSON"),
    ("NaN", b'{"capacity": NaN}', 400, "JSON"),
    ("another kind", b"[]", 422, "Expected `object`"),
    ("unknown field", json.dumps(RANK | {"capcity": 1}).encode(), 422, "capcity"),
    ("missing field", b'{"capacity": 1}', 422, "decisions"),
    ("no rows", b'{"capacity": 1, "decisions": []}', 422, "length >= 1"),
    ("capacity 0", json.dumps(RANK | {"capacity": 0}).encode(), 422, ">= 1"),
    ("capacity 1.5", json.dumps(RANK | {"capacity": 1.5}).encode(), 422, "int"),
    (
        "two capacities",
        json.dumps(RANK | {"minutes": 30}).encode(),
        422,
        "saw 1 audits and 30 minutes; expected one of them",
    ),
    (
        "the other unit",
        json.dumps({"decisions": [decision(0)], "minutes": 30}).encode(),
        422,
        "column 'minutes': saw 30 minutes; expected `capacity`",
    ),
    ("minutes 0", json.dumps(RANK | {"minutes": 0}).encode(), 422, "> 0"),
    ("a row that is a text", b'{"capacity": 1, "decisions": ["d"]}', 422, "object"),
    ("an empty row", b'{"capacity": 1, "decisions": [{}]}', 422, "decision_id"),
    (
        "too many rows",
        json.dumps({"capacity": 1, "decisions": [decision(n) for n in range(51)]}).encode(),
        422,
        "at most 50 rows",
    ),
    (
        "twice the same id",
        json.dumps({"capacity": 1, "decisions": [decision(0, policy=None)] * 2}).encode(),
        422,
        "null",
    ),
    ("too long", b" " * 200_001, 413, "200,000 bytes"),
]


@pytest.mark.parametrize(
    ("body", "status", "told"), [b[1:] for b in BAD_BODIES], ids=[b[0] for b in BAD_BODIES]
)
def test_a_bad_body_is_refused_and_explained(
    admin: Caller, body: bytes, status: int, told: str
) -> None:
    answer = admin.post("/v1/rank", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert told in problem["detail"]
    assert (problem["status"], problem["request_id"]) == (status, answer.headers["X-Request-ID"])


def test_a_body_without_a_length_is_cut_off_where_it_gets_too_long(admin: Caller) -> None:
    async def pieces() -> Any:
        for _ in range(300):
            yield b" " * 1_000

    headers = {"Content-Type": "application/json"}
    assert admin.post("/v1/rank", content=pieces(), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/vnd.bentoml+pickle"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_other_content_is_refused(admin: Caller, headers: dict[str, str]) -> None:
    answer = admin.post("/v1/rank", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert "expected" in answer.json()["detail"]


def test_rejected_rows_are_named_in_the_answer(admin: Caller) -> None:
    body = {"decisions": [decision(0), decision(1, views=-1)], "capacity": 1}
    answer = admin.post("/v1/rank", json=body)
    assert answer.status_code == 200
    assert answer.json()["rejected"] == [
        {
            "index": 1,
            "field": "views",
            "seen": "'-1.0'",
            "expected": "a finite number of at least 0",
            "fault": "contract",
        }
    ]


def test_an_outcome_sent_twice_is_answered_alike_and_another_conflicts(admin: Caller) -> None:
    call(admin, "rank", None)
    statuses = [
        admin.post("/v1/outcomes", json={"outcomes": [row]}).status_code
        for row in (outcome(0), outcome(0), outcome(0, verdict="correct"), outcome(9))
    ]
    assert statuses == [200, 200, 409, 422]


def test_a_decision_tells_its_offers(admin: Caller) -> None:
    ranked = call(admin, "rank", None).json()["decisions"][0]
    told = admin.get("/v1/decisions/d-0").json()
    assert told["offers"][0]["priority"] == ranked["priority"]
    assert told["inclusion_probability"] == ranked["inclusion_probability"]


def test_a_decision_id_may_hold_a_slash(admin: Caller) -> None:
    admin.post("/v1/rank", json={"decisions": [decision(0, decision_id="a/b c")], "capacity": 1})
    for path in ("/v1/decisions/a/b%20c", "/v1/decisions/a%2Fb%20c"):
        assert admin.get(path).json()["decision_id"] == "a/b c"


def test_a_decision_id_may_hold_a_line_break(admin: Caller) -> None:
    row = decision(0, decision_id="a\nb")
    admin.post("/v1/rank", json={"decisions": [row], "capacity": 1})
    assert admin.get("/v1/decisions/a%0Ab").json()["decision_id"] == "a\nb"


@pytest.mark.parametrize(
    "path", ["/v1/decisions/none", "/reports/%0A", "/a%0Ab", "/v1/nothing", "/docs.json", "/index"]
)
def test_what_is_not_there_is_a_problem(admin: Caller, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "BREW"])
def test_another_method_is_refused_with_the_one_that_is_taken(admin: Caller, method: str) -> None:
    answer = admin.request(method, "/v1/rank")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_the_root_leads_to_the_documents(client: Caller) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (307, "v1/docs")


def test_a_store_that_is_down_is_a_503_with_retry_after(
    admin: Caller, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    assert call(admin, "model", None).status_code == 200
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table selections"))
    with caplog.at_level(logging.INFO, logger="secondlook"):
        answer = call(admin, "rank", None)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "sqlite" not in answer.text
    assert "no such table: selections" in caplog.text


CONTENT = "so it " + "reads"


class BrokenRanker:
    """Fails in a way that nobody foresaw."""

    model_version = bundle_version = "broken"
    card: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, like: Any) -> None:
        self.record_settings = like.record_settings

    def rank(self, *_: object) -> Any:
        raise ZeroDivisionError(CONTENT)


def test_a_fault_is_answered_and_logged_without_content(
    admin: Caller, publication: StaticPublication, caplog: pytest.LogCaptureFixture
) -> None:
    publication.published = BrokenRanker(publication.published)
    with caplog.at_level(logging.INFO, logger="secondlook"):
        answer = call(admin, "rank", None)
    assert answer.status_code == 500
    assert CONTENT not in answer.text + caplog.text
    assert answer.json()["request_id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


class WaitingRanker(BrokenRanker):
    """Answers when it is told to."""

    def __init__(self, like: Any) -> None:
        super().__init__(like)
        self.go = threading.Event()

    def rank(self, *_: object) -> Any:
        self.go.wait(10)
        raise ZeroDivisionError


def test_what_takes_too_long_is_a_504(
    front: Front, publication: StaticPublication, key_of: Callable[[str], str]
) -> None:
    publication.published = waiting = WaitingRanker(publication.published)
    limits = msgspec.structs.replace(front.limits, answer_timeout_s=0.2)
    with Caller(build_app(replace(front, limits=limits))) as client:
        answer = call(client, "rank", key_of("queue"))
        waiting.go.set()
    assert answer.status_code == 504


def test_too_many_waiting_calls_are_a_429(
    front: Front, publication: StaticPublication, key_of: Callable[[str], str]
) -> None:
    publication.published = waiting = WaitingRanker(publication.published)
    limits = msgspec.structs.replace(front.limits, threads=1, max_waiting=1)
    key, statuses, retry_after = key_of("queue"), [], []
    with Caller(build_app(replace(front, limits=limits))) as client:

        def ask() -> None:
            answer = call(client, "rank", key)
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                retry_after.append(answer.headers["Retry-After"])
            waiting.go.set()  # the first to be answered is the one turned away

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(statuses) == [429, 500, 500]
    assert retry_after == ["1"]


def test_the_access_log_is_json_without_content(
    admin: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="secondlook.access"):
        body = {"decisions": [decision(0, text="so it reads")], "capacity": 1}
        admin.post("/v1/rank", json=body, headers={"X-Request-ID": "nightly-7"})
        admin.get("/v1/decisions/d-0")
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["route"] for line in lines] == ["/v1/rank", "/v1/decisions/{decision_id}"]
    assert (lines[0]["request_id"], lines[0]["rows"], lines[0]["status"]) == ("nightly-7", 1, 200)
    assert "reads" not in caplog.text
    assert "d-0" not in caplog.text


def test_metrics_label_routes_by_pattern(admin: Caller) -> None:
    call(admin, "rank", None)
    call(admin, "decision", None)
    text = admin.get("/metrics").text
    assert 'route="/v1/decisions/{decision_id}"' in text
    assert "d-0" not in text
    assert "secondlook_ready 1.0" in text


def test_no_answer_is_cached_or_sniffed(client: Caller) -> None:
    for path in ("/v1/docs", "/v1/model", "/nowhere"):
        headers = client.get(path).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == (
            "no-store",
            "nosniff",
        )


def test_reports_are_files_of_their_folder(admin: Caller, tmp_path: Path) -> None:
    answer = admin.get("/reports/quality.html")
    assert answer.text == "<h1>Quality</h1>"
    assert admin.get("/reports").headers["Location"] == "reports/"
