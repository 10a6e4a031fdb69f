from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from monitoring.exports import (
    write_quality_tables,
    write_readings,
    write_table,
    write_workload_tables,
)
from monitoring.groups import Segment
from monitoring.readings import Reading
from monitoring.workload import LEAST_AUDITORS, measure_workload
from tests.monitoring.pages.test_workload import decisions, outcomes
from tests.monitoring.test_attention import estimate, quality


def test_a_label_that_a_spreadsheet_would_run_is_defused(tmp_path: Path) -> None:
    write_quality_tables(quality(Segment(estimate("=1+1"), "alike")), tmp_path)
    text = (tmp_path / "accuracy_policy.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1].startswith("'=1+1,0.95,")


def test_a_reading_that_is_missing_has_no_figures_but_its_reason(tmp_path: Path) -> None:
    readings = [Reading("Plain", 0.05, 0.02, 0.1, "9 audits"), Reading("Corrected", missing="none")]
    table = pd.read_csv(write_readings(readings, tmp_path), keep_default_na=False)
    assert table.columns.tolist() == [
        *("name", "accuracy", "accuracy_low", "accuracy_high", "rests_on", "missing")
    ]
    assert [float(v) for v in table.iloc[0, 1:4]] == pytest.approx([0.95, 0.9, 0.98])
    assert table.iloc[1].tolist() == ["Corrected", "", "", "", "", "none"]


def test_figures_are_exported_unrounded(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["skips"], "distance": [0.123456789]})
    path = write_table(table, tmp_path / "drift.csv")
    assert path.read_text(encoding="utf-8").splitlines() == ["name,distance", "skips,0.123456789"]


def test_work_is_exported_without_telling_anyone_apart(tmp_path: Path) -> None:
    names = [f"auditor-{n % LEAST_AUDITORS}" for n in range(20)]
    paths = write_workload_tables(measure_workload(decisions(20), outcomes([*names])), tmp_path)
    assert [path.name for path in paths] == ["workload.csv", "exposure.csv"]
    assert not any("auditor-" in path.read_text(encoding="utf-8") for path in paths)
