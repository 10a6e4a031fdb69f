from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evidently.ui.workspace import Workspace

from monitoring.drift.counted import count_days
from monitoring.drift.evidently_metrics import outcome_metrics
from monitoring.drift.found import PERIOD
from monitoring.drift.measure import judge_days
from monitoring.drift.outcome import measure_outcomes
from monitoring.drift.reference import reference_of
from monitoring.drift.snapshots import PROJECT_ID, Measured, snapshot_id, write_snapshots
from monitoring.recalibrated import Recalibrated
from tests.monitoring.drift.days import profile, sample
from tests.monitoring.periods import make_period

SPANS = [*(f"2026-01-{day:02d}" for day in range(5, 14)), "2026-W02", "2026-W03", PERIOD]
STARTED_WITHIN_S = 90


def measured(seed: int = 0, days: int = 9) -> Measured:
    reference = reference_of(profile())
    made = sample(days, 500, seed=seed).assign(moderator_id="m-secret", decision_id="d-secret")
    counted = count_days(reference, made)
    ranked = make_period(seed=1, days=9, decisions_a_day=600).ranked
    outcomes = measure_outcomes(Recalibrated(ranked), profile())
    return Measured(reference, counted, judge_days(reference, counted), outcomes)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidently") / "workspace"
    assert write_snapshots(folder, measured()) == SPANS
    return folder


def snapshot(workspace: Path, span: str) -> Any:
    return Workspace(str(workspace)).get_run(PROJECT_ID, snapshot_id(span))


def test_there_is_a_snapshot_a_day_a_week_and_of_the_period(workspace: Path) -> None:
    runs = Workspace(str(workspace)).list_runs(PROJECT_ID)
    assert set(runs) == {snapshot_id(span) for span in SPANS}


def test_what_says_the_same_is_not_written_again(workspace: Path) -> None:
    assert write_snapshots(workspace, measured()) == []


def test_the_same_day_again_replaces_its_snapshot(tmp_path: Path) -> None:
    write_snapshots(tmp_path, measured())
    assert write_snapshots(tmp_path, measured(seed=1)) == SPANS
    assert len(Workspace(str(tmp_path)).list_runs(PROJECT_ID)) == len(SPANS)


def test_a_later_day_leaves_those_before_it_alone(tmp_path: Path) -> None:
    write_snapshots(tmp_path, measured(days=8))
    before = (
        tmp_path / str(PROJECT_ID) / "snapshots" / f"{snapshot_id(SPANS[0])}.json"
    ).read_bytes()
    assert SPANS[8] in write_snapshots(tmp_path, measured(days=9))
    assert before
    assert len(Workspace(str(tmp_path)).list_runs(PROJECT_ID)) == len(SPANS)


def test_a_snapshot_holds_distances_rates_and_performance(workspace: Path) -> None:
    found = {
        (result.metric_value_location.metric.params["type"].rpartition(":")[2])
        for result in snapshot(workspace, PERIOD).metric_results.values()
    }
    assert found == {"DriftDistance", "OverturnRate", "AuditedPerformance"}


def test_its_figures_are_those_of_the_measurement(workspace: Path) -> None:
    expected = {f.feature: f.distance for f in measured().history.days[0].features}
    results = snapshot(workspace, SPANS[0]).metric_results.values()
    params = [r.metric_value_location.metric.params for r in results]
    shown = {p["feature"]: r.value for p, r in zip(params, results, strict=True) if "feature" in p}
    assert shown == pytest.approx(expected)


def test_its_tests_fail_where_a_feature_drifted(tmp_path: Path) -> None:
    reference = reference_of(profile())
    counted = count_days(reference, sample(10, 3_000, shift_from=8, shift=1.0))
    write_snapshots(tmp_path, Measured(reference, counted, judge_days(reference, counted)))
    tests = [
        test for result in snapshot(tmp_path, "2026-01-14").metric_results.values()
        for test in result.tests
    ]  # fmt: skip
    failed = [t.description for t in tests if t.status.value == "FAIL"]
    assert len(failed) == 1
    assert failed[0].startswith("Automated score")


def test_nothing_of_a_person_or_a_decision_is_in_the_workspace(workspace: Path) -> None:
    for path in workspace.rglob("*.json"):
        assert "secret" not in path.read_text(encoding="utf-8"), path.name


def test_further_metrics_join_the_snapshot_of_their_span(tmp_path: Path) -> None:
    first = measured()
    more = outcome_metrics(first.outcomes[-1].outcomes[:1])
    bare = replace(first, outcomes=(), more={PERIOD: more})
    write_snapshots(tmp_path, bare)
    kinds = [r.metric_value_location.metric.params.get("direction")
             for r in snapshot(tmp_path, PERIOD).metric_results.values()]  # fmt: skip
    assert "overturned" in kinds


def test_a_snapshot_is_small(workspace: Path) -> None:
    largest = max(path.stat().st_size for path in workspace.rglob("*.json"))
    assert largest < 200_000


@pytest.mark.slow
def test_evidently_s_interface_opens_the_workspace(workspace: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).parent / "evidently"
    service = subprocess.Popen(
        [command, "ui", "--workspace", workspace, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "DO_NOT_TRACK": "1", "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        projects = asked(f"http://127.0.0.1:{port}/api/projects/")
        assert [p["name"] for p in projects] == ["Second Look"]
        own = f"http://127.0.0.1:{port}/api/projects/{PROJECT_ID}"
        assert {s["name"] for s in asked(f"{own}/snapshots")} == set(SPANS)
        shown = asked(f"{own}/{snapshot_id(SPANS[0])}/data")
        titles = [widget["title"] for widget in shown["widgets"]]
        assert any(title.startswith("Automated score") for title in titles)
    finally:
        service.terminate()
        service.wait(timeout=30)


def asked(address: str) -> Any:
    """Ask for JSON, with patience while the service starts."""
    until = time.monotonic() + STARTED_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
