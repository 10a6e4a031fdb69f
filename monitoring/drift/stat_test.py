"""Our measure of drift as a statistical test of Evidently's, for its own metrics and pages.

Evidently's default test at these sizes, a normalised Wasserstein distance of .1, does not see a
shift of .1 standard deviations; its p-values call everything drifted. This one gives the distance
of `monitoring.drift.contrasts` that goes farthest beyond chance, and holds it against the threshold
that the metric is given, and against what chance makes of samples of these sizes. It does not know
how ordinary days differ: thresholds that do come from `monitoring.drift.measure`.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from monitoring.drift.contrasts import contrasts_of, critical
from monitoring.drift.found import FALSE_ALARM, LEAST_DISTANCE
from monitoring.drift.reference import bins_of

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

METHOD = "secondlook_distance"
"""Name by which Evidently's metrics take it: ``ValueDrift(column=..., method=METHOD)``."""
_FEATURES_COMPARED = 40


def farthest_moved(
    reference: pd.Series, current: pd.Series, feature_type: object, threshold: float
) -> tuple[float, bool]:
    """Return the distance, and whether it is drift, as Evidently asks a test.

    Parameters
    ----------
    reference, current
        Known values; Evidently leaves nulls out.
    feature_type
        Not needed: numbers are told by their type.
    threshold
        Distance from which it counts, where chance does not ask for more.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> then, now = pd.Series(rng.normal(0, 1, 5000)), pd.Series(rng.normal(0.2, 1, 5000))
    >>> farthest_moved(then, now, "num", 0.05)[1], farthest_moved(then, then, "num", 0.05)[1]
    (True, False)
    """
    bins = bins_of("", reference)
    everything = (np.zeros(len(side), dtype=np.int64) for side in (reference, current))
    before, now = (
        bins.count(side, group, 1)
        for side, group in zip((reference, current), everything, strict=True)
    )
    found = contrasts_of(bins, before[0], now, repeats=1.0)
    error = np.sqrt(1 / np.maximum(found.reference_rows, 1) + 1 / np.maximum(found.rows[0], 1))
    fewest = np.minimum(found.rows[0], found.reference_rows)
    alpha = found.alpha * FALSE_ALARM / _FEATURES_COMPARED
    limit = np.maximum(LEAST_DISTANCE, critical(alpha, found.skew, fewest) * error)
    size = np.nan_to_num(np.abs(found.effects[0]))
    best = int((size / limit).argmax())
    return float(size[best]), bool(size[best] >= max(threshold, limit[best]))


register_stattest(
    StatTest(
        name=METHOD,
        display_name="Farthest move beyond chance, in standard deviations",
        allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
        default_threshold=LEAST_DISTANCE,
    ),
    default_impl=farthest_moved,
)
