"""Published figures as a table, and as a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.errors import SettingsError
from features.kept_sums import OVERTURN, SEVERITY
from models.estimate import Estimate
from monitoring.exports import write_table
from monitoring.kept.accuracy import Accuracy

_ENDINGS = (".csv", ".parquet", ".json")


def table_of(accuracy: Accuracy) -> pd.DataFrame:
    """Return the figures, a row a label; shares are 0 to 1, unrounded.

    Of any overturn, and by severity, accuracy with its interval; of a direction the rate of its
    errors. ``audits_needed`` is 0 where there are audits enough for the figure to be shown.
    """
    rates = accuracy.what not in (OVERTURN, SEVERITY)
    label = accuracy.by or "scope"
    rows = [{label: each.domain, **_figures(each, rates=rates)} for each in accuracy.estimates]
    return pd.DataFrame(rows)


def write_figures(figures: pd.DataFrame, path: Path) -> Path:
    """Write figures as CSV, Parquet or JSON, by the ending of the path.

    Raises
    ------
    SettingsError
        If it ends otherwise.
    """
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise SettingsError(f"--to {path.name!r}: expected a name in {', '.join(_ENDINGS)}")
    if ending == ".csv":
        return write_table(figures, path)
    if ending == ".parquet":
        figures.to_parquet(path, index=False)
    else:
        path.write_text(figures.to_json(orient="records", indent=2), encoding="utf-8")
    return path


def _figures(estimate: Estimate, *, rates: bool) -> dict[str, object]:
    shares = (
        {
            "rate": estimate.overturn_rate,
            "rate_low": estimate.low,
            "rate_high": estimate.high,
        }
        if rates
        else {
            "accuracy": estimate.accuracy,
            "accuracy_low": estimate.accuracy_low,
            "accuracy_high": estimate.accuracy_high,
        }
    )
    return {
        **shares,
        "decisions": estimate.decisions,
        "audits": estimate.audits,
        "overturns": estimate.overturns,
        "effective_audits": estimate.effective_audits,
        "audits_needed": estimate.audits_needed,
    }
