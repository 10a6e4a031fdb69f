"""Requests that nobody would send: no 5xx, no hang, every refusal explained."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.fuzz import Asked, Found, faults_of, fuzz
from serving.app import build_app
from serving.launch import service
from serving.settings import ServiceSettings
from serving.worker import open_front
from tests.serving.conftest import Caller
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow
ASKED = Asked("json", "POST", "/v1/rank", {}, b"{}")
EXAMPLES = 50
"""Of each operation, beside those of the schema's own; a slow machine tries as many."""


@pytest.fixture
def served(small_home: SmallHome) -> Iterator[Caller]:
    with Caller(build_app(open_front(ServiceSettings(small_home.home.path)))) as caller:
        caller.headers["Authorization"] = f"Bearer {small_home.admin_key}"
        yield caller


def asker(caller: Caller) -> Callable[[Asked], httpx.Response]:
    def call(asked: Asked) -> httpx.Response:
        headers = [(n.encode(), v.encode("latin-1")) for n, v in asked.headers.items()]
        return caller.request(asked.method, asked.path, headers=headers, content=asked.content)

    return call


def test_no_request_breaks_the_service_and_every_refusal_is_explained(served: Caller) -> None:
    found = fuzz(asker(served), requests=600)
    assert found.wrong == []
    assert found.statuses.total() == 600
    seen = {status.split()[1] for status in found.statuses}
    assert seen >= {"200", "400", "404", "405", "415", "422"}  # else it asks for too little


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (httpx.Response(500, json={}), "status 500"),
        (httpx.Response(404, text="no"), "a refusal as text/plain; charset=utf-8"),
        (
            httpx.Response(
                422,
                headers={"Content-Type": "application/problem+json"},
                json={"title": "a title", "status": 422, "detail": "", "request_id": "12345"},
            ),
            "a refusal without detail",
        ),
    ],
)
def test_the_fuzz_sees_a_fault(answer: httpx.Response, fault: str) -> None:
    found = Found()
    found.add(ASKED, answer, 0.1)
    assert fault in [wrong["fault"] for wrong in found.wrong]


def test_the_fuzz_sees_a_hang() -> None:
    assert faults_of(ASKED, httpx.Response(200), 11.0) == ["11.0 s"]


def test_schemathesis_finds_nothing_in_the_whole_document(
    small_home: SmallHome, tmp_path: Path
) -> None:
    script = Path(sys.executable).parent / "schemathesis"
    with service(small_home.home, log=tmp_path / "service.log") as url:
        told = subprocess.run(
            [
                *(str(script), "run", f"{url}/v1/openapi.json", "--no-color"),
                *("--header", f"Authorization: Bearer {small_home.admin_key}"),
                *("--checks", "all", "--continue-on-failure", "--max-examples", str(EXAMPLES)),
                # what the document allows may still name a decision that is not there
                *("--exclude-checks", "positive_data_acceptance"),
                *("--request-timeout", "20", "--suppress-health-check", "all", "--seed", "7"),
            ],
            capture_output=True,
            text=True,
            timeout=450,
            cwd=tmp_path,
        )
    assert told.returncode == 0, told.stdout[-6_000:]
    assert "Tested: " in told.stdout
