"""Fairness in an Evidently report: its figures in the dictionary, the page and the workspace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring.fairness.evidently_metrics import FairnessByGroup, fairness_metrics
from monitoring.fairness.found import Fairness
from monitoring.fairness.measure import measure_fairness
from monitoring.recalibrated import Recalibrated
from tests.monitoring.fairness.frames import grouped_period

evidently = pytest.importorskip("evidently")


@pytest.fixture(scope="module")
def found() -> Fairness:
    return measure_fairness(Recalibrated(grouped_period().ranked))


@pytest.fixture(scope="module")
def snapshot(found: Fairness) -> Any:
    rows = evidently.Dataset.from_pandas(pd.DataFrame({"handle_seconds": [1.0, 2.0, 4.0]}))
    return evidently.Report(fairness_metrics(found)).run(current_data=rows, reference_data=None)


def test_each_column_has_its_figures_in_the_dictionary(snapshot: Any, found: Fairness) -> None:
    metrics = {
        (metric["config"]["column"], metric["config"]["figure"]): metric["value"]
        for metric in snapshot.dict()["metrics"]
    }
    for each in found.comparisons:
        for group in each.groups:
            value = metrics[each.column, "over_enforcement"][group.name]
            assert value == pytest.approx(group.over.estimate.overturn_rate)
    assert {figure for _, figure in metrics} == {
        *("overturn_rate", "over_enforcement", "under_enforcement", "expected_over_found"),
        *("errors_found_share", "audits_over_errors", "upheld_share"),
    }


def test_the_page_shows_every_group_with_its_interval(snapshot: Any, tmp_path: Path) -> None:
    page = tmp_path / "evidently.html"
    snapshot.save_html(str(page))
    html = page.read_text(encoding="utf-8")
    assert "Over-enforcement by language" in html
    assert "Gap to the rest (all gaps hold)" in html


def test_a_metric_keeps_its_name_from_one_period_to_the_next(found: Fairness) -> None:
    later = measure_fairness(Recalibrated(grouped_period(seed=2).ranked))
    names, later_names = ({m.get_metric_id() for m in fairness_metrics(f)} for f in (found, later))
    assert names == later_names


def test_groups_with_too_few_audits_have_no_value_but_stand_in_the_table() -> None:
    made = grouped_period(days=2, decisions_a_day=300).ranked
    made.table.loc[made.table.index[:4], "language"] = "is"
    metrics = fairness_metrics(measure_fairness(Recalibrated(made)))
    rate = next(m for m in metrics if (m.column, m.figure) == ("language", "overturn_rate"))
    assert "is" not in rate.figures.values
    assert [row for row in rate.figures.rows if row[0] == "is"]


def test_without_groups_there_are_no_metrics(found: Fairness) -> None:
    nothing = Fairness(found.overturn, found.over, found.under, (), 0, 0.1)
    assert fairness_metrics(nothing) == []


@pytest.mark.slow
def test_evidently_reads_a_snapshot_from_its_workspace_without_our_code(
    snapshot: Any, tmp_path: Path
) -> None:
    from evidently.ui.workspace import Workspace

    workspace = Workspace.create(str(tmp_path / "workspace"))
    project = workspace.create_project("Second Look")
    workspace.add_run(project.id, snapshot)
    read = (
        "import sys, warnings; warnings.simplefilter('ignore');"
        "from evidently.ui.workspace import Workspace;"
        f"w = Workspace(r'{tmp_path / 'workspace'}'); p = w.list_projects()[0];"
        "s = w.get_run(p.id, w.list_runs(p.id)[0]);"
        "print(len(s.metric_results)); assert 'monitoring' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", read], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert int(done.stdout.split()[-1]) == len(snapshot.dict()["metrics"])


def test_the_metric_is_one_of_evidentlys_own(found: Fairness) -> None:
    metric = fairness_metrics(found)[0]
    assert isinstance(metric, FairnessByGroup)
    assert isinstance(metric, evidently.core.metric_types.Metric)
