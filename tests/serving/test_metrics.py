from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from features.errors import StoreError
from features.standing_alarms import AlarmRecord
from features.store import Store
from models.plan import RiskFrame, fit_plan
from serving.alarm_metrics import alarm_families
from serving.counting import planned_minutes
from serving.heartbeat import count_shadowed
from serving.launch import service
from serving.metrics import ServiceMetrics
from serving.payload import Fault, RejectedRow
from serving.settings import Limits
from serving.shadow import ShadowCounts
from serving.visit import Front
from serving.worker_state import SILENT_S, Served, WorkerState, living, state_families, write_state
from tests.serving.conftest import Caller, decision, outcome
from tests.serving.small_home import SmallHome

SERVING = Path(__file__).resolve().parents[2] / "serving"
PAGE = SERVING.parent / "docs" / "operations.md"

Labels = dict[str, str]


@dataclass(frozen=True)
class Scrape:
    text: str

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with these labels; 0 where there is none."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str) -> list[Labels]:
        return [
            sample.labels
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name
        ]

    def names(self) -> set[str]:
        """Return the names as a query has them, those of a histogram without their endings."""
        return {
            family.name + "_total" if family.type == "counter" else family.name
            for family in text_string_to_metric_families(self.text)
        }


def scrape(client: Any) -> Scrape:
    return Scrape(client.get("/metrics").text)


def state(pid: int, **fields: Any) -> WorkerState:
    own: dict[str, Any] = {
        "told_at_s": time.monotonic(),
        "ready": True,
        "update_refused": False,
        "calls_in_work": 1,
        "calls_waiting": 2,
        "call_places": 66,
    }
    return WorkerState(pid=pid, **(own | fields))


def served(version: str, **fields: Any) -> Served:
    own = {"bundle_version": f"b{version}", "plan_version": "p1", "unit": "audits"}
    return Served(model_version=version, budget_per_decision=0.05, **(own | fields))


class Standing(Collector):
    def __init__(self, *states: WorkerState) -> None:
        self.states = states

    def collect(self) -> Iterator[Metric]:
        return state_families(self.states)


def told(*states: WorkerState) -> Scrape:
    """Return what a scrape says of workers that stand so."""
    registry = CollectorRegistry()
    registry.register(Standing(*states))
    return Scrape(generate_latest(registry).decode())


def test_what_was_ranked_is_counted_row_by_row(admin: Caller) -> None:
    rows = [decision(number) for number in range(8)]
    rows += [decision(8, automated_score="high"), decision(9, action=None, decided_at="never")]
    answer = admin.post("/v1/rank", json={"decisions": rows, "capacity": 3}).json()
    assert {row["index"] for row in answer["rejected"]} == {8, 9}
    seen = scrape(admin)
    path = {"route": "/v1/rank"}
    assert seen.value("secondlook_rows_total", result="ranked", **path) == 8
    assert seen.value("secondlook_rows_total", result="selected", **path) == 3
    assert seen.value("secondlook_rows_total", result="rejected", **path) == 2
    assert seen.value("secondlook_rejected_rows_total", fault="contract", **path) == 2
    assert seen.value("secondlook_requests_total", status="200", **path) == 1
    assert seen.value("secondlook_request_duration_seconds_count", **path) == 1


def test_risk_and_chance_are_told_as_histograms(admin: Caller) -> None:
    rows = [decision(number) for number in range(20)]
    ranked = admin.post("/v1/rank", json={"decisions": rows, "capacity": 3}).json()["decisions"]
    seen = scrape(admin)
    for name in ("overturn_probability", "inclusion_probability"):
        values = np.array([row[name] for row in ranked])
        assert seen.value(f"secondlook_{name}_count") == 20
        assert seen.value(f"secondlook_{name}_sum") == pytest.approx(values.sum())
        for bound in (0.1, 0.5, 1.0):
            below = seen.value(f"secondlook_{name}_bucket", le=str(bound))
            assert below == (values <= bound).sum()


def test_a_decision_is_counted_as_selected_once(admin: Caller) -> None:
    body = {"decisions": [decision(number) for number in range(10)], "capacity": 4}
    admin.post("/v1/rank", json=body)
    admin.post("/v1/rank", json=body)
    seen = scrape(admin)
    assert seen.value("secondlook_rows_total", result="selected") == 8
    assert seen.value("secondlook_selected_audits_total", mode="batch") == 4
    assert seen.value("secondlook_batch_capacity_total", unit="audits") == 8
    assert seen.value("secondlook_selected_audits_total", mode="admission") == 0


def test_what_became_of_outcomes_is_counted(admin: Caller) -> None:
    admin.post("/v1/rank", json={"decisions": [decision(0), decision(1)], "capacity": 2})
    rows = [outcome(0), outcome(1), outcome(2), outcome(3, verdict="fine")]
    admin.post("/v1/outcomes", json={"outcomes": rows})
    admin.post("/v1/outcomes", json={"outcomes": rows[:1]})
    seen, path = scrape(admin), {"route": "/v1/outcomes"}
    assert seen.value("secondlook_rows_total", result="accepted", **path) == 2
    assert seen.value("secondlook_rows_total", result="unchanged", **path) == 1
    assert seen.value("secondlook_rejected_rows_total", fault="unknown_decision", **path) == 1
    assert seen.value("secondlook_rejected_rows_total", fault="contract", **path) == 1


def test_rows_of_a_refused_request_count_as_rejected(admin: Caller) -> None:
    rows = [decision(number, decided_at="never") for number in range(3)]
    assert admin.post("/v1/rank", json={"decisions": rows}).status_code == 422
    seen = scrape(admin)
    assert seen.value("secondlook_rejected_rows_total", route="/v1/rank", fault="contract") == 3
    assert seen.value("secondlook_rows_total", route="/v1/rank", result="rejected") == 3


def test_a_row_with_several_faults_is_one_row() -> None:
    metrics = ServiceMetrics()
    rows = [RejectedRow(index, "f", "s", "e", Fault.CONTRACT) for index in (0, 0, 1, None)]
    metrics.count_rejected("/v1/rank", rows)
    seen = Scrape(metrics.text().decode())
    assert seen.value("secondlook_rejected_rows_total", fault="contract") == 2


def test_a_request_that_the_store_fails_is_counted(
    admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.get("/v1/plan")

    def fails(*_: object, **__: object) -> None:
        raise StoreError("store: it is gone")

    monkeypatch.setattr(store, "add_ranking", fails)
    body = {"decisions": [decision(0)], "capacity": 1}
    assert admin.post("/v1/rank", json=body).status_code == 503
    assert scrape(admin).value("secondlook_store_errors_total") == 1


def test_what_a_challenger_has_looked_at_is_counted_once(
    admin: Caller, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow = front.standing.programme().shadow
    monkeypatch.setattr(shadow, "counts", ShadowCounts(scored=5))
    before = count_shadowed(front, ShadowCounts())
    monkeypatch.setattr(shadow, "counts", ShadowCounts(scored=7, dropped=3))
    assert count_shadowed(front, before) == ShadowCounts(scored=7, dropped=3)
    seen = scrape(admin)
    assert seen.value("secondlook_shadow_rows_total", result="scored") == 7
    assert seen.value("secondlook_shadow_rows_total", result="dropped") == 3


def test_the_version_that_answers_is_told(admin: Caller) -> None:
    model = admin.get("/v1/model").json()
    (labels,) = scrape(admin).labels("secondlook_serving_workers")
    names = ("model_version", "bundle_version", "plan_version")
    assert labels == {name: model[name] for name in names}


def test_an_earlier_version_drops_out() -> None:
    before, after = served("1"), served("2")
    both = told(state(1, served=before), state(2, served=after))
    assert {row["model_version"] for row in both.labels("secondlook_serving_workers")} == {
        "1",
        "2",
    }
    new = told(state(1, served=after), state(2, served=after))
    assert new.labels("secondlook_serving_workers") == [
        {"model_version": "2", "bundle_version": "b2", "plan_version": "p1"}
    ]
    assert new.value("secondlook_serving_workers") == 2


def test_the_service_is_as_ready_as_its_least_ready_worker() -> None:
    assert told(state(1), state(2)).value("secondlook_ready") == 1
    assert told(state(1), state(2, ready=False)).value("secondlook_ready") == 0
    silent = state(2, told_at_s=time.monotonic() - SILENT_S - 1)
    hung = told(state(1), silent)
    assert (hung.value("secondlook_ready"), hung.value("secondlook_workers")) == (0, 1)


def test_of_workers_the_calls_add_up_and_the_lag_is_the_longest() -> None:
    seen = told(state(1, records_lag_s=0.5), state(2, records_lag_s=4.0, update_refused=True))
    assert seen.value("secondlook_calls_in_work") == 2
    assert seen.value("secondlook_calls_waiting") == 4
    assert seen.value("secondlook_call_places") == 132
    assert seen.value("secondlook_records_lag_seconds") == 4.0
    assert seen.value("secondlook_update_refused") == 1


def test_capacity_is_told_in_the_unit_of_the_plan() -> None:
    seen = told(state(1, served=served("1", unit="minutes", capacity_per_day=720.0)))
    assert seen.value("secondlook_capacity_per_day", unit="minutes") == 720
    assert seen.value("secondlook_plan_budget_per_decision", unit="minutes") == 0.05
    assert told(state(1, served=served("1"))).labels("secondlook_capacity_per_day") == []


def test_memory_and_processor_time_are_those_of_the_process() -> None:
    seen = told(state(os.getpid()))
    pid = {"pid": str(os.getpid())}
    status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii")
    kilobytes = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])
    told_bytes = seen.value("secondlook_process_resident_memory_bytes", **pid)
    assert told_bytes == pytest.approx(1024 * kilobytes, rel=0.1)
    told_s = seen.value("secondlook_process_cpu_seconds_total", **pid)
    assert told_s == pytest.approx(time.process_time(), abs=1.0)


def test_planned_minutes_are_those_of_the_policies() -> None:
    risk = np.linspace(0.01, 0.2, 100)
    policies = np.array(["spam", "hate"] * 50, dtype=object)
    frame = RiskFrame(
        np.arange(100).astype(str), risk, risk, policies, minutes=np.array([1.0, 5.0] * 50)
    )
    plan = fit_plan(frame, capacity=0, capacity_minutes=20.0, key_id="k")
    assert planned_minutes(plan, ["spam", "hate", "hate"]) == pytest.approx(11.0)
    assert planned_minutes(plan, ["new"]) == pytest.approx(3.0)


WORKER = """
import sys, time
from pathlib import Path
from serving.metrics import ServiceMetrics
from serving.payload import Mode
from serving.worker_state import WorkerState, write_state
import os
folder = Path(sys.argv[1])
metrics = ServiceMetrics(folder)
metrics.count_rows("/v1/rank", "ranked", 5)
metrics.observe_draws([0.05, 0.4], [0.1, 1.0])
metrics.count_selected(Mode.BATCH, 2)
write_state(folder, WorkerState(os.getpid(), time.monotonic(), True, False, 0, 0, 66))
print("counted", flush=True)
sys.stdin.read()
"""
READER = """
import sys
from pathlib import Path
from serving.metrics import ServiceMetrics
sys.stdout.write(ServiceMetrics(Path(sys.argv[1])).text().decode())
"""


def python(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        cwd=SERVING.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_workers_are_counted_together_and_the_dead_keep_their_counts(tmp_path: Path) -> None:
    workers = [python(WORKER, tmp_path) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "counted\n"
        before = Scrape(python(READER, tmp_path).communicate()[0])
        workers[0].kill()
        workers[0].wait()
        after = Scrape(python(READER, tmp_path).communicate()[0])
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    for seen in (before, after):
        assert seen.value("secondlook_rows_total", result="ranked") == 10
        assert seen.value("secondlook_selected_audits_total") == 4
        assert seen.value("secondlook_overturn_probability_count") == 4
        assert seen.value("secondlook_overturn_probability_sum") == pytest.approx(0.9)
        assert seen.value("secondlook_overturn_probability_bucket", le="0.1") == 2
    assert (before.value("secondlook_workers"), after.value("secondlook_workers")) == (2, 1)


def test_what_a_dead_worker_wrote_is_left_out_and_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    write_state(tmp_path, state(ended.pid))
    write_state(tmp_path, state(os.getpid()))
    assert [found.pid for found in living(tmp_path, None)] == [os.getpid()]
    assert [path.name for path in tmp_path.iterdir()] == [f"worker-{os.getpid()}.json"]


@pytest.mark.slow
def test_a_scrape_after_real_traffic_tells_the_truth_of_both_workers(
    small_home: SmallHome, tmp_path: Path
) -> None:
    limits = Limits(max_waiting=3)
    headers = {"Authorization": f"Bearer {small_home.admin_key}"}
    rows = small_home.later_rows(60)
    with (
        service(small_home.home, log=tmp_path / "service.log", limits=limits, workers=2) as url,
        httpx.Client(base_url=url, headers=headers, timeout=60) as client,
    ):
        first = client.post("/v1/rank", json={"decisions": rows[:40], "capacity": 5}).json()
        bad = [*rows[40:], {**rows[0], "decision_id": "odd", "decided_at": "never"}]
        second = client.post("/v1/rank", json={"decisions": bad}).json()
        chosen = [row["decision_id"] for row in first["decisions"] if row["selected"]]
        outcomes = [
            outcome(number, decision_id=name, audited_at="2026-11-01T00:00:00Z")
            for number, name in enumerate(chosen)
        ]
        taken = client.post("/v1/outcomes", json={"outcomes": outcomes}).json()
        client.get("/v1/decisions/" + chosen[0])
        until = time.monotonic() + 20
        while (seen := scrape(client)).value("secondlook_workers") < 2:
            assert time.monotonic() < until, "not every worker was heard of"
            time.sleep(0.2)
        model = client.get("/v1/model").json()
    assert seen.value("secondlook_rows_total", result="ranked") == 60
    assert seen.value("secondlook_rejected_rows_total", fault="contract") == 1
    assert seen.value("secondlook_selected_audits_total", mode="batch") == first["selected"] == 5
    admitted = seen.value("secondlook_selected_audits_total", mode="admission")
    assert admitted == second["selected"]
    accepted = seen.value("secondlook_rows_total", route="/v1/outcomes", result="accepted")
    assert accepted == taken["accepted"] == len(outcomes)
    risk = sum(row["overturn_probability"] for a in (first, second) for row in a["decisions"])
    assert seen.value("secondlook_overturn_probability_sum") == pytest.approx(risk)
    assert seen.value("secondlook_inclusion_probability_count") == 60
    assert seen.value("secondlook_requests_total", status="200") >= 4
    assert seen.value("secondlook_ready") == 1
    assert seen.value("secondlook_serving_workers") == 2
    assert seen.value("secondlook_call_places") == 2 * (limits.threads + 3)
    (labels,) = seen.labels("secondlook_serving_workers")
    assert labels["bundle_version"] == model["bundle_version"]
    assert len(seen.labels("secondlook_process_resident_memory_bytes")) == 2
    assert 200e6 < seen.value("secondlook_process_resident_memory_bytes") < 4e9
    assert chosen[0] not in seen.text


def everything(admin: Caller) -> set[str]:
    """Return the names of all that can be told."""
    admin.post("/v1/rank", json={"decisions": [decision(0)], "capacity": 1})
    seen = scrape(admin).names()
    full = served("1", capacity_per_day=100.0)
    return seen | told(state(os.getpid(), served=full, records_lag_s=0.0)).names() | alarms_told()


def alarms_told() -> set[str]:
    """Return the names of what is told of alarms once monitoring has run."""
    looked = AlarmRecord(datetime(2026, 1, 2, tzinfo=UTC))
    families = alarm_families(looked, now_s=0.0)
    return {family.name for family in families} | {"secondlook_alarms_unreadable"}


def test_every_metric_is_documented(admin: Caller) -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = everything(admin)
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_no_metric_is_documented_that_there_is_not(admin: Caller) -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(secondlook_\w+)`", page, flags=re.MULTILINE))
    assert named == everything(admin)


def used(expression: str) -> set[str]:
    """Return the metrics that an expression reads, without the endings of histograms."""
    found = set(re.findall(r"\bsecondlook_[a-z_]+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SERVING / "dashboard.json").read_text(encoding="utf-8"))
    return loaded


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((SERVING / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_the_dashboard_shows_every_metric_and_no_other(admin: Caller) -> None:
    shown = {
        name
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
        for name in used(target["expr"])
    }
    assert shown == everything(admin)


def test_the_alerts_read_only_metrics_that_there_are(admin: Caller) -> None:
    read = {name for rule in rules() for name in used(rule["expr"])}
    assert len(read) > 10
    assert read - everything(admin) == set()


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own


def test_the_dashboard_takes_its_source_from_a_variable_and_links_nowhere() -> None:
    text = (SERVING / "dashboard.json").read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)
    loaded = dashboard()
    assert [v["name"] for v in loaded["templating"]["list"]] == ["datasource", "job"]
    for panel in loaded["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all('job=~"$job"' in target["expr"] for target in panel["targets"])


def test_every_alert_is_documented_and_says_what_to_do() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for rule in rules():
        if "alert" in rule:
            assert f"`{rule['alert']}`" in page
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert {"summary", "description"} <= set(rule["annotations"])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_each_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    told_rules = (Path(__file__).parent / "alerts_test.yml").read_text(encoding="utf-8")
    place = tmp_path / "alerts_test.yml"
    place.write_text(told_rules.replace("[ALERTS]", f"[{SERVING / 'alerts.yml'}]"))
    ran = subprocess.run(["promtool", "test", "rules", place], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
