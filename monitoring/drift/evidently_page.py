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

from features.errors import EstimateError
from monitoring.drift.found import (
    LARGEST_SHARE,
    THRESHOLD,
    Drift,
    FeatureDrift,
)
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
FEWEST_ROWS = 30
NUMBER_METHOD = "wasserstein"
CATEGORY_METHOD = "jensenshannon"


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


def measure_drift(reference: pd.DataFrame, current: pd.DataFrame, *, page: Path) -> Drift:
    """Compare current features with the reference and save Evidently's own page.

    Parameters
    ----------
    reference, current
        Feature frames; columns that only one of them has are not compared. Sampled to at most
        `SAMPLED_ROWS` rows each, the same ones every time.
    page
        Where Evidently's HTML goes; it opens offline.

    Raises
    ------
    EstimateError
        If either has too few rows, or no feature can be compared.
    """
    _require_rows(reference, current)
    names = _comparable(reference, current)
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(reference[name])]
    categories = [name for name in names if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sampled = {
        side: _sampled(frame[names], categories)
        for side, frame in (("current", current), ("reference", reference))
    }
    report = Report(
        [
            DataDriftPreset(
                columns=names,
                drift_share=LARGEST_SHARE,
                num_method=NUMBER_METHOD,
                cat_method=CATEGORY_METHOD,
                num_threshold=THRESHOLD,
                cat_threshold=THRESHOLD,
            )
        ]
    )
    snapshot = report.run(
        current_data=Dataset.from_pandas(sampled["current"], data_definition=definition),
        reference_data=Dataset.from_pandas(sampled["reference"], data_definition=definition),
    )
    snapshot.save_html(str(page))
    found = [
        FeatureDrift(name, "number" if name in numbers else "category", size, size >= THRESHOLD)
        for name, size in _distances(snapshot.dict()).items()
    ]
    everything = {*map(str, reference), *map(str, current)}
    return Drift(
        features=tuple(sorted(found, key=lambda f: (-f.distance, f.feature))),
        not_compared=tuple(sorted(everything - set(names))),
        current_rows=len(sampled["current"]),
        reference_rows=len(sampled["reference"]),
    )


def _require_rows(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    for name, frame in (("the model's training profile", reference), ("the period", current)):
        if len(frame) < FEWEST_ROWS:
            raise EstimateError(
                f"drift: {name} holds {len(frame)} decisions; expected at least {FEWEST_ROWS}; "
                "choose a longer period"
            )


def _comparable(reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
    both = [name for name in map(str, reference) if name in current]
    names = [n for n in both if reference[n].notna().any() and current[n].notna().any()]
    if not names:
        raise EstimateError(
            "drift: no feature is held by both the training profile and the period; train and "
            "publish a model with this version"
        )
    return names


def _sampled(frame: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    """Sample rows, and let an absent category be one that can be compared."""
    if len(frame) > SAMPLED_ROWS:
        chosen = np.random.default_rng(0).choice(len(frame), SAMPLED_ROWS, replace=False)
        frame = frame.iloc[np.sort(chosen)]
    named = {name: frame[name].astype(object).fillna("(not known)") for name in categories}
    return frame.assign(**named).reset_index(drop=True)


def _distances(document: dict[str, object]) -> dict[str, float]:
    metrics = document["metrics"]
    assert isinstance(metrics, list)
    return {
        metric["config"]["column"]: float(np.nan_to_num(metric["value"]))
        for metric in metrics
        if metric["config"]["type"].endswith(":ValueDrift")
    }
