from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from monitoring.drift.found import Drift, FeatureDrift
from monitoring.exports import write_drift_table, write_quality_tables, write_readings
from monitoring.groups import Segment
from monitoring.readings import Reading
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


def test_distances_are_exported_unrounded(tmp_path: Path) -> None:
    drift = Drift((FeatureDrift("skips", "number", 0.123456789, True),), (), 100, 100)
    path = write_drift_table(drift, tmp_path)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "feature,kind,distance,drifted",
        "skips,number,0.123456789,True",
    ]
