"""The tables of a report as CSV files beside its pages.

Shares are 0 to 1, unrounded. A label that a spreadsheet would run as a formula gets an apostrophe
before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from models.estimate import Estimate
from monitoring.drift_found import Drift
from monitoring.quality import Quality

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_quality_tables(quality: Quality, folder: Path) -> list[Path]:
    """Write a table a grouping, and of directions, days and bands of risk."""
    tables = {
        f"accuracy_{grouping.column}.csv": pd.DataFrame(
            [
                {**_row(grouping.column, s.estimate), "standing": s.standing}
                for s in grouping.segments
            ]
        )
        for grouping in quality.groupings
    }
    tables["accuracy.csv"] = _table("scope", [quality.overall])
    tables["overturn_direction.csv"] = _table("direction", quality.directions)
    tables["accuracy_day.csv"] = _table("day", quality.days)
    tables["risk_bands.csv"] = _bands(quality)
    return [_write(table, folder / name) for name, table in tables.items()]


def write_drift_table(drift: Drift, folder: Path) -> Path:
    """Write the distance of each input that was compared."""
    table = pd.DataFrame(
        [
            {"feature": f.feature, "kind": f.kind, "distance": f.distance, "drifted": f.drifted}
            for f in drift.features
        ]
    )
    return _write(table, folder / "drift.csv")


def _bands(quality: Quality) -> pd.DataFrame:
    rows = [
        {
            "from_share": band.from_share,
            "to_share": band.to_share,
            "predicted": band.predicted,
            **_row("band", band.estimate),
            "captured": band.captured,
        }
        for band in quality.bands
    ]
    return pd.DataFrame(rows).drop(columns=["band"])


def _table(label: str, estimates: Iterable[Estimate]) -> pd.DataFrame:
    return pd.DataFrame([_row(label, estimate) for estimate in estimates])


def _row(label: str, estimate: Estimate) -> dict[str, object]:
    return {
        label: estimate.domain,
        "accuracy": estimate.accuracy,
        "accuracy_low": estimate.accuracy_low,
        "accuracy_high": estimate.accuracy_high,
        "overturn_rate": estimate.overturn_rate,
        "overturn_rate_low": estimate.low,
        "overturn_rate_high": estimate.high,
        "decisions": estimate.decisions,
        "audits": estimate.audits,
        "overturns": estimate.overturns,
        "effective_audits": estimate.effective_audits,
        "audits_needed": estimate.audits_needed,
    }


def _write(table: pd.DataFrame, path: Path) -> Path:
    table.map(_not_a_formula).to_csv(path, index=False)
    return path


def _not_a_formula(value: object) -> object:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
