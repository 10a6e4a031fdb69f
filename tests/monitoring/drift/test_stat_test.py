from __future__ import annotations

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

from monitoring.drift.stat_test import METHOD, farthest_moved


def drifts(reference: pd.Series, current: pd.Series, method: str | None) -> bool:
    """Tell whether Evidently's own metric finds drift by a method; null = by its default."""
    kind = "numerical" if pd.api.types.is_numeric_dtype(reference) else "categorical"
    definition = DataDefinition(**{f"{kind}_columns": ["x"]})
    current_data, reference_data = (
        Dataset.from_pandas(pd.DataFrame({"x": side}), data_definition=definition)
        for side in (current, reference)
    )
    report = Report([ValueDrift(column="x", method=method)], include_tests=True)
    found = report.run(current_data, reference_data).dict()
    return str(found["tests"][0]["status"]).upper().endswith("FAIL")


def test_evidently_sees_a_shift_by_our_test_that_its_default_does_not() -> None:
    rng = np.random.default_rng(0)
    then, now = (pd.Series(rng.normal(mean, 1, 20_000)) for mean in (0, 0.095))
    assert not drifts(then, now, None)
    assert drifts(then, now, METHOD)


def test_evidently_sees_nothing_where_nothing_moved() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        then, now = (pd.Series(rng.gamma(2, 1, 3_000)) for _ in range(2))
        assert not drifts(then, now, METHOD)


def test_categories_are_compared_too() -> None:
    rng = np.random.default_rng(2)
    then, alike, moved = (
        pd.Series(rng.choice(["a", "b", "c"], 4_000, p=shares))
        for shares in ([0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.42, 0.38, 0.2])
    )
    assert not drifts(then, alike, METHOD)
    assert drifts(then, moved, METHOD)


def test_a_threshold_above_what_chance_makes_counts() -> None:
    rng = np.random.default_rng(3)
    then, now = (pd.Series(rng.normal(mean, 1, 20_000)) for mean in (0, 0.2))
    assert farthest_moved(then, now, "num", 0.05)[1]
    assert not farthest_moved(then, now, "num", 0.5)[1]
