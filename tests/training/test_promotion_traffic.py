"""Promotion and rollback while the real service answers: no request fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.store import open_store
from serving.access import create_key
from serving.launch import service
from tests.training.two_versions import TwoVersions, serving_pair
from training.promotion import promote, rollback

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
]
CLIENTS, ROWS = 4, 20
TAKEN_UP_WITHIN_S = 60.0


@dataclass
class Traffic:
    """Four clients that rank, each on connections of its own, and what they were told."""

    url: str
    key: str
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def ask(self, rows: list[dict[str, Any]]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60.0) as client:
            return client.post("/v1/rank", json={"decisions": rows, "capacity": 2})

    def run(self, name: str) -> None:
        while not self.stopping.is_set():
            rows = [fresh_decision(f"{name}-{time.monotonic_ns()}-{row}") for row in range(ROWS)]
            answer = self.ask(rows)
            told = answer.json()
            seen = (told.get("model_version", ""), told.get("plan_version", ""))
            self.answers.append((answer.status_code, *seen))

    def wait_for(self, version: str) -> None:
        """Wait until each of the last answers, and of some more, came from a version."""
        end = time.monotonic() + TAKEN_UP_WITHIN_S
        while {model for _, model, _ in self.answers[-2 * CLIENTS :]} != {version}:
            assert time.monotonic() < end, f"{version} was not taken up"
            time.sleep(0.05)


def fresh_decision(name: str) -> dict[str, Any]:
    row = {"decision_id": name, "decided_at": "2026-03-10T12:00:00Z"}
    return row | {"policy": "spam", "action": "remove"}


@contextmanager
def traffic(url: str, key: str) -> Iterator[Traffic]:
    running = Traffic(url, key)
    threads = [threading.Thread(target=running.run, args=(f"c{n}",)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.stopping.set()
        for thread in threads:
            thread.join(60)


def body_of(made: TwoVersions) -> list[dict[str, Any]]:
    """Return decisions like the home's latest, as a queue system sends them."""
    latest = made.decisions.tail(50)
    fresh = latest.assign(decision_id="fixed-" + latest["decision_id"])
    text = fresh.to_json(orient="records", date_format="iso", date_unit="us")
    return [{n: v for n, v in row.items() if v is not None} for row in json.loads(text)]


def scored(running: Traffic, rows: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return what the service says of each decision, to the last bit."""
    answer = running.ask(rows)
    assert answer.status_code == 200, answer.text
    return {
        row["decision_id"]: (row["overturn_probability"], row["expected_harm"])
        for row in answer.json()["decisions"]
    }


def test_promoted_rolled_back_and_promoted_again_no_request_fails(
    made: TwoVersions, tmp_path: Path
) -> None:
    home = made.copied(tmp_path / "home")
    first = promote(home, version="1").published.model_version
    pairs = {serving_pair(home)}
    key = create_key(open_store(home.store_url()), "admin", datetime.now(UTC))[1]
    rows = body_of(made)
    with service(home, log=tmp_path / "log", workers=2) as url, traffic(url, key) as running:
        running.wait_for(first)
        before = scored(running, rows)
        second = promote(home, version="2").published.model_version
        pairs.add(serving_pair(home))
        running.wait_for(second)
        assert scored(running, rows) != before
        rollback(home)
        running.wait_for(first)
        assert scored(running, rows) == before
        promote(home, version="2")  # its plan is fitted anew, on what was ranked meanwhile
        pairs.add(serving_pair(home))
        running.wait_for(second)
    assert {status for status, _, _ in running.answers} == {200}
    assert {(model, plan) for _, model, plan in running.answers} == pairs
