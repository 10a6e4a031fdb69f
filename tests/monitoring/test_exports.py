from __future__ import annotations

from pathlib import Path

from monitoring.drift_found import Drift, FeatureDrift
from monitoring.exports import write_drift_table, write_quality_tables
from monitoring.groups import Segment
from tests.monitoring.test_attention import estimate, quality


def test_a_label_that_a_spreadsheet_would_run_is_defused(tmp_path: Path) -> None:
    write_quality_tables(quality(Segment(estimate("=1+1"), "alike")), tmp_path)
    text = (tmp_path / "accuracy_policy.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1].startswith("'=1+1,0.95,")


def test_distances_are_exported_unrounded(tmp_path: Path) -> None:
    drift = Drift((FeatureDrift("skips", "number", 0.123456789, True),), (), 100, 100)
    path = write_drift_table(drift, tmp_path)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "feature,kind,distance,drifted",
        "skips,number,0.123456789,True",
    ]
