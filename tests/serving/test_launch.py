from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.errors import HomeError, ServiceError, SettingsError, StoreError
from features.home import Home, make_home, rotate_sampling_key
from features.store import open_store
from serving.access import create_key, revoke_key
from serving.launch import require_servable, serve_forever, service
from tests.serving.conftest import NOW, make_plan
from tests.serving.small_home import SmallHome


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "home")
    store = open_store(made.store_url())
    store.initialise()
    plan = make_plan()
    store.add_plan(plan.version, plan.to_json(), NOW)
    store.engine.dispose()
    return made


def test_a_home_without_a_model_is_not_served(home: Home) -> None:
    with pytest.raises(HomeError, match="secondlook promote"):
        require_servable(home, "127.0.0.1")


def test_a_store_that_was_never_made_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="secondlook init"):
        require_servable(make_home(tmp_path / "new"), "127.0.0.1")


def test_beyond_loopback_a_valid_key_is_needed(home: Home) -> None:
    home.champion_file.write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match="no access key"):
        require_servable(home, "0.0.0.0")
    store = open_store(home.store_url())
    key_id, _ = create_key(store, "queue", NOW)
    require_servable(home, "0.0.0.0")
    revoke_key(store, key_id, NOW)
    with pytest.raises(SettingsError, match="no access key"):
        require_servable(home, "0.0.0.0")
    store.engine.dispose()


def test_a_host_that_is_no_address_is_refused(home: Home) -> None:
    home.champion_file.write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match="expected an IP address"):
        require_servable(home, "localhost")


@pytest.mark.slow
def test_a_service_that_does_not_get_ready_shows_the_end_of_its_log(
    home: Home, tmp_path: Path
) -> None:
    home.champion_file.write_text('{"bundle": "gone", "model_version": "1"}', encoding="utf-8")
    with (
        pytest.raises(ServiceError, match=r"(?s)runs, but is not ready.*bundle 'gone'"),
        service(home, log=tmp_path / "service.log"),
    ):
        pass


@pytest.mark.slow
def test_a_service_that_ends_by_itself_is_an_error(home: Home, tmp_path: Path) -> None:
    home.champion_file.write_text("{}", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServiceError, match="ended|not ready"):
            serve_forever(home, port=taken.getsockname()[1], log=tmp_path / "service.log")


@pytest.fixture(scope="module")
def running(small_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("log") / "service.log"
    with service(small_home.home, log=log) as url:
        headers = {"Authorization": f"Bearer {small_home.admin_key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            yield Running(client, log)


class Running:
    """A service in a process of its own."""

    def __init__(self, client: httpx.Client, log: Path) -> None:
        self.client = client
        self.log = log


@pytest.mark.slow
def test_the_service_ranks_and_takes_outcomes_over_http(
    running: Running, small_home: SmallHome
) -> None:
    rows = small_home.later_rows(200)
    answer = running.client.post("/v1/rank", json={"decisions": rows, "capacity": 10})
    assert answer.status_code == 200, answer.text
    ranked = answer.json()
    chosen = [row for row in ranked["decisions"] if row["selected"]]
    assert (ranked["ranked"], len(chosen)) == (200, 10)
    found = [
        {
            "audit_id": f"a-{row['decision_id']}",
            "decision_id": row["decision_id"],
            "audited_at": "2026-04-01T00:00:00Z",
            "verdict": "correct",
        }
        for row in chosen
    ]
    for expected in ({"accepted": 10, "unchanged": 0}, {"accepted": 0, "unchanged": 10}):
        taken = running.client.post("/v1/outcomes", json={"outcomes": found}).json()
        assert {name: taken[name] for name in expected} == expected
    told = running.client.get(f"/v1/decisions/{chosen[0]['decision_id']}").json()
    assert told["offers"][0]["priority"] == chosen[0]["priority"]


@pytest.mark.slow
def test_a_rotated_key_draws_within_seconds_for_new_decisions_alone(
    running: Running, small_home: SmallHome
) -> None:
    rows = small_home.later_rows(60)
    body = {"decisions": rows[:30], "capacity": 3}
    before = running.client.post("/v1/rank", json=body).json()
    new = rotate_sampling_key(small_home.home)
    until = time.monotonic() + 10
    while running.client.post("/v1/rank", json=body).json()["key_id"] != new:
        assert time.monotonic() < until, "the rotated key was not taken up"
        time.sleep(0.2)
    after = running.client.post("/v1/rank", json=body | {"decisions": rows}).json()
    assert {row["key_id"] for row in after["decisions"][30:]} <= {new, before["key_id"]}
    pairs = list(zip(before["decisions"], after["decisions"][:30], strict=True))
    assert all(one["key_id"] == other["key_id"] for one, other in pairs)
    assert all(one["priority"] == pytest.approx(other["priority"]) for one, other in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics", "/v1/model"])
def test_health_and_metrics_answer(running: Running, path: str) -> None:
    assert running.client.get(path).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["/", "/docs.json", "/static_content/swagger-ui.css", "/v1/docs", "/schema.json"]
)
def test_no_page_asks_a_third_party(running: Running, path: str) -> None:
    page = running.client.get(path, follow_redirects=True).text
    assert not re.search(r"googletag|<iframe|https?://(?!127\.0\.0\.1)", page)


@pytest.mark.slow
def test_a_wrong_body_does_not_hang_the_service(running: Running) -> None:
    for body in (b"{", b"[" * 100_000, b"\0", b'{"decisions": 1}'):
        headers = {"Content-Type": "application/json"}
        answer = running.client.post("/v1/rank", content=body, headers=headers)
        assert answer.status_code in (400, 422)
    assert running.client.get("/nowhere").status_code == 404
    assert running.client.delete("/v1/rank").status_code == 405


@pytest.mark.slow
def test_callers_at_once_are_all_answered(running: Running, small_home: SmallHome) -> None:
    rows, statuses = small_home.later_rows(64), []

    def ask(row: dict[str, Any]) -> None:
        answer = running.client.post("/v1/rank", json={"decisions": [row], "capacity": 1})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask, args=(row,)) for row in rows[:16]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 16


@pytest.mark.slow
def test_a_model_promoted_while_it_runs_is_taken_up(
    running: Running, small_home: SmallHome
) -> None:
    named = json.loads(small_home.home.champion_file.read_text(encoding="utf-8"))
    named["model_version"] = "again"
    part = small_home.home.path / "champion.part"
    part.write_text(json.dumps(named), encoding="utf-8")
    part.replace(small_home.home.champion_file)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if running.client.get("/v1/model").json()["model_version"] == "again":
            return
        time.sleep(0.2)
    pytest.fail("the new model was not taken up within 10 s")


@pytest.mark.slow
def test_the_log_holds_json_lines_and_no_ids(running: Running, small_home: SmallHome) -> None:
    row = small_home.later_rows(1)[0]
    running.client.get(f"/v1/decisions/{row['decision_id']}")
    text = running.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"at"')]
    assert lines
    assert row["decision_id"] not in text
