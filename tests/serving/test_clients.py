"""Clients that others made call the running service: BentoML's, curl, and a generated one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.launch import service
from serving.tables import PARQUET
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(small_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("clients") / "service.log"
    with service(small_home.home, log=log) as address:
        yield address


def called(command: list[str], calls: str, *told: object) -> str:
    """Return what a program prints that is given `told` as JSON; a client is a process apart."""
    done = subprocess.run(
        [*command, "-c", calls],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout.strip() or done.stderr[-2000:]


BENTOML_CALLS = """
import bentoml, json, sys
from bentoml.exceptions import BentoMLException
url, key, rows = json.load(sys.stdin)
with bentoml.SyncHTTPClient(url, token=key) as client:
    answer = client.rank(decisions=rows, capacity=2)
    assert (answer["ranked"], answer["selected"]) == (len(rows), 2), answer
    audit = {
        "audit_id": "b-1", "decision_id": rows[0]["decision_id"],
        "audited_at": "2026-03-03T10:00:00Z", "verdict": "correct",
    }
    assert client.outcomes(outcomes=[audit])["accepted"] == 1
    try:
        client.rank(decisions=[rows[0] | {"decided_at": "soon"}], capacity=2)
    except BentoMLException as error:
        assert "breaks the contract" in str(error), error
    else:
        raise AssertionError("a bad row was ranked")
with bentoml.SyncHTTPClient(url) as client:
    try:
        client.rank(decisions=rows, capacity=2)
    except BentoMLException as error:
        assert "An access key is needed" in str(error), error
    else:
        raise AssertionError("no key was needed")
print("called")
"""


def test_bentomls_own_client_calls_it_with_a_key_and_not_without(
    url: str, small_home: SmallHome
) -> None:
    rows = small_home.later_rows(6)
    assert called([sys.executable], BENTOML_CALLS, url, small_home.admin_key, rows) == "called"


def curl(*arguments: str) -> tuple[int, Any]:
    command = ["curl", "-sS", "-w", "\n%{http_code}", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    body, _, status = told.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_json_and_files(url: str, small_home: SmallHome, tmp_path: Path) -> None:
    key = ("-H", f"Authorization: Bearer {small_home.admin_key}")
    rows = small_home.later_rows(8)
    body = json.dumps({"decisions": rows, "capacity": 2})
    as_json = ("-H", "Content-Type: application/json", "-d", body)
    status, answer = curl(f"{url}/v1/rank", *key, *as_json)
    assert (status, answer["ranked"]) == (200, 8)
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "rows.parquet")
    as_file = ("-H", f"Content-Type: {PARQUET}", "--data-binary", f"@{tmp_path}/rows.parquet")
    status, again = curl(f"{url}/v1/rank?capacity=2", *key, *as_file)
    assert status == 200
    assert [row["priority"] for row in again["decisions"]] == [
        row["priority"] for row in answer["decisions"]
    ]
    assert curl(f"{url}/v1/rank", *as_json)[0] == 401


@pytest.mark.parametrize("path", ["/reports/a%0Ab", "/v1/decisions/a%0Ab", "/a%0A"])
def test_a_line_break_in_a_path_reaches_the_application(
    url: str, small_home: SmallHome, path: str
) -> None:
    headers = {"Authorization": f"Bearer {small_home.admin_key}"}
    answer = httpx.get(url + path, headers=headers)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


GENERATED_CALLS = """
import json, sys
url, key, rows, place = json.load(sys.stdin)
sys.path.insert(0, place)
from generated import AuthenticatedClient
from generated.api.default import outcomes, rank, decision
from generated.models import (
    OutcomesAnswer, OutcomesRequest, ProblemAnswer, RankAnswer, RankRequest,
)
with AuthenticatedClient(base_url=url, token=key) as client:
    asked = RankRequest.from_dict({"decisions": rows, "capacity": 2})
    answer = rank.sync(client=client, body=asked, idempotency_key="generated")
    assert isinstance(answer, RankAnswer), answer
    assert (answer.ranked, answer.selected) == (len(rows), 2), answer.rejected
    again = rank.sync_detailed(client=client, body=asked, idempotency_key="generated")
    assert again.headers["Idempotency-Replayed"] == "true"
    audit = {
        "audit_id": "g-1", "decision_id": rows[0]["decision_id"],
        "audited_at": "2026-03-03T10:00:00Z", "verdict": "correct",
    }
    taken = outcomes.sync(client=client, body=OutcomesRequest.from_dict({"outcomes": [audit]}))
    assert isinstance(taken, OutcomesAnswer), taken
    assert taken.accepted == 1
    refused = rank.sync(client=client, body=RankRequest.from_dict({"decisions": [], "capacity": 2}))
    assert isinstance(refused, ProblemAnswer), refused
    assert refused.status == 422
    told = decision.sync(decision_id=rows[0]["decision_id"], client=client)
    assert len(told.offers) >= 1
print("called")
"""


def test_a_generated_client_calls_it(url: str, small_home: SmallHome, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{url}/v1/openapi.json").content)
    generator = ["uvx", "--from", "openapi-python-client>=0.26,<0.30", "openapi-python-client"]
    where = [
        "--path",
        str(document),
        "--meta",
        "none",
        "--output-path",
        str(tmp_path / "generated"),
    ]
    if shutil.which("uvx") is None:
        pytest.skip("uvx is not installed")
    made = subprocess.run(
        [*generator, "generate", *where], capture_output=True, text=True, timeout=300
    )
    if "client error (Connect)" in made.stderr or "Failed to fetch" in made.stderr:
        pytest.skip("no registry of packages can be reached")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING parsing" not in made.stdout
    with_needs = ["uv", "run", "--no-project", "--with", "httpx,attrs,python-dateutil"]
    command = [*with_needs, "--python", sys.executable, "python"]
    told = (url, small_home.admin_key, small_home.later_rows(5), str(tmp_path))
    assert called(command, GENERATED_CALLS, *told) == "called"
