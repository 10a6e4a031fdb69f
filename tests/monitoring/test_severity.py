from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from models.estimate import estimate_overturn_rate
from monitoring.recalibrated import recalibrated_frame
from monitoring.severity import by_severity, harm_if_wrong
from tests.monitoring.periods import make_period


def scored(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["policy", "expected_harm", "overturn_probability"])


def test_a_decision_counts_by_its_harm_if_wrong_whatever_its_risk() -> None:
    harm = harm_if_wrong(scored(("spam", 0.1, 0.1), ("spam", 0.5, 0.5), ("hate", 0.8, 0.1)))
    assert harm[0] == harm[1] == pytest.approx(harm[2] / 8)


def test_a_decision_without_risk_counts_by_its_policy_s_mean() -> None:
    harm = harm_if_wrong(scored(("hate", 0.8, 0.1), ("spam", 0.1, 0.1), ("hate", 0.0, 0.0)))
    assert harm[2] == harm[0]


def test_harm_is_never_null_nor_nought() -> None:
    harm = harm_if_wrong(scored(("spam", 0.0, 0.1), ("hate", 0.2, 0.1), ("new", 0.0, 0.0)))
    assert (harm > 0).all()
    assert (harm_if_wrong(scored(("spam", 0.0, 0.1), ("new", 0.0, 0.0))) == 1).all()


def test_equal_harm_gives_the_plain_figure() -> None:
    frame = recalibrated_frame(make_period(seed=1).ranked)
    table = make_period(seed=1).ranked.table
    plain, severe = (estimate_overturn_rate(f) for f in (frame, by_severity(frame, table)))
    assert severe.overturn_rate == pytest.approx(plain.overturn_rate)
    assert (severe.low, severe.high) == pytest.approx((plain.low, plain.high))


def test_the_interval_holds_the_severity_weighted_truth() -> None:
    """Held to its level: fewer hits than these are rarer than 1 in 100 at 95 %."""
    runs, held = 100, 0
    for seed in range(runs):
        made = make_period(seed=3_000 + seed, decisions_a_day=300)
        table = made.ranked.table
        weight = np.where(table["policy"] == "hate", 5.0, 1.0)
        table = table.assign(expected_harm=weight * table["overturn_probability"])
        found = estimate_overturn_rate(by_severity(recalibrated_frame(made.ranked), table))
        truth = float(weight[made.wrong].sum() / weight.sum())
        held += found.low <= truth <= found.high
    assert held >= binom.ppf(0.01, runs, 0.95)
