"""Evidently's own page of a period: each feature, and the predicted risk, beside the profile.

Evidently compares by our test (`monitoring.drift.stat_test`) and the limits that the measurement
came to, so that its page and ours say the same; the predicted risk also by policy. Features that
one side does not hold at all, and those that grow by nature, are not on it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from monitoring.drift.found import LARGEST_SHARE, Drift
from monitoring.drift.measure import FEWEST_COMPARED
from monitoring.drift.reference import PREDICTION
from monitoring.drift.stat_test import METHOD

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset

SAMPLED_ROWS = 5_000


def write_evidently_page(
    profile: pd.DataFrame, sample: pd.DataFrame, moved: Drift, *, page: Path
) -> Path:
    """Write Evidently's page of a period; it opens offline.

    Parameters
    ----------
    profile, sample
        Features of the champion's training and of a sample of the period; of each, at most
        `SAMPLED_ROWS` rows are compared, the same ones every time.
    moved
        What was measured of the period, whose limits count.
    """
    limits = {f.feature: f.limit for f in moved.features if not f.grows}
    names = [n for n in limits if n in sample and sample[n].notna().any()]
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(profile[name])]
    categories = [name for name in names if name not in numbers]
    sides = [_sampled(side, categories) for side in (sample, profile)]
    risks = [_risk_by_policy(side) for side in sides] if PREDICTION in names else []
    policies = [name for name in risks[0] if name in risks[1]] if risks else []
    definition = DataDefinition(
        numerical_columns=[*numbers, *policies], categorical_columns=categories
    )
    current, reference = (
        Dataset.from_pandas(
            side[names].assign(**{name: risk[name] for name in policies}),
            data_definition=definition,
        )
        for side, risk in zip(sides, risks or [{}, {}], strict=True)
    )
    preset = DataDriftPreset(
        columns=names, drift_share=LARGEST_SHARE, method=METHOD, per_column_threshold=limits
    )
    by_policy = [
        ValueDrift(column=name, method=METHOD, threshold=limits[PREDICTION]) for name in policies
    ]
    snapshot = Report([preset, *by_policy]).run(current_data=current, reference_data=reference)
    snapshot.save_html(str(page))
    return page


def _risk_by_policy(side: pd.DataFrame) -> dict[str, pd.Series]:
    """Return a column of the predicted risk for each policy with enough rows, null elsewhere.

    Evidently's own grouping does not write on a chart which group it is of.
    """
    if "policy" not in side:
        return {}
    counts = side["policy"].value_counts()
    return {
        f"Risk, policy {policy}": side[PREDICTION].where(side["policy"] == policy)
        for policy in sorted(counts.index[counts >= FEWEST_COMPARED])
    }


def _sampled(frame: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    """Sample rows, and let an absent category be one that can be compared."""
    if len(frame) > SAMPLED_ROWS:
        chosen = np.random.default_rng(0).choice(len(frame), SAMPLED_ROWS, replace=False)
        frame = frame.iloc[np.sort(chosen)]
    named = {name: frame[name].astype(object).fillna("(not known)") for name in categories}
    return frame.assign(**named).reset_index(drop=True)
