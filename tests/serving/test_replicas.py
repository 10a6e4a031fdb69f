"""Several processes over one store: what one of them took in, all know within two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from serving.launch import service
from tests.conftest import empty_store_on
from tests.serving.running import client_of, copy_of, moved_to_postgres, plain_decision, workers_of
from tests.serving.small_home import SmallHome

WITHIN_S = 2.0
AUDITS = 40

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def clients(
    request: pytest.FixtureRequest, small_home: SmallHome, tmp_path: Path
) -> Iterator[list[httpx.Client]]:
    """Yield clients of two processes at least: workers on SQLite, services on PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            served = copy_of(small_home, tmp_path / "home")
            url = stack.enter_context(service(served.home, log=tmp_path / "log", workers=2))
            assert len(workers_of(url)) == 2
            urls = [url]
        else:
            for store in empty_store_on("postgresql", tmp_path):
                place = store.engine.url.render_as_string(hide_password=False)
                served = copy_of(small_home, tmp_path / "one")
                stack.enter_context(moved_to_postgres(served, place))
                other = copy_of(served, tmp_path / "other")
                urls = [
                    stack.enter_context(service(home.home, log=tmp_path / f"log{number}"))
                    for number, home in enumerate((served, other))
                ]
                with ExitStack() as inner:
                    yield [inner.enter_context(client_of(url, served)) for url in urls]
            return
        yield [stack.enter_context(client_of(url, served)) for url in urls]


def risk_seen_by(client: httpx.Client, name: str) -> float:
    """Return the risk of a decision of which only its policy's and action's records tell."""
    body = {"decisions": [plain_decision(name)], "capacity": 1}
    headers = {"Connection": "close"}  # so that any worker may answer
    answer = client.post("/v1/rank", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["decisions"][0]["overturn_probability"])


def test_an_outcome_at_one_is_known_to_all_within_two_seconds(clients: list[httpx.Client]) -> None:
    first = clients[0]
    before = {risk_seen_by(client, f"before-{n}") for n in range(8) for client in clients}
    assert len(before) == 1
    names = [f"audited-{number}" for number in range(AUDITS)]
    body = {"decisions": [plain_decision(name) for name in names], "capacity": 5}
    assert first.post("/v1/rank", json=body).status_code == 200
    found = [
        {"audit_id": f"a-{name}", "decision_id": name, "verdict": "over_enforcement"}
        | {"audited_at": "2026-03-10T13:00:00Z", "inclusion_probability": 0.5}
        for name in names
    ]
    asked = {f"after-{n}": clients[n % len(clients)] for n in range(16)}
    assert first.post("/v1/outcomes", json={"outcomes": found}).json()["accepted"] == AUDITS
    acknowledged = time.monotonic()
    time.sleep(max(acknowledged + WITHIN_S - time.monotonic(), 0))
    later = {"decided_at": "2026-03-10T14:00:00Z"}
    seen = set()
    for name, client in asked.items():
        decisions = [plain_decision(name, **later)]
        body = {"decisions": decisions, "capacity": 1}
        answer = client.post("/v1/rank", json=body, headers={"Connection": "close"}).json()
        seen.add(answer["decisions"][0]["overturn_probability"])
    assert len(seen) == 1
    assert seen.pop() > before.pop()
