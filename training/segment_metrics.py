"""Figures of a trial under names that MLflow takes, the same in every run, to set side by side.

``capture_05`` is of everything, ``capture_05.language.en`` of one segment ranked alone.
"""

from __future__ import annotations

import hashlib
import re

import pandas as pd

from training.evaluate import metrics
from training.learn import Trial

MOST_SEGMENTS = 50
"""Of a column, the most audited ones; the tables of a run hold all."""
_BY_SEGMENT = (
    *("auroc", "capture_05", "capture_10", "calibration_error"),
    *("overturn_rate", "mean_prediction", "audits"),
)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 60


def named_metrics(trial: Trial) -> dict[str, float]:
    """Return the figures of a trial by name; of a segment with few overturns its audits alone."""
    named = dict(trial.metrics)
    for column, table in trial.segments.items():
        shown = table.nlargest(MOST_SEGMENTS, "audits", keep="first")
        for row in shown.to_dict("records"):
            own = {"audits": float(row["audits"])}
            if pd.notna(row["auroc"]):
                own = _figures(trial, column, row["segment"])
            name = f"{column}.{safe_name(row['segment'])}"
            named |= {f"{figure}.{name}": value for figure, value in own.items()}
    return named


def safe_name(label: str) -> str:
    """Return a label as MLflow takes it; one that had to be changed ends in a hash of the label.

    Examples
    --------
    >>> safe_name("en"), safe_name("pt/br"), safe_name("pt br")
    ('en', 'pt_br-e6adf', 'pt_br-4c763')
    """
    plain = _UNSAFE.sub("_", label)[:_LONGEST]
    if plain == label:
        return label
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:5]}"


def _figures(trial: Trial, column: str, label: str) -> dict[str, float]:
    rows = trial.predictions[trial.predictions[column].astype(str) == label]
    columns = ("overturn_probability", "overturned", "inclusion")
    found = metrics(*(rows[name].to_numpy() for name in columns))
    return {name: found[name] for name in _BY_SEGMENT}
