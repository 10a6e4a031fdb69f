from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from models.estimate import estimate_overturn_rate
from monitoring.drift.found import PERIOD
from monitoring.drift.outcome import (
    OVERTURNED,
    SpanOutcome,
    measure_outcomes,
    measure_performance,
)
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import Made, make_period


def measured(made: Made, profile: pd.DataFrame | None = None) -> dict[str, SpanOutcome]:
    return {o.span: o for o in measure_outcomes(Recalibrated(made.ranked), profile)}


def test_each_day_and_week_and_the_period_are_measured() -> None:
    found = measured(make_period(seed=1, days=9))
    days = [f"2026-01-{day:02d}" for day in range(5, 14)]
    assert list(found) == [*days, "2026-W02", "2026-W03", PERIOD]


def test_the_rate_of_the_period_is_the_published_estimate() -> None:
    made = make_period(seed=2)
    recalibrated = Recalibrated(made.ranked)
    found = measure_outcomes(recalibrated)[-1].outcomes[0]
    published = estimate_overturn_rate(recalibrated.frame())
    assert found.estimate.overturn_rate == published.overturn_rate
    assert (found.estimate.low, found.estimate.high) == (published.low, published.high)


def test_what_is_expected_is_the_mean_of_the_model_s_risk() -> None:
    made = make_period(seed=3)
    profile = pd.DataFrame({"overturn_probability": [0.1, 0.3]})
    overall, *directions = measured(made, profile)[PERIOD].outcomes
    assert overall.kind == OVERTURNED
    assert overall.expected == pytest.approx(made.ranked.table["overturn_probability"].mean())
    assert overall.trained == pytest.approx(0.2)
    assert all(direction.trained is None for direction in directions)


def test_a_true_model_agrees_and_one_that_expects_half_does_not() -> None:
    made = make_period(seed=4, days=20, decisions_a_day=1_000)
    assert measured(made)[PERIOD].outcomes[0].standing == "alike"
    table = made.ranked.table
    table["overturn_probability"] /= 2
    assert measured(made)[PERIOD].outcomes[0].standing == "worse"


def test_performance_is_weighted_by_one_over_the_chance() -> None:
    made = make_period(seed=5)
    table = made.ranked.table[made.ranked.table["audited"]]
    weight = 1 / (table["inclusion_probability"] * table["finished_share"])
    found = measured(made)[PERIOD].performance
    assert found is not None
    y, p = table["overturned"], table["overturn_probability"]
    assert found.auroc == pytest.approx(roc_auc_score(y, p, sample_weight=weight))
    assert found.log_loss == pytest.approx(log_loss(y, p, sample_weight=weight))
    assert found.brier == pytest.approx(np.average((y - p) ** 2, weights=weight))


def test_weighted_performance_comes_nearer_to_that_of_all_decisions() -> None:
    made = make_period(seed=6, days=30, decisions_a_day=1_000)
    table = made.ranked.table
    truth = roc_auc_score(made.wrong, table["overturn_probability"])
    audited = table["audited"].to_numpy(dtype=bool)
    plain = roc_auc_score(made.wrong[audited], table["overturn_probability"][audited])
    found = measured(made)[PERIOD].performance
    assert found is not None
    assert abs(found.auroc - truth) < abs(plain - truth)


def test_a_day_of_few_overturns_has_no_performance() -> None:
    found = measured(make_period(seed=7, decisions_a_day=100))
    assert all(found[day].performance is None for day in found if day.startswith("2026-01"))


def test_capture_counts_the_decision_on_the_edge_in_part() -> None:
    risk = np.linspace(1, 0, 10)
    overturned = np.array([True] + [False] * 9)
    found = measure_performance(risk, overturned, weight=np.ones(10))
    assert found.capture_05 == pytest.approx(0.5)


def test_without_an_audit_nothing_is_measured() -> None:
    made = make_period(seed=8)
    made.ranked.table["audited"] = False
    assert measure_outcomes(Recalibrated(made.ranked)) == ()
